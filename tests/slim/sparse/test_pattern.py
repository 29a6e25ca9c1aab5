import hashlib
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from nnmass.errors import SpecError
from nnmass.slim import Pattern
from nnmass.slim._sparse._storage import storage_bits
from nnmass.slim._sparse._supports import window_library

FOUR = [{0, 1, 3, 4}, {1, 2, 4, 5}, {3, 4, 6, 7}, {4, 5, 7, 8}]
TWO = [{0, 1}, {1, 2}, {3, 4}, {4, 5}, {6, 7}, {7, 8}]
LIBRARIES = {4: FOUR, 2: TWO, 1: [{tap} for tap in range(9)]}


def taps_of(mask):
    return set(np.flatnonzero(mask.reshape(-1)).tolist())


@pytest.mark.parametrize("kss", LIBRARIES)
def test_the_published_libraries(kss):
    assert [taps_of(window.mask(3)) for window in window_library(3, kss)] == LIBRARIES[kss]


@pytest.mark.parametrize("kss", LIBRARIES)
@pytest.mark.parametrize("period", [None, 8, 16])
def test_the_law_of_periodic_supports(kss, period):
    """Position (i + j + 1) mod P, from 1; 0 is the last, dense where there is a dense period."""
    mask = Pattern(
        out_channels=19, in_channels=21, kernel=3, kss=kss, assign="periodic", dense_period=period
    ).mask()
    library = LIBRARIES[kss]
    length = period or len(library)
    for i, j in product(range(19), range(21)):
        position = (i + j + 1) % length
        if period and position == 0:
            expected = set(range(9))
        else:
            expected = library[((position or length) - 1) % len(library)]
        assert taps_of(mask[i, j]) == expected


@pytest.mark.parametrize("kss", LIBRARIES)
def test_a_rotation_covers_every_tap_of_every_input_channel(kss):
    covered = {
        assign: Pattern(out_channels=18, in_channels=18, kernel=3, kss=kss, assign=assign).mask()
        for assign in ("periodic", "in", "same")
    }
    assert covered["periodic"].any(axis=0).all()
    assert not covered["in"].any(axis=0).all()
    assert covered["in"].any(axis=(0, 1)).all()
    assert not covered["same"].any(axis=(0, 1)).all()


def test_random_supports_have_kss_taps_in_every_process():
    code = (
        "from nnmass.slim import Pattern; import hashlib;"
        "m = Pattern(out_channels=16, in_channels=8, kernel=3, kss=3, assign='random', seed=5);"
        "print(hashlib.sha256(m.mask().tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    one, two = (
        Pattern(out_channels=16, in_channels=8, kernel=3, kss=3, assign="random", seed=s).mask()
        for s in (5, 6)
    )
    assert done.stdout.strip() == hashlib.sha256(one.tobytes()).hexdigest()
    assert (one.sum((2, 3)) == 3).all()
    assert (one != two).any()


@pytest.mark.parametrize("assign", ["in", "periodic", "out", "random", "same"])
@pytest.mark.parametrize("period", [None, 4])
@pytest.mark.parametrize("offset", [0, 3])
def test_live_taps_in_closed_form(assign, period, offset):
    if assign == "same" and period:
        pytest.skip("no dense kernels there")
    for channels in ((5, 7), (8, 16), (1, 3)):
        pattern = Pattern(
            out_channels=channels[0],
            in_channels=channels[1],
            kernel=3,
            kss=2,
            assign=assign,
            dense_period=period,
            group_offset=offset,
        )
        assert pattern.live_taps == pattern.mask().sum()


def test_groups_are_balanced_ranges():
    pattern = Pattern(out_channels=2, in_channels=23, kernel=3, kss=1, group_offset=4)
    sizes = [group.stop - group.start for group in pattern.groups]
    assert sum(sizes) == 23
    assert max(sizes) - min(sizes) <= 1
    assert [g.start for g in pattern.groups[1:]] == [g.stop for g in pattern.groups[:-1]]


def test_storage_of_the_model():
    pattern = Pattern(
        out_channels=64, in_channels=64, kernel=3, kss=4, assign="periodic", dense_period=8
    )
    bits = storage_bits(pattern, 32)
    live = 64 * 64 * 37 // 8  # 4.625 taps on average
    assert bits.dense == 64 * 64 * 9 * 32
    assert bits.csr == live * 48 + 32 * 65
    assert bits.fixed_taps == live * 32 + 64 * 64 * 7
    assert bits.compact == live * 32 + 72
    eight = storage_bits(Pattern(out_channels=64, in_channels=64, kernel=3, kss=4), 8)
    assert eight.csr > eight.dense > eight.compact


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"kss": 5},
            "kss=5 has no rectangular window in a 3x3 kernel; allowed are 1, 2, 3, 4, 6, 9",
        ),
        ({"kss": 0}, "kss must be at least 1, got 0"),
        ({"kss": 10, "assign": "random"}, "more than the 9 taps"),
        ({"assign": "perodic"}, "Did you mean 'periodic'"),
        ({"dense_period": 1}, "dense_period must be at least 2, got 1"),
        ({"dense_period": 4, "assign": "same"}, "must be None, got 4"),
        ({"in_channels": 0}, "in_channels must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_what_is_refused(change, words):
    arguments = {"out_channels": 4, "in_channels": 4, "kernel": 3, "kss": 4, **change}
    with pytest.raises(SpecError, match=words):
        Pattern(**arguments)
