"""The networks that a latency table of a space must have measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnmass.design._frame import Frame, Slot
from nnmass.design._space import Space
from nnmass.specs import Spec


def space_ends(space: Space) -> tuple[Spec, ...]:
    """Smallest and largest networks of each part of ``space``, each once.

    A table that can tell these can tell every network of the space: the layers of all others
    have channels between theirs.

    Args:
        space: What is to be searched.

    Raises:
        SpecError: The family has no skips.

    Source:
        Ours.

    Example:
        >>> for spec in space_ends(Space.parse("dense-cnn(wm=1,d=4..5,t=*)")):
        ...     print(spec)
        dense-cnn(wm=1,d=4,t=0)
        dense-cnn(wm=1,d=4,t=32)
        dense-cnn(wm=1,d=5,t=0)
        dense-cnn(wm=1,d=5,t=48)
    """
    return tuple(dict.fromkeys(spec for frame in space.frames() for spec in _ends(frame)))


def _ends(frame: Frame) -> Iterator[Spec]:
    """As many networks as the slot of most ends has; the others stay at their last."""
    ends = [_ends_of(slot) for slot in frame.price(None).slots]
    for index in range(max(map(len, ends))):
        yield frame.spec([rows[min(index, len(rows) - 1)] for rows in ends])


def _ends_of(slot: Slot) -> list[Sequence[int]]:
    """The first and the last option for each value of the first number.

    That is the depth, or in rows the expansion, which decides whether a layer is there at all;
    so its own first and last value would not do.
    """
    rows = slot.settings
    starts = np.flatnonzero(np.r_[True, rows[1:, 0] != rows[:-1, 0]])
    lasts = np.r_[starts[1:] - 1, len(rows) - 1]
    ends = dict.fromkeys(int(index) for pair in zip(starts, lasts, strict=True) for index in pair)
    return [rows[index].tolist() for index in ends]
