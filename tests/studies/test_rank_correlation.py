from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmass.errors import SpecError
from nnmass.studies import (
    bootstrap_difference,
    bootstrap_interval,
    kendall,
    rank_correlation,
    spearman,
)

# --- worked by hand

HAND = [
    # x, y, rho, tau-b
    ([1, 2, 3, 4, 5], [2, 4, 6, 8, 10], 1.0, 1.0),
    ([1, 2, 3, 4, 5], [5, 4, 3, 2, 1], -1.0, -1.0),
    ([1, 2, 3], [1, 3, 2], 0.5, 1 / 3),
    # 1 - 6 * (1 + 1) / (4 * 15); 5 of 6 pairs agree
    ([1, 2, 3, 4], [2, 1, 3, 4], 0.8, 4 / 6),
    # ranks of x 1.5 1.5 3 4: a = -1 -1 .5 1.5, b = -1.5 -.5 .5 1.5; 5 pairs agree, one is tied
    ([1, 1, 2, 3], [1, 2, 3, 4], 4.5 / math.sqrt(4.5 * 5), 5 / math.sqrt(5 * 6)),
    # two ties at the same place, and none elsewhere
    ([1, 1, 2], [5, 5, 7], 1.0, 1.0),
    # a tie on each side: a = -.5 -.5 1, b = -1 .5 .5; one pair agrees, two are tied
    ([1, 1, 2], [1, 2, 2], 0.5, 0.5),
]


@pytest.mark.parametrize(("x", "y", "rho", "tau"), HAND)
def test_worked_by_hand(x, y, rho, tau):
    assert spearman(x, y) == pytest.approx(rho, abs=1e-12)
    assert kendall(x, y) == pytest.approx(tau, abs=1e-12)
    both = rank_correlation(x, y, n_resamples=100)
    assert (both.spearman, both.kendall) == (spearman(x, y), kendall(x, y))


def test_perfect_order_is_one_to_the_last_digit():
    x = np.sqrt(np.arange(1, 1000))
    assert spearman(x, x) == kendall(x, x) == 1.0
    assert spearman(x, -x) == kendall(x, -x) == -1.0


# --- the definitions, pair by pair


def slow_kendall(x, y):
    concordant = discordant = tied_x = tied_y = 0
    for i in range(len(x)):
        for j in range(i):
            a, b = x[i] - x[j], y[i] - y[j]
            concordant += a * b > 0
            discordant += a * b < 0
            tied_x += a == 0 and b != 0
            tied_y += b == 0 and a != 0
    scored = concordant + discordant
    return (concordant - discordant) / math.sqrt((scored + tied_x) * (scored + tied_y))


def slow_spearman(x, y):
    def ranks(values):
        return [
            sum(other < value for other in values)
            + (1 + sum(other == value for other in values)) / 2
            for value in values
        ]

    return np.corrcoef(ranks(x), ranks(y))[0, 1]


some_rows = st.lists(
    st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=30
).filter(lambda rows: len({x for x, _ in rows}) > 1 and len({y for _, y in rows}) > 1)


@given(some_rows)
def test_the_definition_pair_by_pair(rows):
    x, y = zip(*rows, strict=True)
    assert kendall(x, y) == pytest.approx(slow_kendall(x, y), abs=1e-12)
    assert spearman(x, y) == pytest.approx(slow_spearman(x, y), abs=1e-12)


@given(some_rows)
def test_invariances(rows):
    x, y = (np.array(values) for values in zip(*rows, strict=True))
    for measure in (spearman, kendall):
        value = measure(x, y)
        assert -1 <= value <= 1
        assert measure(y, x) == pytest.approx(value, abs=1e-12)
        assert measure(np.exp(x), y**3 + 2.5) == pytest.approx(value, abs=1e-12)
        assert measure(-x, y) == pytest.approx(-value, abs=1e-12)
        assert measure(x[::-1], y[::-1]) == pytest.approx(value, abs=1e-12)


