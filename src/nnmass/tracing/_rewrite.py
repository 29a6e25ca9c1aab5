"""In-place writes: new origins for a tensor and for all that shares its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nnmass.tracing._channels import NO_ORIGIN, ChannelMap, Codes, compressed

_MapOf = Callable[[Tensor], ChannelMap | None]


def rewritten(
    target: Tensor, given: ChannelMap | None, others: Sequence[Tensor], map_of: _MapOf
) -> Iterator[tuple[Tensor, ChannelMap | None]]:
    """Every tensor whose origins change when ``given`` is written to ``target``, with the new ones.

    Args:
        target: What was written to.
        given: Its new origins; ``None`` for constants.
        others: Tensors of other layouts on the same memory.
        map_of: The origins before.
    """
    yield target, given
    if not others:
        return
    memory = _memory(target, others, map_of)
    places = _places(target, memory.size)
    memory[places] = NO_ORIGIN if given is None else given.spread(range(target.ndim), target.shape)
    for tensor in others:
        own = _places(tensor, memory.size)
        if np.isin(own, places).any():
            changed = compressed(range(tensor.ndim), memory[own])
            yield tensor, changed if changed.sources else None


def _memory(target: Tensor, others: Sequence[Tensor], map_of: _MapOf) -> Codes:
    """The origins of every element of the memory, before."""
    size = target.untyped_storage().nbytes() // target.element_size()
    memory = np.full(size, NO_ORIGIN)
    for tensor in sorted((*others, target), key=lambda t: t.numel()):
        given = map_of(tensor)
        if given is not None:
            codes = given.spread(range(tensor.ndim), tensor.shape)
            memory[_places(tensor, size)] = codes
    return memory


def _places(tensor: Tensor, size: int) -> npt.NDArray[np.int64]:
    """Where in the memory the elements of ``tensor`` stand."""
    whole = torch.arange(size, device="cpu")
    placed = whole.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
    places: npt.NDArray[np.int64] = placed.numpy()
    return places
