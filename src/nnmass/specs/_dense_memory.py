"""What a cell with concatenation skips must keep in memory while its layers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnmass.topology import Cell

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


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

    Example:
        >>> most_kept_channels(8, 6, 10)
        20
    """
    meeting = (depth * link_caps + width) // (width + link_caps)
    last = depth - 1 if last is None else last
    if isinstance(link_caps, int):
        layers = (min(meeting, last), min(meeting + 1, last))
        return max(min(width * (at - 1), (depth - at) * link_caps) for at in layers)
    return _most_kept_of_each(width, depth, link_caps, meeting, last)


def _most_kept_of_each(
    width: int,
    depth: int,
    link_caps: npt.NDArray[np.int64],
    meeting: npt.NDArray[np.int64],
    last: int,
) -> npt.NDArray[np.int64]:
    import numpy as np

    layers = (np.minimum(meeting, last), np.minimum(meeting + 1, last))
    one, other = (np.minimum(width * (at - 1), (depth - at) * link_caps) for at in layers)
    most: npt.NDArray[np.int64] = np.maximum(one, other)
    return most
