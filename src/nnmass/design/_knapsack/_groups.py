"""Cells and joins of cells, with the regrets of their options in several directions.

A direction is a weight of the cost and a price for each budget. Along it, a choice within the
limits that costs no more than a target has a total of at most

    weight * target + prices . limits

and at least the sum of the least of each cell. How far an option lies above the least of its cell
is its *regret*; the regrets of such a choice sum to no more than the room between the two totals,
in every direction. Single budgets, the cost alone, the best prices and the weights that leave the
least room (a direction of Farkas) are all directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnmass.design._knapsack._dominance import not_beaten
from nnmass.design._knapsack._options import Floats, Indices, Options

_ROUNDING = 1e-12  # of the numbers that are added


@dataclass(frozen=True, slots=True)
class Group:
    """What is left of one cell, or of several cells joined to one.

    Attributes:
        members: The cells, by number.
        options: Sums over the members.
        names: (n, members), the option of each member.
    """

    members: tuple[int, ...]
    options: Options
    names: Indices

    def __len__(self) -> int:
        return len(self.names)

    def at(self, rows: Indices) -> Group:
        """These options alone."""
        return Group(self.members, self.options.at(rows), self.names[rows])

    def not_beaten(self, *, most_comparisons: int) -> Group:
        """Without options that another equals or beats in everything."""
        return self.at(not_beaten(self.options, most_comparisons=most_comparisons))

    def joined(self, other: Group, rows: Indices, others: Indices) -> Group:
        """Pairs of an own option and one of the other group."""
        mine, theirs = self.options, other.options
        sums = Options(mine.cost[rows] + theirs.cost[others], mine.use[rows] + theirs.use[others])
        names = np.column_stack([self.names[rows], other.names[others]])
        return Group(self.members + other.members, sums, names)

    @classmethod
    def of(cls, pieces: Sequence[Group]) -> Group:
        """Pieces of one group, together."""
        cost = np.concatenate([piece.options.cost for piece in pieces])
        use = np.concatenate([piece.options.use for piece in pieces])
        names = np.concatenate([piece.names for piece in pieces])
        return cls(pieces[0].members, Options(cost, use), names)


@dataclass(frozen=True, slots=True)
class Directions:
    """Several directions.

    Attributes:
        weights: (m,), of the cost: 0 or 1.
        prices: (m, k), not negative.
    """

    weights: Floats
    prices: Floats

    @classmethod
    def around(cls, prices: Floats, tightest: Floats) -> Directions:
        """Those worth looking along.

        Args:
            prices: (k,), best prices.
            tightest: (k,), the weights of the budgets that leave the least room.
        """
        k = len(prices)
        pairs = [(1.0, prices), (1.0, np.zeros(k)), (0.0, tightest)]
        pairs += [(0.0, row) for row in np.eye(k)]
        if k > 1:
            pairs.append((0.0, prices))
            for row in np.flatnonzero(prices).tolist():
                factors = np.ones(k)
                for factors[row] in (0.5, 2.0):
                    pairs.append((1.0, prices * factors))
        return cls(np.array([weight for weight, _ in pairs]), np.array([p for _, p in pairs]))

    def totals(self, options: Options) -> Floats:
        """(n, m), each direction in one piece of memory, as they are looked up one by one."""
        totals = self.prices @ options.use.T
        totals += self.weights[:, None] * options.cost
        return totals.T


@dataclass(frozen=True, slots=True)
class Regrets:
    """The regrets of some groups that make up all cells.

    Attributes:
        above: For each group (n, m).
        floor: (m,), what must be spent without any regret, less what the limits allow.
        rounding: (m,), how far sums can be off.
        weights: (m,), of the cost.
    """

    above: tuple[Floats, ...]
    floor: Floats
    rounding: Floats
    weights: Floats

    @classmethod
    def of(cls, groups: Sequence[Group], limits: Floats, directions: Directions) -> Regrets:
        """In these directions."""
        totals = [directions.totals(group.options) for group in groups]
        pay = directions.prices @ limits
        least = [values.min(0) for values in totals]
        size = np.abs(pay) + sum(np.maximum(values.max(0), -values.min(0)) for values in totals)
        for values, low in zip(totals, least, strict=True):
            np.subtract(values, low, out=values)
        return cls(
            above=tuple(totals),
            floor=np.sum(least, axis=0) - pay,
            rounding=_ROUNDING * size,
            weights=directions.weights,
        )

    def room(self, target: float) -> Floats:
        """(m,), what the regrets of a choice that costs no more than ``target`` can sum to."""
        return self.weights * target - self.floor + self.rounding

    def within(self, target: float) -> list[Indices] | None:
        """For each group the options of such choices; None where there is certainly none."""
        room = self.room(target)
        kept = [rows_within(above, room) for above in self.above]
        return kept if all(len(rows) for rows in kept) else None


def rows_within(above: Floats, room: Floats) -> Indices:
    """Rows of (n, m) that are no larger than the room, in every direction."""
    is_within = np.ones(len(above), dtype=bool)
    for m in range(len(room)):
        is_within &= above[:, m] <= room[m]
    return np.flatnonzero(is_within)


def shrunk(
    groups: Sequence[Group], limits: Floats, directions: Directions, target: float
) -> tuple[list[Group], Regrets] | None:
    """The groups without options that no choice up to the target can have.

    With options gone the least of a cell can be higher, and the room smaller: so again, as long
    as it pays.
    """
    groups = list(groups)
    while True:
        regrets = Regrets.of(groups, limits, directions)
        kept = regrets.within(target)
        if kept is None:
            return None
        before, after = sum(map(len, groups)), sum(map(len, kept))
        if before == after:
            return groups, regrets
        groups = [group.at(rows) for group, rows in zip(groups, kept, strict=True)]
        if after > 0.9 * before:
            return groups, Regrets.of(groups, limits, directions)
