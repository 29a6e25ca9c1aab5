"""Drawing the links of a cell: wiring as data, the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError, whole_number
from nnmass.topology._cell import Cell

Wiring = tuple[npt.NDArray[np.int64], ...]
"""For each layer of a cell, the channels it takes through skips, ascending.

Channel ``j`` of layer ``i``'s array is channel ``j % width`` of layer ``j // width``.
"""

_STREAM = 0x6C696E6B73  # "links": keeps these draws apart from those of the weights


def draw_links(cell: Cell, *, seed: int, cell_index: int = 0) -> Wiring:
    """Draw the skip links of ``cell``, uniformly and without replacement.

    Every (seed, cell_index, layer) has a generator of its own, so that another cell, or a deeper
    one, leaves the links of the earlier layers as they are. No global generator is touched. Only
    the raw stream of the bit generator is used, which NumPy keeps stable across its versions.

    Args:
        cell: The cell to wire.
        seed: At least 0.
        cell_index: Position of the cell in its network, from 0.

    Returns:
        ``cell.depth`` arrays of int64, empty for the layers 0 and 1; layer i's holds
        ``min(link_cap, width * (i-1))`` distinct numbers in ``[0, width * (i-1))``.

    Raises:
        SpecError: ``seed`` or ``cell_index`` is negative or not a whole number.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780), random skips; the generators are
        ours.

    Example:
        >>> [layer.size for layer in draw_links(Cell(width=4, depth=5, link_cap=6), seed=0)]
        [0, 0, 4, 6, 6]
    """
    seed = whole_number(seed, "seed", low=0)
    cell_index = whole_number(cell_index, "cell_index", low=0)
    return tuple(
        _draw(cell.width * max(layer - 1, 0), cell.links_into(layer), (seed, cell_index, layer))
        for layer in range(cell.depth)
    )


def _draw(candidates: int, count: int, key: tuple[int, int, int]) -> npt.NDArray[np.int64]:
    if count == candidates:
        return np.arange(candidates, dtype=np.int64)
    bits = np.random.Philox(np.random.SeedSequence((_STREAM, *key)))
    order = np.argsort(bits.random_raw(candidates), kind="stable")
    return np.sort(order[:count]).astype(np.int64)


def check_wiring(cell: Cell, wiring: Wiring) -> None:
    """Check that ``wiring`` is one that `draw_links` could give for ``cell``.

    Args:
        cell: Whose links they are.
        wiring: An array of link numbers for each layer.

    Raises:
        SpecError: A layer has the wrong number of links, links that are not whole numbers in
            ascending order, a repeated one, or one to itself, to its neighbour or to a later
            layer.

    Example:
        >>> from nnmass.topology import Cell
        >>> cell = Cell(8, 4, 2)
        >>> check_wiring(cell, draw_links(cell, seed=0))
    """
    if len(wiring) != cell.depth:
        raise SpecError(f"the wiring has {len(wiring)} layers, the cell {cell.depth}")
    for layer, links in enumerate(wiring):
        _check_layer(cell, layer, links)


def _check_layer(cell: Cell, layer: int, links: npt.NDArray[Any]) -> None:
    wanted, limit = cell.links_into(layer), cell.width * max(layer - 1, 0)
    if links.shape != (wanted,):
        raise SpecError(f"layer {layer} must have {wanted} links, got shape {links.shape}")
    if wanted and not (_is_ascending(links) and links[0] >= 0 and links[-1] < limit):
        raise SpecError(
            f"the links of layer {layer} must be distinct whole numbers in [0, {limit}) (the "
            f"channels of the layers 0 .. {layer - 2}), in ascending order, got {links.tolist()}"
        )


def _is_ascending(links: npt.NDArray[Any]) -> bool:
    return links.dtype.kind in "iu" and bool((links[:-1] < links[1:]).all())
