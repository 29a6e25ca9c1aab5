"""The mean singular value of large layers, image by image until it is known well enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nnmass.probes._jacobian import apply, apply_adjoint
from nnmass.probes._lanczos import Product, Quadrature, quadrature
from nnmass.probes._layer_calls import LayerCall, per_image
from nnmass.probes._student import t_quantile
from nnmass.probes._summary import Numbers, of_rules

_STARTS = 2  # for each image, so that their own spread is known
_MOST_STARTS = 64  # where all images have the same Jacobian
_MAX_STEPS = 110


@dataclass(frozen=True, slots=True)
class Estimate:
    """The numbers of a layer, and of how many images."""

    numbers: Numbers
    n_images: int


def estimate(call: LayerCall, n_images: int, *, tolerance: float, seed: int) -> Estimate:
    """Numbers of a layer by products alone.

    Images are taken in a random order, four and then more, until the 95 % interval of the mean
    singular value over all of them is narrower than ``tolerance`` on either side, or there are
    no more. The interval holds what other images and other starts would change (Student's t,
    with the share of the images that was measured taken off), and the distance of the two rules.
    Where all images have the same Jacobian, each further start counts as another image does.

    Args:
        call: The layer.
        n_images: How many images the batch has.
        tolerance: Part of the mean, above 0.
        seed: For the starts and the order of the images.
    """
    operator = _Operator(call, n_images)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(operator.n_units, generator=generator)
    found, squares, n_done = list[Quadrature](), list[float](), 0
    while True:
        n_more = min(max(4, n_done), operator.n_units - n_done)
        units = order[n_done : n_done + n_more]
        n_done += n_more
        found.append(operator.rules(units, tolerance=tolerance / 2, generator=generator))
        squares += operator.mean_squares(units)
        mean, error = _mean_and_error(found, operator)
        if error <= tolerance * mean or n_done == operator.n_units:
            mean_square = sum(squares) / len(squares)
            numbers = of_rules(found, mean=mean, mean_error=error, mean_square=mean_square)
            return Estimate(numbers, n_images if call.slope is None else n_done)


def _mean_and_error(found: list[Quadrature], operator: _Operator) -> tuple[float, float]:
    values = torch.cat([rules.middle for rules in found]).reshape(-1, operator.n_starts)
    gap = torch.cat([rules.high - rules.low for rules in found])
    mean = float(values.mean())
    n, each = values.shape
    share = n / operator.n_units if each > 1 else 0.0  # of the images
    between = float(values.mean(1).var()) / n if n > 1 else 0.0
    within = float(values.var(1).mean()) / (n * each) if each > 1 else 0.0
    error = math.sqrt((1 - share) * between + share * within)
    df = n * (each - 1) if share == 1 else n - 1
    return mean, t_quantile(df) * error + float(gap.mean()) / 2


class _Operator:
    """The Jacobians of a layer, one for each unit: an image, or all of them where they agree."""

    def __init__(self, call: LayerCall, n_images: int) -> None:
        parts = per_image(call, n_images)
        self.parts = parts if parts * n_images == len(call.features) else 1
        self._how = call.convolution
        dtype = torch.promote_types(call.weight.dtype, torch.float32)  # less is too coarse
        self._weight = call.weight.to(dtype)
        self._shape = call.features.shape[1:]
        self._out_shape = call.out_shape[1:]
        self._like = call.features[:1].to(dtype)
        self._slopes = None if call.slope is None else self._by_unit(call.slope.to(dtype))
        self.n_units = _MOST_STARTS if self._slopes is None else len(self._slopes)
        self.n_starts = 1 if self._slopes is None else _STARTS
        if self._slopes is None:
            self.parts = 1  # all alike
        self.is_tall = math.prod(self._out_shape) > math.prod(self._shape)

    def rules(self, units: Tensor, *, tolerance: float, generator: torch.Generator) -> Quadrature:
        """The rules of ``n_starts`` starts for each of the units."""
        forward, backward = self._products(units)
        if not self.is_tall:  # the smaller side has no room for zeros that do not count
            forward, backward = backward, forward
        shape = self._shape if self.is_tall else self._out_shape
        size = (len(units) * self.n_starts, self.parts, *shape)
        signs = torch.randint(0, 2, size, generator=generator, dtype=torch.int8)
        start = (2 * signs - 1).to(self._weight.device, self._weight.dtype)
        return quadrature(start, forward, backward, tolerance=tolerance, max_steps=_MAX_STEPS)

    def _products(self, units: Tensor) -> tuple[Product, Product]:
        slopes = self._slopes_of(units)
        if slopes is not None:
            slopes = slopes.repeat_interleave(self.n_starts, 0)

        def forward(v: Tensor) -> Tensor:
            x = (v if slopes is None else v * slopes).flatten(0, 1)
            return self._by_unit(apply(self._weight, x, self._how))

        def backward(u: Tensor) -> Tensor:
            y = u.flatten(0, 1)
            like = self._like.expand(len(y), *self._shape)
            x = self._by_unit(apply_adjoint(self._weight, y, like, self._how))
            return x if slopes is None else x * slopes

        return forward, backward

    def _by_unit(self, batch: Tensor) -> Tensor:
        return batch.reshape(-1, self.parts, *batch.shape[1:])

    def _slopes_of(self, units: Tensor) -> Tensor | None:
        return None if self._slopes is None else self._slopes[units.to(self._slopes.device)]

    def mean_squares(self, units: Tensor) -> list[float]:
        """Mean squared singular value of each unit: its squared Frobenius norm, exactly."""
        ones = torch.ones((1, *self._out_shape), dtype=self._weight.dtype, device=self._like.device)
        columns = apply_adjoint(self._weight.square(), ones, self._like, self._how).double()
        n = min(math.prod(self._shape), math.prod(self._out_shape)) * self.parts
        slopes = self._slopes_of(units)
        if slopes is None:
            return [float(columns.sum()) / n] * len(units)
        squares = (slopes.double().square() * columns).flatten(1).sum(1)
        return [value / n for value in squares.tolist()]
