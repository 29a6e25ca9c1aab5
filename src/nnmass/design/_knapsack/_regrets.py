"""How far options lie above the least of their cell, in several directions at once.

A direction is a weight of the cost and a price for each budget. Along it, a choice within the
limits that costs at most some target has a total of at most

    weight * target + prices . limits

and at least the sum of the least of each cell. How far an option lies above the least of its cell
is its *regret*; the regrets of such a choice sum to no more than the room between the two totals,
in every direction. The budgets alone, the cost alone, the best prices, and the weights that leave
the least room (a direction of Farkas) are all directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnmass.design._knapsack._options import Floats, Indices, Options

_ROUNDING = 1e-12  # of the numbers that are added


@dataclass(frozen=True, slots=True)
class Directions:
    """Several directions.

    Attributes:
        weights: (m,), of the cost.
        prices: (m, k), not negative.
    """

    weights: Floats
    prices: Floats

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, Floats]]) -> Directions:
        """From weights with their prices."""
        return cls(np.array([w for w, _ in pairs]), np.array([p for _, p in pairs]))

    def totals(self, cell: Options) -> Floats:
        """(n, m)."""
        return cell.cost[:, None] * self.weights + cell.use @ self.prices.T


@dataclass(frozen=True, slots=True)
class Regrets:
    """Options of some cells with their regrets.

    Attributes:
        cells: For each cell its options that are left.
        names: For each cell their numbers among all options.
        above: For each cell (n, m), their regrets.
        floor: (m,), sums of the least minus what prices allow, without the target.
        rounding: (m,), how far sums can be off.
        weights: (m,), of the cost.
    """

    cells: tuple[Options, ...]
    names: tuple[Indices, ...]
    above: tuple[Floats, ...]
    floor: Floats
    rounding: Floats
    weights: Floats

    @classmethod
    def of(
        cls,
        cells: Sequence[Options],
        names: Sequence[Indices],
        limits: Floats,
        directions: Directions,
    ) -> Regrets:
        """In these directions."""
        totals = [directions.totals(cell) for cell in cells]
        pay = directions.prices @ limits
        least = [values.min(0) for values in totals]
        size = np.abs(pay) + sum(np.abs(values).max(0) for values in totals)
        return cls(
            cells=tuple(cells),
            names=tuple(names),
            above=tuple(values - low for values, low in zip(totals, least, strict=True)),
            floor=np.sum(least, axis=0) - pay,
            rounding=_ROUNDING * size,
            weights=directions.weights,
        )

    def room(self, target: float) -> Floats:
        """(m,), what the regrets of a choice up to the target can sum to."""
        return np.where(self.weights > 0, self.weights * target, 0.0) - self.floor + self.rounding

    def within(self, target: float) -> list[Indices] | None:
        """For each cell the options that can be part of such a choice; None if a cell has none."""
        room = self.room(target)
        kept = [np.flatnonzero((above <= room).all(1)) for above in self.above]
        return kept if all(len(rows) for rows in kept) else None
