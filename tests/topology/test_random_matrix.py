from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import mean_singular_value
from nnmass.errors import SpecError
from nnmass.topology import marchenko_pastur_root


def integral_of_root(q: float, points: int = 20_000) -> float:
    """Mean of sqrt(x) under the law, by quadrature; x = middle + radius cos(angle)."""
    low, high = (1 - math.sqrt(q)) ** 2, (1 + math.sqrt(q)) ** 2
    angle = (np.arange(points) + 0.5) * math.pi / points
    radius = (high - low) / 2
    x = (high + low) / 2 + radius * np.cos(angle)
    density = radius * np.sin(angle) / (2 * math.pi * q * x)
    return float((np.sqrt(x) * density * radius * np.sin(angle)).sum() * math.pi / points)


@given(st.floats(0.001, 1))
def test_closed_form_is_the_integral(q):
    assert marchenko_pastur_root(q) == pytest.approx(integral_of_root(q), rel=2e-8)


@pytest.mark.parametrize(
    "q", [0.001, 0.0011, 0.002, 0.01, 0.05, 0.0999999, 0.1, 0.1000001, 0.5, 0.9, 0.99]
)
def test_closed_form_is_the_integral_to_all_digits(q):
    # Away from q = 1, where the density is not smooth, the quadrature is exact to rounding.
    assert marchenko_pastur_root(q) == pytest.approx(integral_of_root(q), rel=2e-14)


def test_the_ends():
    assert marchenko_pastur_root(1) == pytest.approx(8 / (3 * math.pi), abs=1e-15)
    assert marchenko_pastur_root(1 - 1e-12) == pytest.approx(8 / (3 * math.pi), abs=1e-11)
    assert marchenko_pastur_root(1) == pytest.approx(0.848826, abs=1e-6)
    assert marchenko_pastur_root(1e-300) == 1.0
    assert marchenko_pastur_root(1e-6) == pytest.approx(1 - 1e-6 / 8, abs=1e-13)


def test_decreasing_in_q():
    values = [marchenko_pastur_root(q) for q in np.linspace(0.001, 1, 999)]
    assert (np.diff(values) < 0).all()


def draw_mean(width: int, mass: int, draws: int) -> float:
    rng = np.random.default_rng((width, mass))
    matrices = rng.standard_normal((draws, width, width + mass // 2))
    squares = np.linalg.eigvalsh(matrices @ matrices.transpose(0, 2, 1))
    return float(np.sqrt(squares.clip(min=0)).mean())


@pytest.mark.parametrize(
    ("width", "mass", "draws", "tolerance"),
    [
        *((8, mass, 2000, 0.025) for mass in (0, 16, 32, 64)),
        *((128, mass, 200, 0.004) for mass in (0, 64)),
        (256, 32, 200, 0.004),
    ],
)
def test_sampled_matrices(width, mass, draws, tolerance):
    predicted = mean_singular_value(width, mass)
    assert draw_mean(width, mass, draws) == pytest.approx(predicted, rel=tolerance)


@pytest.mark.parametrize(
    ("width", "r2"),
    [(8, 0.986), (16, 0.992), (32, 0.996), (64, 0.998), (128, 0.999), (256, 0.9998)],
)
def test_nearly_linear_in_the_mass(width, r2):
    mass = np.arange(65)
    value = np.array([mean_singular_value(width, int(m)) for m in mass])
    residual = value - np.polyval(np.polyfit(mass, value, 1), mass)
    got = 1 - residual.var() / value.var()
    assert got >= 0.98
    assert got == pytest.approx(r2, abs=1e-3 if r2 < 0.9995 else 1e-4)


def test_fan_in_scale_cancels():
    for mass in (0, 5, 64, 1000):
        width, columns = 8, 8 + mass / 2
        unit = mean_singular_value(width, mass)
        scaled = mean_singular_value(width, mass, init="fan-in")
        assert scaled == pytest.approx(unit / math.sqrt(3 * columns), rel=1e-14)
    assert mean_singular_value(8, 0, init="fan-in") == pytest.approx(0.4901, abs=5e-5)
    assert mean_singular_value(8, 1e12, init="fan-in") == pytest.approx(0.5774, abs=5e-5)


BAD = [
    ((0, 1), {}, "width must be at least 1, got 0"),
    ((8.0, 1), {}, "width must be a whole number of at least 1, got 8.0"),
    ((8, -1), {}, "mass must be a number of at least 0, got -1"),
    ((8, math.nan), {}, "mass must be a number of at least 0, got nan"),
    ((8, math.inf), {}, "mass must be a number of at least 0, got inf"),
    ((8, 1), {"init": "he"}, "init must be 'unit-variance' or 'fan-in', got 'he'"),
]


@pytest.mark.parametrize(("values", "options", "message"), BAD)
def test_messages(values, options, message):
    with pytest.raises(SpecError) as caught:
        mean_singular_value(*values, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("q", [0, -0.5, 1.0000001, math.nan, math.inf])
def test_aspect_ratios_out_of_range(q):
    with pytest.raises(SpecError, match=r"^q must be in \(0, 1\] \(rows over columns\), got "):
        marchenko_pastur_root(q)
