"""The best choice of one option for each cell under budgets: exact, by bounds and enumeration.

    minimise sum_c cost_c[x_c]   subject to   sum_c use_c[x_c, k] <= limit_k   for every k

Prices on the budgets (Lagrange multipliers) turn this into one independent minimum for each cell:
a bound that no choice can beat. How far an option's priced cost lies above its cell's minimum is
its *regret*; the regrets of a choice within the limits sum to no more than its cost lies above the
bound. So all choices with a sum of regrets up to some gap are enumerated, cell after cell; once
the best of them within the limits is no dearer than bound plus gap, no other can be better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_SLACK = 1e-13  # of a limit: the rounding of sums of a few numbers
_ROUNDING = 1e-9  # of a bound: that of priced costs
_PAIRS = 4_000_000  # choices that are looked at together
_GROWTH = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """What one cell can be.

    Attributes:
        cost: (n,), what is minimised.
        use: (n, k), what is taken from each budget; negative for what must be reached.
    """

    cost: Floats
    use: Floats

    def __len__(self) -> int:
        return len(self.cost)

    def at(self, rows: Indices) -> Options:
        """These options alone."""
        return Options(self.cost[rows], self.use[rows])


@dataclass(frozen=True, slots=True)
class Choice:
    """One option for each cell.

    Attributes:
        options: Their numbers.
        cost: The sum of their costs.
        n_enumerated: Choices that were looked at one by one; all others are proven to be no
            better.
    """

    options: tuple[int, ...]
    cost: float
    n_enumerated: int


def solve(cells: Sequence[Options], limits: Floats) -> Choice | None:
    """The choice of least cost within the limits; ``None`` where there is none.

    Args:
        cells: At least one, each with at least one option.
        limits: (k,); infinity for none. A sum may exceed one by 1e-13 of its size, the rounding.

    Source:
        Ours: Lagrangian bounds with variable fixing, as is usual for knapsack problems
        (Kellerer, Pferschy, Pisinger, Knapsack Problems, 2004, chapter 11).
    """
    real = np.flatnonzero(np.isfinite(limits))
    limits = limits[real] + _SLACK * np.maximum(1.0, np.abs(limits[real]))
    cells = [Options(cell.cost, cell.use[:, real]) for cell in cells]
    kept = [_not_beaten(cell) for cell in cells]
    cells = [cell.at(rows) for cell, rows in zip(cells, kept, strict=True)]
    if (sum(cell.use.min(0) for cell in cells) > limits).any():
        return None
    bound, regrets = _regrets(cells, _prices(cells, limits), limits)
    dearest = float(sum(cell.cost.max() for cell in cells))
    gap = max(_first_gap(regrets), _ROUNDING * max(1.0, abs(bound)))
    n_enumerated = 0
    while True:
        best, n = _enumerate(cells, regrets, limits, gap)
        n_enumerated += n
        if best is not None and best[0] <= bound + gap:
            options = tuple(int(rows[i]) for rows, i in zip(kept, best[1], strict=True))
            return Choice(options, best[0], n_enumerated)
        if bound + gap > dearest:  # a choice within the limits would have been found
            return None
        gap = _GROWTH * gap if best is None else best[0] - bound + _ROUNDING * abs(bound)


def _not_beaten(cell: Options) -> Indices:
    """Options that no other beats in cost and in the budget; of equal ones the first.

    Only where there is at most one budget: with more there are few, and many to compare with.
    """
    n_budgets = cell.use.shape[1]
    if n_budgets > 1:
        return np.arange(len(cell))
    if n_budgets == 0:
        return np.array([int(cell.cost.argmin())])
    order = np.lexsort((cell.use[:, 0], cell.cost))
    use = cell.use[order, 0]
    is_better = np.ones(len(order), dtype=bool)  # than all cheaper ones
    is_better[1:] = use[1:] < np.minimum.accumulate(use)[:-1]
    return np.sort(order[is_better])


def _bound(cells: Sequence[Options], prices: Floats, limits: Floats) -> tuple[float, Floats]:
    """What no choice within the limits can beat, and how it changes with the prices."""
    bound, change = -float(prices @ limits), -limits
    for cell in cells:
        priced = cell.cost + cell.use @ prices
        best = int(priced.argmin())
        bound += float(priced[best])
        change = change + cell.use[best]
    return bound, change


def _prices(cells: Sequence[Options], limits: Floats) -> Floats:
    """Prices that give a high bound: one after the other the best, in turns.

    For one budget they are optimal. Whatever they are, the bound holds.
    """
    prices = np.zeros(len(limits))
    span = sum(float(np.ptp(cell.cost)) for cell in cells) or 1.0
    most = np.array([sum(float(np.ptp(cell.use[:, k])) for cell in cells) for k in range(len(limits))])
    best = -math.inf
    for _ in range(1 if len(limits) == 1 else 12):
        for k in range(len(limits)):
            prices[k] = _best_price(cells, prices, limits, k, unit=span / (most[k] or 1.0))
        bound, _ = _bound(cells, prices, limits)
        if bound <= best + 1e-9 * abs(best):
            break
        best = bound
    return prices


def _best_price(
    cells: Sequence[Options], prices: Floats, limits: Floats, k: int, *, unit: float
) -> float:
    """The price of one budget that gives the highest bound, the others held."""

    def is_too_low(price: float) -> bool:
        prices[k] = price
        return float(_bound(cells, prices, limits)[1][k]) > 0

    if not is_too_low(0.0):
        return 0.0
    low, high = 0.0, unit
    while is_too_low(high) and high < 1e12 * unit:
        low, high = high, 4 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if is_too_low(middle) else (low, middle)
    return high


def _regrets(
    cells: Sequence[Options], prices: Floats, limits: Floats
) -> tuple[float, list[Floats]]:
    bound, _ = _bound(cells, prices, limits)
    priced = [cell.cost + cell.use @ prices for cell in cells]
    return bound, [values - values.min() for values in priced]


def _first_gap(regrets: Sequence[Floats]) -> float:
    """A gap that leaves a few dozen options of a cell."""
    return min(float(np.partition(r, min(30, len(r) - 1))[min(30, len(r) - 1)]) for r in regrets)


_Best = tuple[float, tuple[int, ...]]


def _enumerate(
    cells: Sequence[Options], regrets: Sequence[Floats], limits: Floats, gap: float
) -> tuple[_Best | None, int]:
    """The cheapest choice within the limits whose regrets sum to at most ``gap``."""
    orders = [np.argsort(r, kind="stable") for r in regrets]
    orders = [o[: int(np.searchsorted(r[o], gap, "right"))] for o, r in zip(orders, regrets, strict=True)]
    least = np.cumsum([cells[c].use[orders[c]].min(0) for c in range(len(cells))][::-1], axis=0)[::-1]
    partial = _Partial(np.zeros(1), np.zeros(1), np.zeros((1, len(limits))), np.zeros((1, 0), int))
    n_seen = 0
    for c, cell in enumerate(cells):
        is_last = c + 1 == len(cells)
        rest = np.zeros(len(limits)) if is_last else least[c + 1]
        chosen, own = cell.at(orders[c]), regrets[c][orders[c]]
        if is_last and len(limits) == 1:
            grown = [partial.completed(chosen, orders[c], limits)]
            n_seen += len(partial.cost)
        else:
            grown = list[_Partial]()
            for pairs in partial.pairs(own, gap):
                n_seen += len(pairs[0])
                grown.append(partial.joined(pairs, chosen, own, orders[c]).within(limits - rest))
        if not any(len(part.cost) for part in grown):
            return None, n_seen
        partial = _Partial.of(grown).not_beaten()
    cheapest = np.flatnonzero(partial.cost == partial.cost.min())
    first = min(cheapest.tolist(), key=lambda i: tuple(partial.options[i].tolist()))
    return (float(partial.cost[first]), tuple(partial.options[first].tolist())), n_seen


@dataclass(frozen=True, slots=True)
class _Partial:
    """Choices for the first cells."""

    cost: Floats
    regret: Floats
    use: Floats
    options: Indices

    def pairs(self, regrets: Floats, gap: float) -> list[tuple[Indices, Indices]]:
        """Pairs of a choice and an option of the next cell, in pieces of bearable size."""
        counts = np.searchsorted(regrets, gap - self.regret, "right")
        ends = np.cumsum(counts)
        found, start = list[tuple[Indices, Indices]](), 0
        while start < len(counts):
            before = ends[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS, "right")))
            part = counts[start:stop]
            rows = np.repeat(np.arange(start, stop), part)
            firsts = np.repeat(np.cumsum(part) - part, part)
            found.append((rows, np.arange(len(rows)) - firsts))
            start = stop
        return found

    def joined(
        self, pairs: tuple[Indices, Indices], cell: Options, regrets: Floats, names: Indices
    ) -> _Partial:
        rows, columns = pairs
        return _Partial(
            self.cost[rows] + cell.cost[columns],
            self.regret[rows] + regrets[columns],
            self.use[rows] + cell.use[columns],
            np.column_stack([self.options[rows], names[columns]]),
        )

    def completed(self, cell: Options, names: Indices, limits: Floats) -> _Partial:
        """Each with the cheapest option of the last cell that keeps it within one budget."""
        order = np.lexsort((names, cell.cost, cell.use[:, 0]))
        use, cost = cell.use[order, 0], cell.cost[order]
        cheapest = np.minimum.accumulate(cost)  # among those that use no more
        is_new = np.append(True, cheapest[1:] < cheapest[:-1])
        best = np.flatnonzero(is_new)[np.cumsum(is_new) - 1]
        place = np.searchsorted(use, limits[0] - self.use[:, 0], "right") - 1
        rows = np.flatnonzero(place >= 0)
        columns = order[best[place[rows]]]
        return _Partial(
            self.cost[rows] + cell.cost[columns],
            self.regret[rows],
            self.use[rows] + cell.use[columns],
            np.column_stack([self.options[rows], names[columns]]),
        )

    def not_beaten(self) -> _Partial:
        """Without those that another beats in cost and in the one budget."""
        if self.use.shape[1] != 1:
            return self
        rows = _not_beaten(Options(self.cost, self.use))
        return self._at(rows)

    def _at(self, rows: Indices) -> _Partial:
        return _Partial(self.cost[rows], self.regret[rows], self.use[rows], self.options[rows])

    def within(self, limits: Floats) -> _Partial:
        """Those that can still stay within the limits."""
        return self._at(np.flatnonzero((self.use <= limits).all(1)))

    @classmethod
    def of(cls, parts: Sequence[_Partial]) -> _Partial:
        return cls(
            np.concatenate([part.cost for part in parts]),
            np.concatenate([part.regret for part in parts]),
            np.concatenate([part.use for part in parts]),
            np.concatenate([part.options for part in parts]),
        )
