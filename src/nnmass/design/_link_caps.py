"""The cheapest link caps of cells that must have enough links together: exact, in integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_NEVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOptions:
    """What one cell can be: for each link cap (its index) how many links that gives.

    Attributes:
        links: int64, strictly increasing, starting at 0.
        cost_per_link: At least 0.
    """

    links: Ints
    cost_per_link: int

    @classmethod
    def of(cls, *, width: int, depth: int, cost_per_link: int) -> CellOptions:
        """The options of a cell: every link cap from 0 to ``width * (depth - 2)``."""
        caps = np.arange(width * (depth - 2) + 1, dtype=np.int64)
        full = np.minimum(caps // width, depth - 2)
        links = width * full * (full + 1) // 2 + caps * (depth - 2 - full)
        return cls(links=links, cost_per_link=cost_per_link)

    def smallest_cap(self, links: int) -> int | None:
        """The smallest cap with at least so many links, or ``None``."""
        cap = int(np.searchsorted(self.links, links))
        return cap if cap < self.links.size else None


def cheapest_caps(options: Sequence[CellOptions], needed: int) -> tuple[int, ...] | None:
    """The link caps of least cost that have ``needed`` links or more, all cells together.

    The cost of a cell is linear in its links, so only sums of links matter: a table over the
    links so far (cut off at ``needed``), cell after cell, holds the least cost of reaching each.
    For the last cell the cap follows from what is still missing.

    Args:
        options: One for each cell.
        needed: Links that all cells must have together.

    Returns:
        One cap for each cell, or ``None`` where even full cells have too few links. Of several
        optima, the one with the fewest links in the last cell.

    Source:
        Ours; checked against brute force over all combinations.
    """
    if sum(int(option.links[-1]) for option in options) < needed:
        return None
    cost = np.full(needed + 1, _NEVER, dtype=np.int64)
    cost[0] = 0
    chosen: list[Ints] = []
    for option in options[:-1]:
        cost, caps = _add_cell(cost, option, needed)
        chosen.append(caps)
    last = options[-1]
    missing = needed - np.arange(needed + 1)
    last_caps = np.searchsorted(last.links, missing)
    reachable = (cost < _NEVER) & (last_caps < last.links.size)
    usable = np.minimum(last_caps, last.links.size - 1)
    total = np.where(reachable, cost + last.cost_per_link * last.links[usable], _NEVER)
    # Of equal costs the one with the most links before the last cell.
    reached = needed - int(np.argmin(total[::-1]))
    result = [int(last_caps[reached])]
    for caps in reversed(chosen):
        cap = int(caps[reached, 0])
        result.append(cap)
        reached = int(caps[reached, 1])
    return tuple(reversed(result))


def _add_cell(cost: Ints, option: CellOptions, needed: int) -> tuple[Ints, Ints]:
    """The table after one more cell, and for each sum (cap of this cell, sum before it)."""
    best = np.full(needed + 1, _NEVER, dtype=np.int64)
    trace = np.zeros((needed + 1, 2), dtype=np.int64)
    before = np.flatnonzero(cost < _NEVER)
    known = cost[before]
    for cap, links in enumerate(option.links.tolist()):
        sums = np.minimum(before + links, needed)
        totals = known + option.cost_per_link * links
        # The sums of `needed` or more fall together: keep the cheapest of them.
        n_cut = int(np.searchsorted(before, needed - links))
        if n_cut < before.size:
            cheapest = n_cut + int(np.argmin(totals[n_cut:]))
            order = np.append(np.arange(n_cut), cheapest)
        else:
            order = np.arange(n_cut)
        sums, totals, origin = sums[order], totals[order], before[order]
        better = totals < best[sums]
        best[sums[better]] = totals[better]
        trace[sums[better], 0] = cap
        trace[sums[better], 1] = origin[better]
        if links >= needed:
            break
    return best, trace
