"""A model lent to a probe, and given back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nnmass._isolated import isolated
from nnmass.errors import ProbeError

BatchNorm = Literal["batch", "running"]
"""Statistics that batch norms use: those of the batch, as in the first step of a training, or the
running ones, as in use (at the start those are mean 0 and variance 1, which normalise nothing)."""


@contextmanager
def borrowed(
    model: nn.Module,
    device: torch.device,
    *,
    batch_norm: BatchNorm = "batch",
    requires_grad: bool = False,
) -> Iterator[list[Tensor]]:
    """``model`` on ``device`` with copies of its tensors, in evaluation mode, for a while.

    Whatever is done with it in there (running statistics, weights, modes, random numbers) is
    undone afterwards.

    Args:
        model: Any module with weights.
        device: Where the copies go.
        batch_norm: See `BatchNorm`.
        requires_grad: Whether the copies of the parameters ask for gradients.

    Yields:
        The copies of the parameters.

    Raises:
        ProbeError: It has no weights, or ``batch_norm`` is neither.
    """
    if batch_norm not in get_args(BatchNorm):
        raise ProbeError(f"batch_norm must be 'batch' or 'running', got {batch_norm!r}")
    for path, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if is_lazy(tensor) or tensor.is_meta:
            kind = "shape" if is_lazy(tensor) else "values (it is on the meta device)"
            raise ProbeError(
                f"{type(model).__name__}: {path} has no {kind}, and a probe computes with it: "
                "give the model weights, or name the network so that they can be drawn"
            )

    def copy(tensor: Tensor) -> Tensor:
        return tensor.to(device, copy=True)

    is_batch = batch_norm == "batch"
    with (
        torch.inference_mode(False),
        isolated(model, copy, requires_grad=requires_grad, batch_statistics=is_batch) as lent,
    ):
        for module in model.modules():
            if isinstance(module, nn.RNNBase):  # they read their weights from a list
                module._flat_weights = [getattr(module, n) for n in module._flat_weights_names]
        yield lent


def reject_compiled(model: nn.Module, name: str) -> None:
    """Refuse modules whose weights lie in C++: they cannot be lent, only changed.

    Raises:
        ProbeError: Part of ``model`` is compiled by `torch.jit`.
    """
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ProbeError(
                f"{name}: {path or 'the network'} is compiled by torch.jit, whose weights cannot "
                "be copied and followed: give the Python module that it was compiled from"
            )
