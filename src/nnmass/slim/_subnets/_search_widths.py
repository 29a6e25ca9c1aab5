"""Four ways from budgets to widths; each narrows from one budget to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from nnmass.slim._subnets._ladder import Ladder
from nnmass.slim._subnets._prices import Counts

Row = npt.NDArray[np.int64]
"""int64 (groups,): the channels of every group."""

Price = Callable[[Counts], npt.NDArray[np.int64]]
Cost = Callable[[Counts], npt.NDArray[np.float64]]

_HALVINGS = 40  # of the range of width ratios: finer than any group has channels


def uniform(ladder: Ladder, price: Price, budgets: Sequence[int]) -> list[Row]:
    """One ratio for all groups: the largest whose rounded widths meet the budget."""
    return [_uniform_within(ladder, price, budget) for budget in budgets]


def _uniform_within(ladder: Ladder, price: Price, budget: int) -> Row:
    low, high = 0.0, 1.0  # low meets the budget: the caller looked
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if price(ladder.nearest(middle * ladder.full)[None])[0] <= budget:
            low = middle
        else:
            high = middle
    return ladder.nearest(low * ladder.full)


def by_threshold(
    ladder: Ladder,
    price: Price,
    budgets: Sequence[int],
    scores: Sequence[npt.NDArray[np.float64]],
) -> list[Row]:
    """One threshold for all groups: the lowest that meets the budget.

    Args:
        ladder: The widths allowed.
        price: What a budget is of.
        budgets: Falling.
        scores: For every group float64 (channels,) of mean 1; the count above the threshold is
            rounded to the nearest rung.
    """
    thresholds = np.unique(np.concatenate([scores[number] for number in ladder.free]))

    def widths(place: int) -> Row:
        above = ladder.full.astype(np.float64)
        for number in ladder.free:
            above[number] = (scores[number] > thresholds[place]).sum()
        return ladder.nearest(above)

    rows, low = [], 0
    for budget in budgets:
        high = len(thresholds) - 1  # above all scores: the smallest widths, which meet it
        while low < high:
            middle = (low + high) // 2
            if price(widths(middle)[None])[0] <= budget:
                high = middle
            else:
                low = middle + 1
        rows.append(widths(low))
    return rows


def greedily(
    ladder: Ladder, price: Price, budgets: Sequence[int], cost: Cost, *, is_coarse: bool
) -> list[Row]:
    """Narrow the group that costs least for what it saves, until the budget is met.

    The last step is undone as far as the budget allows, and what is left of the budget goes to
    the groups that gain most by a rung more, within the level before.

    Args:
        ladder: The widths allowed.
        price: What a budget is of.
        budgets: Falling.
        cost: What is to stay small: of each candidate, float64 (candidates,).
        is_coarse: Steps of a tenth of a group, or one rung if that is more.

    Source:
        Yu, Huang, arXiv:1903.11728 (AutoSlim); dividing by what is saved is ours.
    """
    rows, row = list[Row](), ladder.full
    row_cost = float(cost(row[None])[0])
    for budget in budgets:
        above = row
        while (row_price := int(price(row[None])[0])) > budget:
            candidates = ladder.lower(row, is_coarse=is_coarse)
            costs = cost(candidates)
            saved = row_price - price(candidates)
            best = int(np.argmin((costs - row_cost) / saved))
            row = _given_back(ladder, price, budget, row, candidates[best])
            is_same = np.array_equal(row, candidates[best])
            row_cost = float(costs[best] if is_same else cost(row[None])[0])
        row, row_cost = _filled(ladder, price, budget, cost, row, row_cost, above)
        rows.append(row)
    return rows


def _filled(
    ladder: Ladder,
    price: Price,
    budget: int,
    cost: Cost,
    row: Row,
    row_cost: float,
    above: Row,
) -> tuple[Row, float]:
    """Widen, a rung at a time, the group that gains most for its price, while the budget lasts."""
    while len(wider := ladder.higher(row, above)):
        prices = price(wider)
        wider, prices = wider[prices <= budget], prices[prices <= budget]
        if not len(wider):
            break
        costs = cost(wider)
        best = int(np.argmin((costs - row_cost) / (prices - price(row[None])[0])))
        if costs[best] >= row_cost:
            break
        row, row_cost = wider[best], float(costs[best])
    return row, row_cost


def _given_back(ladder: Ladder, price: Price, budget: int, before: Row, after: Row) -> Row:
    """The widest between the two that meets the budget, or ``after`` where none does."""
    number = int(np.flatnonzero(before != after)[0])
    rungs = ladder.rungs[number]
    between = rungs[(rungs >= after[number]) & (rungs < before[number])]
    rows = np.repeat(after[None], len(between), axis=0)
    rows[:, number] = between
    within = np.flatnonzero(price(rows) <= budget)
    return np.asarray(rows[within[-1]] if len(within) else after)
