from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmass.design._knapsack import Options
from nnmass.design._knapsack import lower_bound as any_lower_bound
from nnmass.design._knapsack import solve as any_solve
from nnmass.design._knapsack._dominance import not_beaten
from nnmass.errors import SpecError, UnprovenError

INF = math.inf


# Few choices are looked at one by one; here the way for many is tried on small problems too.
def solve(cells, limits, **more):
    return any_solve(cells, limits, most_choices=0, **more)


def lower_bound(cells, limits):
    return any_lower_bound(cells, limits, most_choices=0)


def options(cost, use):
    cost = np.asarray(cost, dtype=float)
    return Options(cost, np.asarray(use, dtype=float).reshape(len(cost), -1))


def brute_force(cells, limits, slack=0.0):
    """Least cost over all choices, looked at one by one; None where none is within the limits."""
    best = None
    for choice in itertools.product(*[range(len(cell)) for cell in cells]):
        uses = [
            math.fsum(c.use[i, k] for c, i in zip(cells, choice, strict=True))
            for k in range(len(limits))
        ]
        if all(use <= most + slack for use, most in zip(uses, limits, strict=True)):
            cost = math.fsum(c.cost[i] for c, i in zip(cells, choice, strict=True))
            best = cost if best is None else min(best, cost)
    return best


def check(cells, limits, slack=0.0):
    limits = np.asarray(limits, dtype=float)
    expected, got = brute_force(cells, limits, slack), solve(cells, limits)
    bound = lower_bound(cells, limits)
    if expected is None:
        assert got is None
        assert any_solve(cells, limits) is None
        assert any_lower_bound(cells, limits) == INF
        return
    assert got is not None and got.is_optimal and got.bound == got.cost
    assert got.cost == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert bound <= expected + 1e-12
    picked = [(cell.cost[i], cell.use[i]) for cell, i in zip(cells, got.options, strict=True)]
    assert sum(cost for cost, _ in picked) == got.cost
    assert (sum(use for _, use in picked) <= limits + max(slack, 1e-11)).all()
    assert solve(cells, limits) == got
    check_all_choices(cells, limits, got)


def check_all_choices(cells, limits, got):
    """Looking at every choice finds the same cost, and of equal choices the first."""
    one_by_one = any_solve(cells, limits)
    assert one_by_one.cost == pytest.approx(got.cost, rel=1e-12, abs=1e-12)
    assert any_lower_bound(cells, limits) == one_by_one.bound == one_by_one.cost
    assert one_by_one.n_enumerated == math.prod(map(len, cells))


@st.composite
def whole_problems(draw, most_cells=5, most_budgets=4):
    """Small numbers: many ties, equal options, and options that others beat."""
    k = draw(st.integers(0, most_budgets))
    n_cells = draw(st.integers(1, most_cells))
    number, cost = st.integers(-5, 8), st.integers(-3, 12)
    cells = []
    for _ in range(n_cells):
        n = draw(st.integers(1, 6 if n_cells < 4 else 4))
        rows = draw(st.lists(st.tuples(cost, *[number] * k), min_size=n, max_size=n))
        table = np.array(rows, dtype=float).reshape(n, k + 1)
        cells.append(Options(table[:, 0], table[:, 1:]))
    limits = draw(st.lists(st.integers(-12, 20) | st.just(INF), min_size=k, max_size=k))
    return cells, limits


@settings(max_examples=250, deadline=None)
@given(whole_problems())
def test_as_good_as_brute_force_on_whole_numbers(problem):
    check(*problem)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 4))
def test_as_good_as_brute_force_on_fractions(seed, n_cells, k):
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 6, n_cells)
    scale = 10.0 ** random.integers(-6, 7, k + 1)  # milliseconds beside multiply-adds
    cells = [
        Options(random.normal(1, 1, n) * scale[0], random.normal(0.3, 1, (n, k)) * scale[1:])
        for n in sizes
    ]
    limits = random.normal(0.1, 0.6, k) * n_cells * scale[1:]
    check(cells, limits)


@settings(max_examples=120, deadline=None)
@given(whole_problems(most_cells=4, most_budgets=2), st.integers(-8, 8), st.integers(0, 3))
def test_bands(problem, low, width):
    """An upper and a lower limit of one quantity, from a single value to a width of 3."""
    cells, limits = problem
    if not limits:
        return
    cells = [Options(c.cost, np.column_stack([c.use, -c.use[:, 0]])) for c in cells]
    check(cells, [low + width, *limits[1:], -low])


