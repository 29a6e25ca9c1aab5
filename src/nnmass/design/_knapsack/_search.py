"""All choices up to a target that the regrets leave, by joining two groups after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nnmass.design._knapsack._groups import Directions, Group, Regrets, rows_within, shrunk
from nnmass.design._knapsack._last_group import LastGroup
from nnmass.design._knapsack._options import Floats
from nnmass.design._knapsack._pairs import pairs_within
from nnmass.design._knapsack._prices import best_prices

_HELD = 300_000  # joined options that are held before they are followed
_WORTH_PRICING = 1_000_000  # pairs that better prices may spare
_COMPARISONS = 10_000_000


class WorkLimitReachedError(Exception):
    """More joins were needed than allowed. It does not leave the solver."""


@dataclass(slots=True)
class Search:
    """The cheapest choice, up to a target.

    Attributes:
        limits: (k,), the rounding included.
        tightest: (k,), the weights of budgets that leave the least room.
        most_joins: Beyond this many the search gives up.
        target: Choices that cost more need not be found; goes down to the best.
        best: The option of each cell, once there is a choice within the limits.
        cost: Its cost.
        n_joins: Pairs of options looked at.
    """

    limits: Floats
    tightest: Floats
    most_joins: float
    target: float = math.inf
    best: tuple[int, ...] | None = None
    cost: float = math.inf
    n_joins: int = 0

    def run(self, groups: Sequence[Group], directions: Directions, target: float) -> None:
        """Finds the cheapest choice of all that cost no more than ``target``, if there is one.

        Raises:
            WorkLimitReachedError: Before everything was looked at.
        """
        self.target = min(target, self.cost)
        left = shrunk(groups, self.limits, directions, self.target)
        if left is not None:
            groups = [group.not_beaten(most_comparisons=8 * _COMPARISONS) for group in left[0]]
            self._explore(groups, directions)

    def _explore(self, groups: Sequence[Group], directions: Directions) -> None:
        left = shrunk(groups, self.limits, directions, self.target)
        if left is not None and math.prod(map(len, left[0])) > _WORTH_PRICING:
            priced = best_prices([group.options for group in left[0]], self.limits)
            if priced.bound > self.target + 1e-9 * abs(self.target):
                return
            directions = Directions.around(priced.prices, self.tightest)
            left = shrunk(left[0], self.limits, directions, self.target)
        if left is None:
            return
        groups, regrets = left
        if len(groups) == 1:
            self._finish_one(groups[0])
            return
        order = sorted(range(len(groups)), key=lambda i: (len(groups[i]), i))
        if len(groups) == 2:
            self._finish_two(groups, regrets, order, directions)
            return
        rest = [groups[i] for i in order[2:]]
        for joined in self._joined(groups, regrets, order):
            few = joined.not_beaten(most_comparisons=_COMPARISONS) if len(rest) > 1 else joined
            self._explore([few, *rest], directions)

    def _joined(
        self, groups: Sequence[Group], regrets: Regrets, order: Sequence[int]
    ) -> Iterator[Group]:
        """The first two groups of the order as one, in pieces."""
        a, b = order[:2]
        held, n_held = list[Group](), 0
        for ones, others in pairs_within(
            regrets.above[a], regrets.above[b], lambda: regrets.room(self.target), self._count
        ):
            if not len(ones):
                continue
            held.append(groups[a].joined(groups[b], ones, others))
            n_held += len(ones)
            if n_held >= _HELD:
                yield Group.of(held)
                held, n_held = [], 0
        if held:
            yield Group.of(held)

    def _finish_one(self, group: Group) -> None:
        self._count(len(group))
        self._take_cheapest(group)

    def _finish_two(
        self,
        groups: Sequence[Group],
        regrets: Regrets,
        order: Sequence[int],
        directions: Directions,
    ) -> None:
        """Completes every option of the larger group with the cheapest of the smaller."""
        b, a = order
        first, last = groups[a], groups[b]
        self._count(len(first))
        ready = LastGroup.of(last.options, directions.prices[directions.weights == 0])
        cost, option, is_within = ready.complete(self.limits - first.options.use)
        total = first.options.cost + cost
        done = np.flatnonzero(is_within & (total < self.cost))
        if len(done):
            self._take_cheapest(first.joined(last, done, option[done]))
        open_rows = np.flatnonzero(~is_within & (total <= self.target))
        above = regrets.above[a][open_rows]
        for ones, others in pairs_within(
            above, regrets.above[b], lambda: regrets.room(self.target), self._count
        ):
            self._take_cheapest(first.joined(last, open_rows[ones], others))

    def _take_cheapest(self, group: Group) -> None:
        """Takes note of the cheapest option within the limits; of equal ones the first by name."""
        options = group.options
        rows = rows_within(options.use, self.limits)
        rows = rows[options.cost[rows] < self.cost]
        if not len(rows):
            return
        cost = float(options.cost[rows].min())
        names = group.names[rows[options.cost[rows] == cost]][:, np.argsort(group.members)]
        self.best = min(tuple(choice) for choice in names.tolist())
        self.cost = cost
        self.target = min(self.target, cost)

    def _count(self, n: int) -> None:
        self.n_joins += n
        if self.n_joins > self.most_joins:
            raise WorkLimitReachedError
