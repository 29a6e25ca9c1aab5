"""Student's t against printed tables and closed forms."""

import math

import numpy as np
import pytest

from nnmass.probes._student import interval_of_mean, t_quantile

# Two-sided, 95 % and 99 %: the tables at the end of any statistics book.
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    4: (2.776, 4.604),
    5: (2.571, 4.032),
    9: (2.262, 3.250),
    10: (2.228, 3.169),
    19: (2.093, 2.861),
    30: (2.042, 2.750),
    60: (2.000, 2.660),
    120: (1.980, 2.617),
    math.inf: (1.960, 2.576),
}


@pytest.mark.parametrize(("df", "wanted"), TABLE.items())
def test_table(df, wanted):
    assert t_quantile(df) == pytest.approx(wanted[0], abs=5.1e-4)
    assert t_quantile(df, 0.99) == pytest.approx(wanted[1], abs=5.1e-4)


@pytest.mark.parametrize("level", [0.01, 0.5, 0.9, 0.95, 0.999])
def test_closed_forms(level):
    assert t_quantile(1, level) == pytest.approx(math.tan(math.pi * level / 2), rel=1e-9)
    two = level * math.sqrt(2 / (1 - level**2))
    assert t_quantile(2, level) == pytest.approx(two, rel=1e-9)


@pytest.mark.parametrize("df", [3, 4, 7.5, 29])
def test_density_integrated(df):
    t = t_quantile(df, 0.9)
    x, w = np.polynomial.legendre.leggauss(100)
    x, w = t * x, t * w
    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(math.pi * df) / 2
    density = np.exp(log_scale) * (1 + x * x / df) ** (-(df + 1) / 2)
    assert float(density @ w) == pytest.approx(0.9, abs=1e-10)


def test_many_degrees_of_freedom_are_normal():
    assert t_quantile(1e6) == pytest.approx(t_quantile(math.inf), rel=1e-5)


def test_interval_of_a_mean():
    low, high = interval_of_mean([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.7764451 * math.sqrt(2.5 / 5)
    assert (low, high) == pytest.approx((3 - half, 3 + half), rel=1e-6)
    assert interval_of_mean([2.0, 2.0]) == (2.0, 2.0)
    for values in ([], [1.0], [None], [1.0, None], [1.0, 2.0, None]):
        assert interval_of_mean(values) is None


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((4000, 5))
    half = t_quantile(4) * samples.std(1, ddof=1) / math.sqrt(5)
    assert (np.abs(samples.mean(1)) < half).mean() == pytest.approx(0.95, abs=0.01)
