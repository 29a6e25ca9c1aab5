"""How strongly the logits hang on the input: the norm of their Jacobian."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from nnmass.probes._student import half_interval

MOST_EXACT = 16
"""Up to so many outputs the norm is exact: one backward pass for each."""

N_COTANGENTS = 8
"""For each image: enough for 2 % or so at 32 images."""


_FUNCTION = ["input", "running_mean", "running_var", "weight", "bias", "training", "", "eps"]
_OPERATION = ["input", "weight", "bias", "running_mean", "running_var", "training", "", "eps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JacobianNorm:
    """Frobenius norm of the Jacobian of an image's logits by its input, over images.

    Attributes:
        norm: Root of the mean square over the images.
        error: Half the width of a 95 % interval of the estimate for these images; 0 where exact.
    """

    norm: float
    error: float


class FrozenBatchNorm(TorchFunctionMode):
    """A block in which batch norms take the statistics of their batch as constants.

    What they give is the same, but an image's output hangs on that image alone.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace batch norms that would use their batch, whichever way they are called."""
        given = dict(kwargs or {})
        if func is F.batch_norm:
            names = _FUNCTION
        elif func is torch.batch_norm:
            names = _OPERATION
        else:
            return func(*args, **given)
        given = dict(zip(names, args, strict=False)) | given
        if not given.get("training", False):
            return func(*args, **(kwargs or {}))
        x = given["input"]
        axes = [axis for axis in range(x.ndim) if axis != 1]
        variance, mean = torch.var_mean(x.detach(), axes, correction=0)
        weight, bias, eps = given.get("weight"), given.get("bias"), given.get("eps", 1e-5)
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps)


def jacobian_norm(forward: Callable[[Tensor], Tensor], images: Tensor, seed: int) -> JacobianNorm:
    """The norm at ``images``, exact up to `MOST_EXACT` outputs, else estimated.

    The estimate is Hutchinson's: with cotangents v of independent random signs the mean of
    ``|J^T v|^2`` is ``|J|_F^2``. `N_COTANGENTS` are drawn for each image, and their spread gives
    the error (Student's t).

    Args:
        forward: Gives logits (N, classes) that hang, image by image, on that image alone.
        images: (N, ...).
        seed: Of the signs; no global generator is used.
    """
    x = images.clone().requires_grad_()
    logits = forward(x)
    n_images, n_outputs = logits.shape
    if n_outputs <= MOST_EXACT:
        units = torch.eye(n_outputs, dtype=logits.dtype, device=logits.device)
        rows = [_pulled_back(logits, unit.expand_as(logits), x) for unit in units]
        norm = math.hypot(*rows) / math.sqrt(n_images)
        return JacobianNorm(norm=norm, error=0.0 if math.isfinite(norm) else math.nan)
    generator = torch.Generator().manual_seed(seed)
    squares = []
    for _ in range(N_COTANGENTS):
        signs = torch.randint(0, 2, logits.shape, generator=generator) * 2 - 1
        squares.append(_pulled_back(logits, signs.to(logits), x) ** 2 / n_images)
    if not math.isfinite(sum(squares)):
        return JacobianNorm(norm=math.nan, error=math.nan)
    norm = math.sqrt(fmean(squares))
    return JacobianNorm(norm=norm, error=half_interval(squares) / (2 * norm) if norm else 0.0)


def _pulled_back(logits: Tensor, cotangent: Tensor, x: Tensor) -> float:
    """Norm of ``J^T cotangent``, over all images together."""
    if not logits.requires_grad:
        return 0.0
    (pulled,) = torch.autograd.grad(
        logits, x, cotangent.contiguous(), retain_graph=True, allow_unused=True
    )
    if pulled is None:
        return 0.0
    return float(torch.linalg.vector_norm(pulled, dtype=torch.float64))
