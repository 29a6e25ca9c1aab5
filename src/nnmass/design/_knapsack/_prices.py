"""Prices on budgets: bounds that no choice within the limits can beat.

For prices p >= 0 every choice x within the limits costs at least

    sum_c min_x (cost_c[x] + p . use_c[x])  -  p . limits

(Lagrange). The highest of these bounds, the value of the linear relaxation, is found on a few
options of each cell; the options that disagree are added until none does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnmass.design._knapsack._options import Floats, Options
from nnmass.design._knapsack._smooth_dual import FIRST, highest_bound

_ROUNDS = 60
_LATER = 1e-3  # smoothing, once the prices are about right
_EXACT = 1e-9  # of the span of costs: how close to the highest bound is close enough
_ROUNDING = 1e-12  # of the numbers that are added


@dataclass(frozen=True, slots=True)
class Priced:
    """What prices prove.

    Attributes:
        prices: (k,), not negative.
        bound: No choice within the limits costs less; infinity: no choice is within the limits.
        weight: 1, or 0 where the costs themselves do not count (a direction of Farkas).
    """

    prices: Floats
    bound: float
    weight: float = 1.0

    @property
    def is_infeasible(self) -> bool:
        """Whether no choice is within the limits."""
        return self.bound == math.inf


def bound_at(
    cells: Sequence[Options], limits: Floats, prices: Floats, weight: float = 1.0
) -> tuple[float, list[int], float]:
    """The bound, the options that give it, and how large its rounding can be."""
    pay = float(prices @ limits)
    bound, size, options = -pay, abs(pay), list[int]()
    for cell in cells:
        priced = weight * cell.cost + cell.use @ prices
        option = int(priced.argmin())
        options.append(option)
        bound += float(priced[option])
        size += float(weight * abs(cell.cost[option]) + prices @ np.abs(cell.use[option]))
    return bound, options, _ROUNDING * size


def best_prices(cells: Sequence[Options], limits: Floats) -> Priced:
    """The prices that prove the most.

    Returns:
        Prices whose bound is the value of the linear relaxation, but for 1e-9 of the span of
        costs; a bound of infinity is a proof, with some room for rounding.

    Source:
        Ours: generation of columns, as is usual (Kellerer, Pferschy, Pisinger, Knapsack
        Problems, 2004, chapter 11.2), with a smoothed dual in place of a linear program.
    """
    if not len(limits):
        return Priced(np.zeros(0), sum(float(cell.cost.min()) for cell in cells))
    scales = _scales(cells)
    scaled, limits = _scaled(cells, limits, scales)
    columns = [_first_columns(cell) for cell in scaled]
    best, found = np.zeros(len(limits)), -math.inf
    for turn in range(_ROUNDS):
        promised, prices = highest_bound(
            _at(scaled, columns), limits, start=best, smoothing=FIRST if turn < 2 else _LATER
        )
        bound, options, _ = bound_at(scaled, limits, prices)
        if bound > found:
            best, found = prices, bound
        if promised - found <= _EXACT:
            break
        proof, others, rounding = bound_at(scaled, limits, prices, weight=0.0)
        if proof > rounding:
            return Priced(prices / scales[1:], math.inf, 0.0)
        if not _add(columns, options, others):
            break
    cost = scales[0]
    return Priced(best * cost / scales[1:], found * cost)


def tightest(cells: Sequence[Options], limits: Floats) -> Priced:
    """Weights of the budgets under which the choices have the least room, costs apart.

    Returns:
        With the weights as prices; a bound of infinity is a proof that no choice is within the
        limits.
    """
    if not len(limits):
        return Priced(np.zeros(0), -math.inf, 0.0)
    scales = _scales(cells)
    scaled, limits = _scaled(cells, limits, scales)
    scaled = [Options(np.zeros(len(cell)), cell.use) for cell in scaled]
    columns = [_first_columns(cell) for cell in scaled]
    best, found = np.full(len(limits), 1 / len(limits)), -math.inf
    for turn in range(_ROUNDS):
        promised, weights = highest_bound(
            _at(scaled, columns),
            limits,
            start=best,
            smoothing=FIRST if turn < 2 else _LATER,
            sum_is_one=True,
        )
        bound, options, rounding = bound_at(scaled, limits, weights)
        if bound > found:
            best, found = weights, bound
        if found > rounding:
            return Priced(best / scales[1:], math.inf, 0.0)
        if promised - found <= 1e-6 or not _add(columns, options):
            break
    return Priced(best / scales[1:], found, 0.0)


def _scales(cells: Sequence[Options]) -> Floats:
    """(1 + k,): the spans of costs and uses, 1 where there is none."""
    spans = [np.append(np.ptp(cell.cost), np.ptp(cell.use, 0)) for cell in cells]
    total = np.sum(spans, axis=0)
    return np.where(total > 0, total, 1.0)


def _scaled(
    cells: Sequence[Options], limits: Floats, scales: Floats
) -> tuple[list[Options], Floats]:
    scaled = [Options(cell.cost / scales[0], cell.use / scales[1:]) for cell in cells]
    return scaled, limits / scales[1:]


def _first_columns(cell: Options) -> list[int]:
    columns = {int(cell.cost.argmin())}
    for k in range(cell.use.shape[1]):
        columns |= {int(cell.use[:, k].argmin())}
    return sorted(columns)


def _at(cells: Sequence[Options], columns: Sequence[Sequence[int]]) -> list[Options]:
    return [cell.at(np.array(rows)) for cell, rows in zip(cells, columns, strict=True)]


def _add(columns: Sequence[list[int]], *choices: Sequence[int]) -> bool:
    """Whether any of the choices was new."""
    is_new = False
    for choice in choices:
        for rows, option in zip(columns, choice, strict=True):
            if option not in rows:
                rows.append(option)
                is_new = True
    return is_new
