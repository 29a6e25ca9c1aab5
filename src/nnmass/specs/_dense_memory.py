"""What a cell with concatenation skips must keep in memory while its layers run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnmass.topology import Cell


def kept_channels(cell: Cell, layer: int) -> int:
    """Most channels of the layers 0 .. layer-2 that ``layer`` or a later one may still read.

    Each of the ``d - layer`` layers left reads at most ``t`` of these ``w (layer-1)`` channels:

        kept = min(w (layer - 1), (d - layer) t)

    Links are drawn, so a network keeps that many at worst; there are links for which it does.

    Example:
        >>> [kept_channels(Cell(width=8, depth=6, link_cap=10), layer) for layer in range(1, 6)]
        [0, 8, 16, 20, 10]
    """
    return min(cell.width * (layer - 1), (cell.depth - layer) * cell.link_cap)


def most_kept_channels(width: int, depth: int, link_caps: Any, *, last: int | None = None) -> Any:
    """The most that `kept_channels` is for any layer, for one link cap or an array of them.

    Its first bound grows with the layer and its second falls, so that the most stands next to
    where they meet, at ``(d t + w) / (w + t)``. It never falls with the link cap.

    Args:
        width: Channels of each layer of the cell.
        depth: Its layers.
        link_caps: A whole number, or an array of them.
        last: The last layer that counts; that of the cell unless told.

    Source:
        Ours.

    Example:
        >>> most_kept_channels(8, 6, 10)
        20
    """
    least, most = _bounds_of(link_caps)
    meeting = (depth * link_caps + width) // (width + link_caps)
    last = depth - 1 if last is None else last
    layers = (least(meeting, last), least(meeting + 1, last))
    one, other = (least(width * (at - 1), (depth - at) * link_caps) for at in layers)
    return most(one, other)


def _bounds_of(numbers: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Minimum and maximum of two numbers like these; numpy's, for arrays alone, loads slowly."""
    if isinstance(numbers, int):
        return min, max
    import numpy as np

    return np.minimum, np.maximum
