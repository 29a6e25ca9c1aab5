from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import mean_singular_value
from nnmass.errors import SpecError
from nnmass.topology import SingularValueLaw, marchenko_pastur_root, singular_value_density

SHAPES = [(1, 1), (8, 8), (8, 9), (8, 16), (16, 8), (64, 100), (3, 31), (2, 500), (1, 10**6)]


def integral(law: SingularValueLaw, power: float, *, up_to: float | None = None) -> float:
    """Integral of sigma^power times the density, by quadrature with the edges smoothed away."""
    low, high = law.support
    end = high if up_to is None else up_to
    nodes, weights = np.polynomial.legendre.leggauss(200)
    angle = (nodes + 1) * math.pi / 4  # sigma = low + (end - low) sin^2: square roots turn smooth
    sigma = low + (end - low) * np.sin(angle) ** 2
    steps = (end - low) * np.sin(2 * angle) * weights * math.pi / 4
    return float((sigma**power * law.density(sigma) * steps).sum())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("std", [1.0, 0.03, 1e6])
def test_moments(shape, std):
    law = SingularValueLaw(*shape, std)
    larger = max(shape)
    assert integral(law, 0) == pytest.approx(1, rel=1e-9)
    assert integral(law, 1) == pytest.approx(law.mean, rel=1e-9)
    assert law.mean == std * math.sqrt(larger) * marchenko_pastur_root(law.q)
    assert integral(law, 2) == pytest.approx(std**2 * larger, rel=1e-9)
    assert integral(law, 4) == pytest.approx(std**4 * larger**2 * (1 + law.q), rel=1e-9)
    assert law.deviation**2 == pytest.approx(std**2 * larger - law.mean**2, rel=1e-4)


def test_mean_is_the_prediction_of_a_cell():
    for width, mass in ((8, 0), (8, 16.5), (64, 3)):
        law = SingularValueLaw(width, width + mass / 2, std=1)
        assert law.mean == pytest.approx(mean_singular_value(width, mass), rel=1e-15)


@given(st.floats(1e-6, 1), st.floats(0.001, 0.999))
def test_distribution_is_the_integral_of_the_density(q, share):
    law = SingularValueLaw(q, 1, std=2.0)
    low, high = law.support
    sigma = low + share * (high - low)
    assert float(law.distribution(sigma)) == pytest.approx(integral(law, 0, up_to=sigma), abs=3e-8)


@pytest.mark.parametrize("q", [0.0001, 0.01, 0.0999999, 0.1, 0.1000001, 0.3, 0.7, 1.0])
def test_distribution_to_all_digits(q):
    # Away from q = 1 (and at it) the density is smooth enough for the quadrature to be exact.
    law = SingularValueLaw(q, 1, std=1.0)
    low, high = law.support
    for share in (0.02, 0.3, 0.5, 0.9):
        sigma = low + share * (high - low)
        expected = integral(law, 0, up_to=sigma)
        assert float(law.distribution(sigma)) == pytest.approx(expected, abs=2e-13)


def test_the_square_case_is_the_quarter_circle():
    law = SingularValueLaw(4, 4, std=0.5)  # support [0, 2]
    sigma = np.linspace(0, 2, 41)
    assert law.support == (0, 2)
    assert law.density(sigma) == pytest.approx(np.sqrt(4 - sigma**2) / math.pi, abs=1e-14)
    angle = np.arcsin(sigma / 2)
    expected = (2 * angle + np.sin(2 * angle)) / math.pi
    assert law.distribution(sigma) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("shape", SHAPES)
def test_outside_the_support(shape):
    law = SingularValueLaw(*shape, 1.0)
    low, high = law.support
    outside = np.array([-1.0, low - 1e-3, high + 1e-9, 1e9, np.inf])
    assert law.density(outside).tolist() == [0] * 5
    assert law.distribution(outside).tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("shape", SHAPES)
