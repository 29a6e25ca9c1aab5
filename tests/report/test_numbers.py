import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.report import format_count, format_percent, format_spread

SCALES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@pytest.mark.parametrize(
    ("n", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0 k"),
        (999_949, "999.9 k"),
        (999_951, "1.00 M"),
        (4_653_192, "4.65 M"),
        (297_280_000, "297.28 M"),
        (7_000_000_000, "7.00 G"),
        (-867_656, "-867.7 k"),
    ],
)
def test_a_count_reads_as_people_write_it(n, shown):
    assert format_count(n) == shown


@given(st.integers(1, 10**14))
def test_a_count_reads_back_within_its_digits(n):
    value, _, prefix = format_count(n).partition(" ")
    assert math.isclose(float(value) * SCALES[prefix], n, rel_tol=0.051)
    assert float(value) < 1000 or prefix == "T"


def test_percent_and_spread_of_what_is_unknown():
    assert format_percent(float("nan")) == "n/a"
    assert format_percent(-1e-9) == "0.0 %"  # never -0.0
    assert format_spread(float("nan"), 1.0) == "n/a"
    assert format_spread(0.5, 0.25, digits=2) == "0.50 ± 0.25"