@settings(max_examples=60, deadline=None)
@given(whole_problems(most_cells=3, most_budgets=3), st.randoms(use_true_random=False))
def test_limits_met_exactly(problem, random):
    """Limits that some choice meets to the last digit, or misses by one."""
    cells, _ = problem
    choice = [random.randrange(len(cell)) for cell in cells]
    use = sum(cell.use[i] for cell, i in zip(cells, choice, strict=True))
    check(cells, use)
    check(cells, [u - 1 if k == 0 else u for k, u in enumerate(use)])


def smooth_cells(random, n, k, n_cells=3):
    """Options along a curve with noise: much use for little cost, and the other way round."""
    cells = []
    for _ in range(n_cells):
        reach = np.sort(random.random(n)) * random.uniform(0.5, 2)
        cost = reach**1.5 + 0.05 * random.random(n)
        uses = [-reach] + [cost ** random.uniform(0.5, 2) + 0.1 * random.random(n)] * (k > 1)
        uses += [random.random(n) * reach for _ in range(k - 2)]
        cells.append(Options(cost, np.column_stack(uses)[:, :k]))
    return cells


def enumeration(cells, limits):
    """The least cost of three cells, all 8 million choices at once for each first option."""
    a, b, c = cells
    cost = b.cost[:, None] + c.cost[None, :]
    use = b.use[:, None, :] + c.use[None, :, :]
    best = INF
    for own, taken in zip(a.cost, a.use, strict=True):
        fits = np.ones_like(cost, dtype=bool)
        for k, most in enumerate(limits):
            fits &= use[:, :, k] + taken[k] <= most
        if fits.any():
            best = min(best, float(own + cost[fits].min()))
    return best


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("share", [0.2, 0.9, 0.995])
def test_as_good_as_enumeration_of_eight_million(k, share):
    random = np.random.default_rng(10 * k)
    cells = smooth_cells(random, 200, k)
    most = sum(-cell.use[:, 0].min() for cell in cells)
    limits = np.full(k, -share * most)
    for j in range(1, k):
        own = [np.quantile(cell.use[:, j], 0.3 + 0.65 * share) for cell in cells]
        limits[j] = sum(own)
    got, expected = solve(cells, limits), enumeration(cells, limits)
    if got is None:
        assert expected == INF
    else:
        assert got.cost == pytest.approx(expected, rel=1e-12)
        assert lower_bound(cells, limits) <= expected
        assert got.n_enumerated < 1_000_000  # of 8 million


def test_narrow_band_among_eight_million():
    cells = smooth_cells(np.random.default_rng(5), 200, 1)
    cells = [Options(c.cost, np.column_stack([c.use, -c.use])) for c in cells]
    limits = np.array([-1.2, 1.2 + 1e-5])
    got = solve(cells, limits)
    assert got is not None
    assert got.cost == pytest.approx(enumeration(cells, limits), rel=1e-12)
    assert got.n_enumerated < 1_000_000


def test_six_cells_against_dynamic_programming():
    """Whole uses: the least cost for every total use, cell after cell."""
    random = np.random.default_rng(2)
    cells = []
    for _ in range(6):
        use = random.integers(0, 400, 300)
        cells.append(options(np.round(3000 - use**0.9 * 10 + 80 * random.random(300), 3), use))
    for limit in (60, 900, 2200):
        least = np.zeros(limit + 1)
        for cell in cells:
            grown = np.full(limit + 1, INF)
            for cost, (use,) in zip(cell.cost, cell.use.astype(int), strict=True):
                if use <= limit:
                    np.minimum(grown[use:], least[: limit + 1 - use] + cost, out=grown[use:])
            least = grown
        got = solve(cells, np.array([float(limit)]))
        assert got is not None
        assert got.cost == pytest.approx(least.min(), rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.sampled_from([3, 40, 1_300]))