def test_quantiles_invert_the_distribution(shape):
    law = SingularValueLaw(*shape, 0.7)
    levels = np.linspace(0, 1, 21)
    values = law.quantiles(levels)
    assert (np.diff(values) > 0).all()
    assert values[[0, -1]] == pytest.approx(law.support, rel=1e-7, abs=1e-12)
    # A wide matrix has a narrow support: what rounding of sigma does to the share.
    rounding = 1e-15 * law.scale * law.density(values).max()
    assert law.distribution(values) == pytest.approx(levels, abs=1e-12 + rounding)


def sampled(rows: int, columns: int, draws: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng((rows, columns, draws))
    if kind == "normal":
        entries = rng.standard_normal((draws, rows, columns))
    elif kind == "uniform":
        entries = rng.uniform(-math.sqrt(3), math.sqrt(3), (draws, rows, columns))
    else:
        pair = rng.standard_normal((2, draws, rows, columns)) / math.sqrt(2)
        entries = pair[0] + 1j * pair[1]
    return np.sort(np.linalg.svd(entries, compute_uv=False).ravel())


@pytest.mark.parametrize("kind", ["normal", "uniform", "complex"])
@pytest.mark.parametrize(
    ("rows", "columns", "draws", "distance"),
    [(8, 12, 400, 0.04), (32, 32, 60, 0.015), (64, 150, 40, 0.01), (128, 40, 40, 0.012)],
)
def test_sampled_matrices(kind, rows, columns, draws, distance):
    values = sampled(rows, columns, draws, kind)
    law = SingularValueLaw(rows, columns, std=1.0)
    shares = (np.arange(len(values)) + 0.5) / len(values)
    assert np.abs(law.distribution(values) - shares).max() < distance
    assert values.mean() == pytest.approx(law.mean, rel=0.025 if rows == 8 else 0.005)
    assert values.std() == pytest.approx(law.deviation, rel=0.08 if rows == 8 else 0.03)
    levels = [0.1, 0.5, 0.9]
    near = law.scale * (0.05 if rows == 8 else 0.015)
    assert np.quantile(values, levels) == pytest.approx(law.quantiles(levels), abs=near)


def test_the_function_is_the_method():
    sigma = np.linspace(0, 8, 30).reshape(5, 6)
    got = singular_value_density(sigma, 8, 20, std=0.9)
    assert got.shape == (5, 6)
    assert (got == SingularValueLaw(8, 20, std=0.9).density(sigma)).all()
    assert float(singular_value_density(2.0, 4, 4, std=1)) == pytest.approx(
        math.sqrt(16 - 4) / (4 * math.pi)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8, 1.0), "SingularValueLaw.rows must be a finite number above 0, got 0"),
        ((8, -1, 1.0), "SingularValueLaw.columns must be a finite number above 0, got -1"),
        ((8, math.inf, 1.0), "SingularValueLaw.columns must be a finite number above 0, got inf"),
        ((8, 8, 0.0), "SingularValueLaw.std must be a finite number above 0, got 0.0"),
        ((8, 8, math.nan), "SingularValueLaw.std must be a finite number above 0, got nan"),
        ((True, 8, 1.0), "SingularValueLaw.rows must be a finite number above 0, got True"),
        (("8", 8, 1.0), "SingularValueLaw.rows must be a finite number above 0, got '8'"),
    ],
)
def test_messages(arguments, message):
    with pytest.raises(SpecError) as caught:
        SingularValueLaw(*arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("arguments", [(8, 8, 1e308), (1e-300, 1e300, 1.0)])
def test_beyond_floating_point(arguments):
    with pytest.raises(SpecError, match="is beyond the range of floating-point numbers"):
        SingularValueLaw(*arguments)


def test_not_a_number_stays_one():
    law = SingularValueLaw(8, 8, 1.0)
    assert np.isnan(law.density([np.nan, 1.0])).tolist() == [True, False]
    assert np.isnan(law.distribution(np.nan))


@pytest.mark.parametrize("levels", [-0.1, 1.1, [0.5, math.nan]])
def test_levels_out_of_range(levels):
    with pytest.raises(SpecError, match=r"^levels must be in \[0, 1\], got "):
        SingularValueLaw(8, 8, std=1).quantiles(levels)
