"""Small problems: every choice is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nnmass.design._knapsack._options import Floats, Options

MOST_CHOICES = 100_000
"""Up to so many, looking at all of them is faster than any bound."""


def is_small(cells: Sequence[Options], most: int) -> bool:
    """A single cell, or few choices in all; never where ``most`` is 0."""
    return most > 0 and (len(cells) == 1 or math.prod(map(len, cells)) <= most)


def cheapest_of_all(cells: Sequence[Options], limits: Floats) -> tuple[int, ...] | None:
    """The cheapest choice within the limits, of equal ones the first by option numbers."""
    sizes = tuple(map(len, cells))
    cost = _sums([cell.cost for cell in cells])
    is_within = np.ones(sizes, dtype=bool)
    for k, limit in enumerate(limits):
        is_within &= _sums([cell.use[:, k] for cell in cells]) <= limit
    if not is_within.any():
        return None
    cost[~is_within] = math.inf
    return tuple(int(i) for i in np.unravel_index(int(cost.argmin()), sizes))


def _sums(columns: Sequence[Floats]) -> Floats:
    """One axis for each cell."""
    total = columns[0]
    for column in columns[1:]:
        total = total[..., None] + column
    return np.array(total)
