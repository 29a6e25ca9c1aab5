import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.errors import SpecError
from nnmass.studies import line_fit, r_squared

numbers = st.lists(
    st.tuples(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32)),
    min_size=3,
    max_size=40,
)


@given(numbers)
def test_as_numpy(rows):
    x, y = np.array(rows).T
    if np.ptp(x) < 1e-3 or np.ptp(y) < 1e-3:
        return
    fit = line_fit(x, y)
    slope, intercept = np.polyfit(x - x.mean(), y, 1)
    scale = max(abs(y).max(), 1.0)
    assert fit.slope == pytest.approx(slope, rel=1e-6, abs=1e-9 * scale / np.ptp(x))
    assert fit.intercept + fit.slope * x.mean() == pytest.approx(intercept, abs=1e-6 * scale)
    assert fit.r_squared == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, abs=1e-9)
    assert fit.n == len(rows)
    assert r_squared(x, y) == fit.r_squared


def test_one_minus_the_share_that_is_left():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    y = 3 - 2 * x + rng.normal(size=50)
    fit = line_fit(x, y)
    left = y - fit.intercept - fit.slope * x
    assert fit.r_squared == pytest.approx(1 - left.var() / y.var())
    assert set(fit.to_dict()) == {"slope", "intercept", "r_squared", "n"}


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ([1, 2], [1, 2], "at least 3"),
        ([1, 2, 3], [1, 2], "equal lengths"),
        ([1, 1, 1], [1, 2, 3], "x is constant"),
        ([1, 2, 3], [2, 2, 2], "y is constant"),
        ([1, 2, math.nan], [1, 2, 3], "nan"),
        ([1, 2, math.inf], [1, 2, 3], "finite"),
        ([1, 2, 3], [1, -math.inf, 3], "finite"),
        ([], [], "at least 3"),
        (["a", "b", "c"], [1, 2, 3], "numbers"),
        ([[1, 2, 3]], [1, 2, 3], "sequence of numbers"),
    ],
)
def test_what_has_no_line(x, y, said):
    with pytest.raises(SpecError, match=said):
        line_fit(x, y)
