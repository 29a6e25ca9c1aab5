"""The layers of one network on one batch, measured as they run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.probes._estimate import estimate
from nnmass.probes._jacobian import BlockPlan, blocks_of, plan
from nnmass.probes._layer_calls import LayerCall, LayerWatcher, sizes
from nnmass.probes._singular_values import SingularValues
from nnmass.probes._slopes import start
from nnmass.probes._spectrum import LayerSpectrum
from nnmass.probes._summary import of_values
from nnmass.tracing import ModulePaths

Choice = Literal["auto", "exact", "estimated"]

_EXACT_WORK = 5e9  # multiply-adds up to which a layer is decomposed exactly; a second or two
_LARGEST_DENSE = 100_000_000  # numbers of a matrix that may be made at all


class LayerMeasurer:
    """Measures the layers that it is told of.

    Args:
        exact: Decomposes what is decomposed.
        n_images: Of the batch.
        method: How.
        tolerance: Of estimates.
        seed: Of estimates.
        on_layer: Told the path of each layer before it is measured.
    """

    def __init__(
        self,
        exact: SingularValues,
        n_images: int,
        *,
        method: Choice,
        tolerance: float,
        seed: int,
        on_layer: Callable[[str], None],
    ) -> None:
        self._n_images, self._method, self._tolerance = n_images, method, tolerance
        self._seed, self._on_layer = seed, on_layer
        self._exact = exact
        self._layers = list[LayerSpectrum]()
        self._padding: dict[int, tuple[int, int]] = {}  # by layer: times, zeros

    def measure(self, call: LayerCall) -> None:
        """Measure a layer, or put it with those that are decomposed together."""
        self._on_layer(call.path)
        self._layers.append(self._measured(call))

    def _measured(self, call: LayerCall) -> LayerSpectrum:
        if call.unsupported is not None:
            kind, reason = call.unsupported
            return LayerSpectrum(
                path=call.path,
                kind=kind,
                activation="",
                rows=0,
                columns=0,
                method="unsupported",
                reason=reason,
            )
        rows, columns = sizes(call, self._n_images)
        if min(rows, columns) == 0:
            raise ProbeError(
                f"{call.path} has width 0 (its Jacobian is {rows} x {columns}): a layer needs at "
                "least one input and one output; take it out of the network"
            )
        layer = LayerSpectrum(
            path=call.path,
            kind="linear" if call.convolution is None else "convolution",
            activation=call.activation,
            rows=rows,
            columns=columns,
            method="exact",
            n_images=self._n_images,
        )
        if reason := _not_finite(call):
            return replace(layer, method="failed", reason=reason, n_images=0)
        whole = plan(call)
        if self._is_exact(call, whole):
            self._add_exact(call, whole)
            return layer  # its numbers come with those of the others
        found = estimate(call, self._n_images, tolerance=self._tolerance, seed=self._seed)
        return replace(layer, method="estimated", n_images=found.n_images, **found.numbers)

    def _is_exact(self, call: LayerCall, whole: BlockPlan) -> bool:
        if self._method == "estimated":
            return False
        is_too_large = whole.rows * whole.columns > _LARGEST_DENSE
        if self._method == "exact" and is_too_large:
            raise ProbeError(
                f"{call.path} has a Jacobian of {whole.rows} x {whole.columns}, too large for "
                "method='exact'; use 'auto', or smaller images"
            )
        return self._method == "exact" or (whole.work <= _EXACT_WORK and not is_too_large)

    def _add_exact(self, call: LayerCall, whole: BlockPlan) -> None:
        index = len(self._layers)
        for blocks in blocks_of(call):
            self._exact.add(index, blocks)
        if whole.n_zeros:
            # Without slopes, one place of one image was decomposed, and stands for all of them.
            has_slopes = call.slope is not None
            n_places = 1 if has_slopes else math.prod(call.out_shape[2:])
            n_parts = len(call.features) if has_slopes else 1
            self._padding[index] = n_places, whole.n_zeros * n_parts

    def result(self) -> tuple[LayerSpectrum, ...]:
        """All layers, in the order in which they ran."""
        by_count: dict[int, list[tuple[int, Tensor]]] = {}
        for index, values in self._exact.result().items():
            padded = self._padded(index, values)
            by_count.setdefault(len(padded), []).append((index, padded))
        for entries in by_count.values():
            summed = of_values(torch.stack([values for _, values in entries]))
            for (index, _), numbers in zip(entries, summed, strict=True):
                self._layers[index] = replace(self._layers[index], **numbers)
        return tuple(self._layers)

    def _padded(self, index: int, values: Tensor) -> Tensor:
        """Singular values with the zeros that the blocks of a layer leave out."""
        if index not in self._padding:
            return values
        n_times, n_zeros = self._padding[index]
        return torch.cat([values.repeat(n_times), values.new_zeros(n_zeros)])


def _not_finite(call: LayerCall) -> str:
    """Why a layer has no numbers; empty where it has."""
    parts = [call.features, call.weight] + ([] if call.slope is None else [call.slope])
    if bool(torch.stack([part.sum() for part in parts]).isfinite().all()):
        return ""
    weight = call.weight
    if not bool(weight.isfinite().all()):
        n_bad = int((~weight.isfinite()).sum())
        return f"{n_bad:,} of its {weight.numel():,} weights are not finite"
    bad = ~call.features.isfinite()
    if call.slope is not None:
        bad |= ~call.slope.isfinite()
    n_bad = int(bad.flatten(1).any(1).sum())
    if not n_bad:  # it was the sum alone that was too large
        return ""
    return f"what it reads is not finite for {n_bad:,} of {len(bad):,} rows of the batch"


def measured_layers(
    model: nn.Module, images: Tensor, measurer: LayerMeasurer, *, name: str
) -> tuple[LayerSpectrum, ...]:
    """The layers of ``model`` (lent: see `borrowed`) on ``images``.

    Raises:
        ProbeError: The model cannot be run on the images, or has no layer.
    """
    paths = ModulePaths(model)
    watched = images.clone()
    start(watched)
    fast_attention = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it hides the layers of attention
    try:
        with torch.no_grad(), paths.followed(), LayerWatcher(paths, measurer.measure):
            model(watched)
    except ProbeError:
        raise
    except Exception as error:
        where = paths.here or "its forward"
        text = str(error).strip().split("\n")[0] or type(error).__name__
        shape = "x".join(map(str, images.shape[1:]))
        raise ProbeError(
            f"{name} could not be run on {len(images)} images of {shape}: {where} raised "
            f"{type(error).__name__}: {text:.200}. Do the images fit the network?"
        ) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_attention)
    layers = measurer.result()
    if all(layer.method == "unsupported" for layer in layers):
        named = "; ".join(f"{layer.path} ({layer.kind}): {layer.reason}" for layer in layers[:3])
        raise ProbeError(
            f"{name} has no linear or convolution layer that its input goes through"
            f"{f': {named}' if named else ''}; LDI is defined for those"
        )
    return layers