def test_not_beaten_against_all_pairs(seed, k, most):
    random = np.random.default_rng(seed)
    n = int(random.integers(1, most))
    n = min(n, 700) if k > 2 else n
    table = random.integers(0, 4 + n // 4, (n, k + 1)).astype(float)
    no_more = np.ones((n, n), dtype=bool)
    for column in table.T:
        no_more &= column[:, None] <= column[None, :]
    equal = no_more & no_more.T
    beats = (no_more & ~equal) | (equal & (np.arange(n)[:, None] < np.arange(n)[None, :]))
    expected = np.flatnonzero(~beats.any(0))
    if k == 0:  # of the cheapest ones the first
        expected = expected[:1]
    cell = Options(table[:, 0], table[:, 1:])
    assert not_beaten(cell).tolist() == expected.tolist()
    assert set(expected.tolist()) <= set(not_beaten(cell, most_comparisons=0).tolist())


def test_equal_options_give_the_first():
    cell = options([5, 3, 3, 3], [0, 1, 1, 1])
    got = solve([cell, cell], np.array([2.0]))
    assert got is not None
    assert got.options == (1, 1)


def test_no_budgets_and_no_limits():
    cell = options([5, 3, 4], [[], [], []])
    got = solve([cell, cell], np.array([]))
    assert got is not None and got.options == (1, 1)
    got = solve([options([5, 3, 4], [9, 9, 9])], np.array([INF]))
    assert got is not None and got.cost == 3


def test_a_limit_of_minus_infinity_is_never_met():
    cells, limits = [options([1, 2], [0, -1])], np.array([-INF])
    assert solve(cells, limits) is None
    assert lower_bound(cells, limits) == INF


def test_weights_of_two_budgets_prove_what_neither_does():
    """Each budget can be met, but what spares one takes from the other."""
    cell = options([1, 1, 1], [[0, 10], [5, 5], [10, 0]])
    limits = np.array([9.0, 9.0])
    assert lower_bound([cell, cell], limits) == INF
    assert solve([cell, cell], limits) is None
    assert lower_bound([cell, cell], np.array([10.0, 10.0])) == pytest.approx(2)


def test_lower_bound_is_the_linear_relaxation():
    """Half of each of two options: 0.5 * 0 + 0.5 * 10 at a use of 1."""
    cell = options([0, 10], [2, 0])
    assert lower_bound([cell], np.array([1.0])) == pytest.approx(5, abs=1e-6)


def hard_problem():
    """Sums of odd numbers that must hit an even target: any bound is blind to it."""
    random = np.random.default_rng(0)
    cells = []
    for _ in range(5):
        use = 2.0 * random.integers(0, 10_000, 60)
        cells.append(options(random.random(60), np.column_stack([use, -use])))
    return cells, np.array([50_001.5, -50_000.5])


def test_work_that_runs_out_without_a_choice():
    cells, limits = hard_problem()
    with pytest.raises(UnprovenError, match=r"joins of options .* at least .* Loosen a budget"):
        solve(cells, limits, most_joins=10_000)


def test_work_that_runs_out_with_a_choice():
    seen = set()
    for seed in (1, 2, 4):
        random = np.random.default_rng(seed)
        cells = [Options(random.random(40), random.random((40, 3))) for _ in range(5)]
        limits = np.full(3, 1.25)
        full = solve(cells, limits)
        assert full is not None
        for share in (0.7, 0.999):
            try:
                got = solve(cells, limits, most_joins=int(share * full.n_enumerated))
            except UnprovenError:
                continue
            assert got is not None and not got.is_optimal
            assert lower_bound(cells, limits) - 1e-9 <= got.bound <= full.cost <= got.cost
            seen.add(got.cost)
    assert seen


def test_to_dict_is_plain():
    got = solve([options([1, 2], [3, 1])], np.array([2.0]))
    assert got is not None
    assert got.to_dict() == {
        "options": [1],
        "cost": 2.0,
        "bound": 2.0,
        "is_optimal": True,
        "n_enumerated": got.n_enumerated,
    }


@pytest.mark.parametrize(
    ("cells", "limits", "message"),
    [
        ([], [1.0], "got no cells"),
        ([options([1], [1])], [math.nan], "infinity for none, got"),
        ([options([1], [1])], [[1.0]], "one number a budget"),
        ([options([1], [1])], [1.0, 2.0], r"Cell 0 has costs of shape \(1,\)"),
        ([options([1], [1]), Options(np.zeros(0), np.zeros((0, 1)))], [1.0], "Cell 1 .* n >= 1"),
        ([Options(np.zeros((2, 1)), np.zeros((2, 1)))], [1.0], "it needs"),
        ([Options(np.zeros(2), np.zeros(2))], [1.0], "it needs"),
        ([Options(np.zeros(2), np.zeros((3, 1)))], [1.0], "it needs"),
        ([options([math.nan], [1])], [1.0], "not finite"),
        ([options([1], [INF])], [1.0], "not finite"),
    ],
)
def test_what_is_not_a_problem(cells, limits, message):
    for ask in (solve, lower_bound):
        with pytest.raises(SpecError, match=message):
            ask(cells, np.array(limits))