def test_infinities_are_ends_and_whole_numbers_stay_exact():
    assert kendall([-np.inf, 0, 1, np.inf], [1, 2, 3, 4]) == 1.0
    assert spearman([-np.inf, -np.inf, 1], [1, 1, 2]) == 1.0
    large = np.array([2**53, 2**53 + 1, 2**53 + 2])  # one number as float64: 2^53 + 1
    assert spearman(large, [1, 2, 3]) == kendall(large, [1, 2, 3]) == 1.0


def test_blocks_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, 150)
    y = x + rng.integers(0, 20, 150)
    whole = rank_correlation(x, y, n_resamples=300)
    for module in ("_rank_correlation", "_bootstrap"):
        monkeypatch.setattr(f"nnmass.studies.{module}.ENTRIES_AT_ONCE", 1000)
    assert kendall(x, y) == pytest.approx(whole.kendall, abs=1e-12)
    blocks = rank_correlation(x, y, n_resamples=300)
    assert blocks.kendall_interval.low == pytest.approx(whole.kendall_interval.low, abs=1e-12)


def test_scipy_agrees():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y = rng.integers(0, 8, 40), rng.integers(0, 8, 40)
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
        assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)


# --- the bootstrap


@settings(max_examples=20, deadline=None)
@given(some_rows)
def test_resamples_by_matrix_products_are_the_statistic_of_the_drawn_rows(rows):
    x, y = (np.array(values) for values in zip(*rows, strict=True))
    n, seed = len(x), 7
    drawn = np.random.default_rng(seed).integers(0, n, (100, n))
    for name, measure in (("spearman", spearman), ("kendall", kendall)):
        values = [
            measure(x[chosen], y[chosen])
            for chosen in drawn
            if len(set(x[chosen])) > 1 and len(set(y[chosen])) > 1
        ]
        found = bootstrap_interval(x, y, statistic=name, n_resamples=100, seed=seed, level=0.9)
        assert found.n_degenerate == 100 - len(values)
        assert [found.low, found.high] == pytest.approx(
            np.quantile(values, [0.05, 0.95]).tolist(), abs=1e-9
        )


def test_degenerate_resamples_are_counted_and_left_out():
    found = bootstrap_interval([0, 0, 0, 0, 1], [1, 2, 3, 4, 5], n_resamples=5000)
    # without the one row that differs, x is constant: (4/5)^5 of the resamples, and a few more
    assert found.n_degenerate / 5000 == pytest.approx(0.8**5, abs=0.03)
    assert 0 < found.low <= found.high <= 1
    assert bootstrap_interval([1, 2, 3] * 9, [1, 3, 2] * 9).n_degenerate == 0


@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_coverage_on_simulated_rows(strength):
    # The rank correlations of a bivariate normal distribution are known in closed form.
    truth = {
        "spearman": 6 / math.pi * math.asin(strength / 2),
        "kendall": 2 / math.pi * math.asin(strength),
    }
    rng = np.random.default_rng(3)
    hits = {"spearman": 0, "kendall": 0}
    for trial in range(200):
        x = rng.normal(size=60)
        y = strength * x + math.sqrt(1 - strength**2) * rng.normal(size=60)
        found = rank_correlation(x, y, n_resamples=300, seed=trial)
        for name, hit in hits.items():
            interval = getattr(found, f"{name}_interval")
            hits[name] = hit + (interval.low <= truth[name] <= interval.high)
    assert all(0.88 <= hit / 200 <= 0.99 for hit in hits.values()), hits


def test_the_seed_decides_and_the_global_generator_does_not():
    x, y = np.arange(30), np.random.default_rng(0).permutation(30)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = rank_correlation(x, y, seed=5)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert rank_correlation(x, y, seed=5) == first
    assert rank_correlation(x, y, seed=6) != first
    assert first.spearman_interval == bootstrap_interval(x, y, seed=5)
    assert first.kendall_interval == bootstrap_interval(x, y, seed=5, statistic="kendall")


