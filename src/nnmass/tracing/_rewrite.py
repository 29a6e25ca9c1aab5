"""In-place writes: new origins for a tensor and for all that shares its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
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
    written = np.zeros(memory.size, dtype=bool)
    own = NO_ORIGIN if given is None else given.spread(range(target.ndim), target.shape)
    _seen_as(target, memory)[...] = own
    _seen_as(target, written)[...] = True
    for tensor in others:
        if _seen_as(tensor, written).any():
            changed = compressed(range(tensor.ndim), _seen_as(tensor, memory).copy())
            yield tensor, changed if (changed.codes != NO_ORIGIN).any() else None


def _memory(target: Tensor, others: Sequence[Tensor], map_of: _MapOf) -> Codes:
    """The origins of every element of the memory, before."""
    size = target.untyped_storage().nbytes() // target.element_size()
    memory = np.full(size, NO_ORIGIN)
    for tensor in sorted((*others, target), key=lambda t: t.numel()):
        given = map_of(tensor)
        if given is not None:
            _seen_as(tensor, memory)[...] = given.spread(range(tensor.ndim), tensor.shape)
    return memory


def _seen_as(tensor: Tensor, memory: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The memory as ``tensor`` sees it, without a copy."""
    strides = [stride * memory.itemsize for stride in tensor.stride()]
    start = memory[int(tensor.storage_offset()) :]
    return np.lib.stride_tricks.as_strided(start, tuple(tensor.shape), strides)
