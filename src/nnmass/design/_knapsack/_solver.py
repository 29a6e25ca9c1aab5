"""The best choice of one option for each cell under budgets: exact, by bounds and joins.

    minimise sum_c cost_c[x_c]   subject to   sum_c use_c[x_c, k] <= limit_k   for every k

Prices on the budgets give a bound that no choice can beat, and every option a regret (see
``_groups``). All choices whose regrets fit under a target near the bound are enumerated,
implicitly: options that do not fit or that another beats are dropped, and what is left is joined
two cells at a time. Where nothing is found, the target is raised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nnmass.design._knapsack._all import MOST_CHOICES, cheapest_of_all, is_small
from nnmass.design._knapsack._options import Choice, Floats, Options, sum_of
from nnmass.design._knapsack._prices import best_prices, bound_at, tightest
from nnmass.design._knapsack._targets import Targets
from nnmass.errors import SpecError, UnprovenError

MOST_JOINS = 2_000_000_000

_SLACK = 1e-13  # of a limit: the rounding of sums of a few numbers


def solve(
    cells: Sequence[Options],
    limits: Floats,
    *,
    most_joins: int = MOST_JOINS,
    most_choices: int = MOST_CHOICES,
) -> Choice | None:
    """The choice of least cost within the limits; ``None`` where there is certainly none.

    The same problem always gives the same choice. An option that another equals or beats in cost
    and in every budget that matters is never part of it, and of equal options the first stays.
    Of choices left that cost the same it is the first in the order of option numbers among those
    that are looked at together, and else the one that is met first.

    Args:
        cells: At least one, each with at least one option; all numbers finite.
        limits: (k,); infinity for none. A sum may exceed one by 1e-13 of its size, the rounding.
        most_joins: Pairs of options that may be looked at, about 3e6 to 3e7 in a second, before
            the search gives up; a piece of at most a million more may be counted.
        most_choices: Up to so many choices, and those of a single cell, are looked at one by one;
            0 for never.

    Returns:
        The choice. Only where the work ran out is ``is_optimal`` false: then it is the best that
        was found, and ``bound`` what is proven.

    Raises:
        SpecError: The cells or limits do not describe a problem.
        UnprovenError: The work ran out before any choice within the limits was found.

    Source:
        Ours: Lagrangian bounds with variable fixing and dominance, as is usual for knapsack
        problems (Kellerer, Pferschy, Pisinger, Knapsack Problems, 2004, chapter 11); joining
        cells and pricing again closes what is left of the gap.

    Example:
        >>> cell = Options(cost=np.array([1.0, 4.0, 6.0]), use=np.array([[0.0], [-2.0], [-5.0]]))
        >>> solve([cell, cell], np.array([-6.0])).options  # at least 6 from two such cells
        (1, 2)
        >>> solve([cell, cell], np.array([-11.0])) is None
        True
    """
    cells, limits = _problem(cells, limits)
    if _is_short(cells, limits):
        return None
    if is_small(cells, most_choices):
        return _best_of_all(cells, limits)
    priced = best_prices(cells, limits)
    if priced.is_infeasible:
        return None
    budgets = np.flatnonzero(priced.prices > 0)  # the others may not matter: fewer options then
    n_joins = 0
    while True:
        search = Targets.of([cell.under(budgets) for cell in cells], limits[budgets])
        is_proven = search.run(most_joins - n_joins)
        n_joins += search.n_joins
        if search.best is None and is_proven:
            return None
        cost, use = sum_of(cells, search.best) if search.best else (math.inf, limits)
        broken = np.setdiff1d(np.flatnonzero(use > limits), budgets)
        if search.best and not len(broken):
            return Choice(
                options=search.best,
                cost=cost,
                bound=cost if is_proven else min(search.bound, cost),
                is_optimal=is_proven,
                n_enumerated=n_joins,
            )
        if not is_proven:
            raise UnprovenError(_UNPROVEN.format(n_joins=n_joins, bound=search.bound))
        budgets = np.union1d(budgets, broken)


def _best_of_all(cells: Sequence[Options], limits: Floats) -> Choice | None:
    options = cheapest_of_all(cells, limits)
    if options is None:
        return None
    cost, _ = sum_of(cells, options)
    n_choices = math.prod(map(len, cells))
    return Choice(options=options, cost=cost, bound=cost, is_optimal=True, n_enumerated=n_choices)


def lower_bound(
    cells: Sequence[Options], limits: Floats, *, most_choices: int = MOST_CHOICES
) -> float:
    """What no choice within the limits can cost less than, cheaply.

    Args:
        cells: As for `solve`.
        limits: As for `solve`.
        most_choices: As for `solve`.

    Returns:
        The value of the linear relaxation, less what rounding may add (of few choices the least
        cost itself); infinity where it is proven that no choice is within the limits.

    Raises:
        SpecError: The cells or limits do not describe a problem.

    Example:
        >>> cell = Options(cost=np.array([1.0, 4.0, 6.0]), use=np.array([[0.0], [-2.0], [-5.0]]))
        >>> round(lower_bound([cell, cell], np.array([-6.0]), most_choices=0), 3)
        8.0
    """
    cells, limits = _problem(cells, limits)
    if _is_short(cells, limits):
        return math.inf
    if is_small(cells, most_choices):
        best = _best_of_all(cells, limits)
        return math.inf if best is None else best.cost
    priced = best_prices(cells, limits)
    if priced.is_infeasible or tightest(cells, limits).is_infeasible:
        return math.inf
    bound, _, rounding = bound_at(cells, limits, priced.prices)
    return bound - rounding


_UNPROVEN = (
    "After {n_joins:,} joins of options neither a choice within the limits nor a proof that there "
    "is none was found; a choice would cost at least {bound:g}. Loosen a budget, or narrow the "
    "space (fewer depths, link caps in steps of 8)."
)


def _problem(cells: Sequence[Options], limits: Floats) -> tuple[list[Options], Floats]:
    """Checked, without budgets that have no limit, the limits with their rounding."""
    limits = np.asarray(limits, dtype=np.float64)
    if not len(cells):
        raise SpecError("The solver got no cells. A problem has at least one: pass its options.")
    if limits.ndim != 1 or np.isnan(limits).any():
        raise SpecError(
            f"Limits must be one number a budget, infinity for none, got {limits.tolist()}."
        )
    for number, cell in enumerate(cells):
        _check(cell, number, len(limits))
    real = np.flatnonzero(limits < math.inf)
    limits = limits[real]
    sizes = np.where(np.isfinite(limits), np.maximum(1.0, np.abs(limits)), 0.0)
    return [cell.under(real) for cell in cells], limits + _SLACK * sizes


def _check(cell: Options, number: int, n_budgets: int) -> None:
    n = len(cell)
    if not n or cell.cost.shape != (n,) or cell.use.shape != (n, n_budgets):
        raise SpecError(
            f"Cell {number} has costs of shape {cell.cost.shape} and uses of shape "
            f"{cell.use.shape} for {n_budgets} limits: it needs (n,) and (n, {n_budgets}), n >= 1."
        )
    if not (np.isfinite(cell.cost).all() and np.isfinite(cell.use).all()):
        raise SpecError(
            f"Cell {number} has a cost or use that is not finite. Leave out options that are "
            "not allowed."
        )


def _is_short(cells: Sequence[Options], limits: Floats) -> bool:
    """Whether a single budget is less than the least that must be used of it."""
    least = np.sum([cell.use.min(0) for cell in cells], axis=0)
    return bool((least > limits).any())