def test_a_higher_level_is_wider_and_more_rows_are_surer():
    rng = np.random.default_rng(2)
    x = rng.normal(size=400)
    y = x + rng.normal(size=400)
    usual, wide = bootstrap_interval(x, y), bootstrap_interval(x, y, level=0.99)
    assert wide.low < usual.low < usual.high < wide.high
    few = bootstrap_interval(x[:40], y[:40])
    assert few.high - few.low > 2 * (usual.high - usual.low)


def test_a_paired_difference_is_surer_than_two_intervals():
    rng = np.random.default_rng(4)
    outcome = rng.normal(size=200)
    good = outcome + rng.normal(size=200)
    worse = good + rng.normal(size=200)
    found = bootstrap_difference(good, worse, outcome)
    assert found.low > 0
    assert bootstrap_interval(worse, outcome).high > bootstrap_interval(good, outcome).low
    other = bootstrap_difference(worse, good, outcome)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


def test_plain_data():
    result = rank_correlation([1, 2, 3, 4], [1, 2, 4, 3], n_resamples=100, seed=9)
    plain = json.loads(json.dumps(result.to_dict()))
    assert set(plain) == {
        "n", "spearman", "kendall", "spearman_interval", "kendall_interval", "seed", "n_resamples",
    }  # fmt: skip
    assert (plain["n"], plain["seed"], plain["n_resamples"]) == (4, 9, 100)
    assert set(plain["spearman_interval"]) == {
        "low", "high", "level", "n_resamples", "n_degenerate", "seed",
    }  # fmt: skip
    with pytest.raises(AttributeError):
        result.n = 5


# --- what cannot be answered

GOOD = [1, 2, 3, 4]


@pytest.mark.parametrize("measure", [spearman, kendall, bootstrap_interval, rank_correlation])
@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (GOOD, [1, 2, 3], "equal lengths, got 4 in x, 3 in y"),
        ([1, 2], [2, 1], "x must have at least 3 values, got 2"),
        ([], [], "x must have at least 3 values, got 0"),
        ([1, 1, 1], [1, 2, 3], "x is constant (all 3 values are 1)"),
        (GOOD, [7.5] * 4, "y is constant (all 4 values are 7.5)"),
        ([1, math.nan, 3, math.nan], GOOD, "x must hold numbers only, got nan at 2 of 4"),
        (GOOD, [1, 2, math.nan, 3], "the first at index 2"),
        (GOOD, ["a", "b", "c", "d"], "y must be a sequence of numbers, got ['a', 'b'"),
        (3, GOOD, "x must be a sequence of numbers, got 3"),
        ([[1, 2], [3, 4]], GOOD, "x must be a sequence of numbers"),
        ([[1, 2], [3]], GOOD, "x must be a sequence of numbers"),
        ([1j, 2, 3, 4], GOOD, "x must be a sequence of numbers"),
        ([None, 2, 3, 4], GOOD, "x must be a sequence of numbers, got [None"),
    ],
)
def test_bad_values(measure, x, y, words):
    with pytest.raises(SpecError) as caught:
        measure(x, y)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 0}, "level must lie between 0 and 1, both excluded, got 0"),
        ({"level": 1.0}, "got 1.0; 0.95 is usual"),
        ({"level": math.nan}, "got nan"),
        ({"level": "95"}, "got '95'"),
        ({"n_resamples": 99}, "n_resamples must be at least 100, got 99: fewer leave nothing"),
        ({"n_resamples": 1e3}, "n_resamples must be a whole number"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"statistic": "kendal"}, "got 'kendal'. Did you mean 'kendall'?"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(SpecError) as caught:
        bootstrap_interval(GOOD, [2, 1, 3, 4], **options)
    assert words in str(caught.value)
    with pytest.raises(SpecError):
        bootstrap_difference(GOOD, GOOD, [2, 1, 3, 4], **options)


def test_the_names_of_a_comparison_stand_in_its_errors():
    with pytest.raises(SpecError, match="second is constant"):
        bootstrap_difference(GOOD, [1, 1, 1, 1], GOOD)
