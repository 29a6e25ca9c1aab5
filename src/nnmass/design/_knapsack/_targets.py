"""Targets for the search, from the bound upwards until the cheapest choice is below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnmass.design._knapsack._groups import Directions, Group, Regrets
from nnmass.design._knapsack._options import Floats, Options
from nnmass.design._knapsack._prices import best_prices, tightest
from nnmass.design._knapsack._search import Search, WorkLimitReachedError

_ROUNDING = 1e-9  # of a bound
_GROWTH = 2.0
_FIRST = 30  # options of some cell that the first target leaves
_LAST = 0.3  # of the way from the bound to the dearest choice: the next target is the dearest


@dataclass(slots=True)
class Targets:
    """A problem and what is known of it.

    Attributes:
        groups: The cells.
        limits: (k,), the rounding included.
        bound: What no choice within the limits costs less than; infinite if there is none.
        dearest: The cost of the dearest options.
        best: The cheapest choice so far.
        n_joins: Pairs of options looked at.
    """

    groups: list[Group]
    limits: Floats
    bound: float
    dearest: float
    prices: Floats
    tightest: Floats
    best: tuple[int, ...] | None = None
    n_joins: int = 0

    @classmethod
    def of(cls, cells: Sequence[Options], limits: Floats) -> Targets:
        """Priced, not yet searched."""
        priced, weights = best_prices(cells, limits), tightest(cells, limits)
        groups = [Group((c,), cell, np.arange(len(cell))[:, None]) for c, cell in enumerate(cells)]
        return cls(
            groups=groups,
            limits=limits,
            bound=math.inf if weights.is_infeasible else priced.bound,
            dearest=sum(float(cell.cost.max()) for cell in cells),
            prices=priced.prices,
            tightest=weights.prices,
        )

    def run(self, most_joins: float) -> bool:
        """Whether ``best`` is proven to be the cheapest, or ``None`` that there is none."""
        if self.bound == math.inf:
            return True
        search = Search(self.limits, self.tightest, most_joins)
        try:
            self._raise_targets(search)
        except WorkLimitReachedError:
            return False
        finally:
            self.best, self.n_joins = search.best, search.n_joins
        return True

    def _raise_targets(self, search: Search) -> None:
        directions = Directions.around(self.prices, self.tightest)
        regrets = Regrets.of(self.groups, self.limits, directions)
        start, rounding = self.bound, _ROUNDING * max(1.0, abs(self.bound))
        gap = max(_first_gap(regrets), rounding)
        while True:
            if gap > _LAST * (self.dearest - start):
                gap = max(self.dearest - start, gap) + rounding
            target = min(start + gap, search.cost)
            kept = regrets.within(target)
            if kept is not None:
                groups = [group.at(rows) for group, rows in zip(self.groups, kept, strict=True)]
                search.run(groups, directions, target)
            if search.cost <= target or start + gap > self.dearest:
                return
            self.bound = target
            gap *= _GROWTH


def _first_gap(regrets: Regrets) -> float:
    """A gap that leaves few options of some cell, along the best prices."""
    own = [above[:, 0] for above in regrets.above]
    return min(float(np.partition(r, min(_FIRST, len(r) - 1))[: _FIRST + 1].max()) for r in own)
