"""The two rules against every vote that an adversary could set."""

import numpy as np
import pytest

from nnmass.audit import Ablation
from nnmass.audit._patch._certify import count_rule, hardest_places, location_rule, predicted
from oracles.patch_votes import never_changes, plainly_certified, touched_copies


def both_rules(votes, bands, patch):
    """(count, location) of tables (B, n, K)."""
    counts = votes.sum(1)
    t = predicted(counts)
    by_count = count_rule(counts, counts, t, bands.reach(patch))
    return by_count, location_rule(votes, votes, t, hardest_places(bands, patch))


def random_votes(draws, batch, n, classes, *, is_top_one, bias):
    """Tables with a favourite, so that certified and uncertified ones both come up."""
    if is_top_one:
        p = np.full(classes, (1 - bias) / classes)
        p[draws.integers(classes)] += bias
        return np.eye(classes, dtype=bool)[draws.choice(classes, (batch, n), p=p)]
    favourite = draws.random((batch, 1, classes)) * bias
    return draws.random((batch, n, classes)) < favourite + (1 - bias) / 2 * draws.random(
        (batch, 1, 1)
    )


def check(n_tables, seed):
    draws = np.random.default_rng(seed)
    tried = certified = 0
    for stride in (1, 2, 3):
        for wrap in (True, False):
            for is_top_one in (False, True):
                for width, size, m in [(8, 1, 1), (9, 2, 2), (9, 1, 3)]:
                    bands = Ablation(
                        mode="column", size=size, image=(3, width), stride=stride, wrap=wrap
                    )
                    places = touched_copies(bands, (1, m))
                    places = [list(p) for p in {tuple(p) for p in places}]
                    bias = draws.choice([0.5, 0.8, 0.95])
                    votes = random_votes(
                        draws, n_tables, bands.n, 3, is_top_one=is_top_one, bias=bias
                    )
                    by_count, by_location = both_rules(votes, bands, (1, m))
                    for table, count, location in zip(votes, by_count, by_location, strict=True):
                        holds, cases = never_changes(table, places, is_top_one=is_top_one)
                        assert location == holds
                        assert holds or not count
                        tried, certified = tried + cases, certified + int(location)
    return tried, certified


def test_the_location_rule_is_exactly_never_changes():
    tried, certified = check(12, seed=0)
    assert tried > 100_000
    assert certified > 100


@pytest.mark.slow
def test_a_million_adversaries_find_no_false_certificate():
    tried, certified = check(150, seed=1)
    print(f"{tried:,} votes of adversaries, {certified:,} tables certified")  # noqa: T201
    assert tried > 1_000_000


@pytest.mark.parametrize("mode", ["column", "row", "block", "both"])
def test_both_rules_are_those_of_the_specification(mode):
    draws = np.random.default_rng(3)
    for patch in [(1, 1), (2, 1), (2, 2)]:
        bands = Ablation(mode=mode, size=2, image=(4, 5), stride=1)
        votes = random_votes(draws, 40, bands.n, 4, is_top_one=False, bias=0.9)
        by_count, by_location = both_rules(votes, bands, patch)
        places = touched_copies(bands, patch)
        expected = [
            [plainly_certified(table, places, rule) for table in votes]
            for rule in ("count", "location")
        ]
        assert [by_count.tolist(), by_location.tolist()] == expected
        assert (by_location | ~by_count).all()


def table_of(counts, n):
    votes = np.zeros((1, n, len(counts)), bool)
    for k, count in enumerate(counts):
        votes[0, :count, k] = True
    return votes


def test_threshold_arithmetic():
    counts = np.array([[20, 5, 1], [10, 5, 1], [1, 16, 1]])
    strict = Ablation(mode="column", size=4, image=(4, 28)).reach((4, 4))
    assert strict == 7
    assert count_rule(counts, counts, predicted(counts), strict).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("counts", "t", "is_certified"),
    [
        ({0: 20, 7: 4, 9: 4}, 0, True),  # rivals have larger indices: equality is enough
        ({8: 20, 7: 4, 9: 4}, 8, False),  # class 7 would win the tie
        ({8: 21, 7: 4, 9: 4}, 8, True),
        ({8: 20, 9: 4}, 8, True),
        ({3: 9, 5: 9}, 3, False),
    ],
)
def test_ties(counts, t, is_certified):
    row = np.zeros((1, 10), np.int64)
    for k, count in counts.items():
        row[0, k] = count
    assert predicted(row).tolist() == [t]
    assert count_rule(row, row, predicted(row), 8).tolist() == [is_certified]


def test_every_three_way_tie_is_judged_alike_by_count_and_by_plain_loops():
    n = 0
    for t in range(10):
        for a in range(10):
            for b in range(a):
                if t in (a, b):
                    continue
                row = np.zeros((1, 10), np.int64)
                row[0, t], row[0, a], row[0, b] = 20, 4, 4
                found = bool(count_rule(row, row, predicted(row), 8)[0])
                assert found == (t < min(a, b))
                n += 1
    assert n == 360


def test_a_band_that_meets_every_patch_certifies_nothing():
    bands = Ablation(mode="column", size=5, image=(8, 8))
    votes = table_of([8, 0], 8)
    for rule in both_rules(votes, bands, (4, 4)):
        assert not rule.any()


def test_a_larger_patch_certifies_no_more():
    draws = np.random.default_rng(5)
    for mode in ("column", "block"):
        bands = Ablation(mode=mode, size=1, image=(6, 6), stride=1)
        votes = random_votes(draws, 60, bands.n, 3, is_top_one=True, bias=0.9)
        earlier = [np.ones(60, bool)] * 2
        for m in range(1, 7):
            now = both_rules(votes, bands, (m, m))
            assert all((before | ~after).all() for before, after in zip(earlier, now, strict=True))
            earlier = now


def test_dropping_places_that_do_not_decide_changes_nothing():
    draws = np.random.default_rng(6)
    bands = Ablation(mode="column", size=2, image=(9, 9), stride=2, wrap=False)
    votes = random_votes(draws, 300, bands.n, 3, is_top_one=False, bias=0.9)
    t = predicted(votes.sum(1))
    every, hardest = bands.touched((2, 2)), hardest_places(bands, (2, 2))
    assert len(hardest) < len(every)
    assert np.array_equal(
        location_rule(votes, votes, t, every), location_rule(votes, votes, t, hardest)
    )
