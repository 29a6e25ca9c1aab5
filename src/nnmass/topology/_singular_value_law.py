"""The Marchenko-Pastur law, told for singular values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass._arrays import Floats
from nnmass.errors import SpecError, positive_number
from nnmass.topology._random_matrix import marchenko_pastur_root

_SERIES_BELOW = 0.1  # of q: the closed form divides by q and loses digits there


@dataclass(frozen=True, slots=True)
class SingularValueLaw:
    """Where the singular values of a large random matrix lie.

        p(sigma) = sqrt((b - x) (x - a)) / (pi q sigma),   x = sigma^2 / (std^2 M),
        q = min(rows, columns) / M,   M = max(rows, columns),   a, b = (1 -+ sqrt q)^2

    The law is that of the ``min(rows, columns)`` singular values, in the limit of large matrices
    with independent entries of mean 0 and equal variance, whatever their distribution, real or
    complex. Small matrices scatter about it; with 8 rows the mean of normal entries lies up to
    1.6 % below, that of uniform ones 0.2 %.

    Args:
        rows: Above 0. Need not be whole: the effective width ``w + mass/2`` is not.
        columns: Above 0.
        std: Standard deviation of one entry, above 0.

    Raises:
        SpecError: A value is not a finite number above 0.

    Source:
        Marchenko and Pastur, 1967. The distribution function is the integral of the density in
        closed form, and for q below 0.1 its series in ``sqrt q``; ours.

    Example:
        >>> law = SingularValueLaw(8, 16, std=1.0)
        >>> round(law.mean, 4), round(float(law.distribution(law.support[1])), 12)
        (3.7312, 1.0)
    """

    rows: float
    columns: float
    std: float

    def __post_init__(self) -> None:
        """Check the three numbers."""
        for name in ("rows", "columns", "std"):
            number = positive_number(getattr(self, name), f"SingularValueLaw.{name}")
            object.__setattr__(self, name, number)
        if not (self.q > 0 and 2 * self.scale < math.inf):
            raise SpecError(
                f"SingularValueLaw of {self.rows} x {self.columns} entries of std {self.std} is "
                "beyond the range of floating-point numbers: scale it down"
            )

    @property
    def q(self) -> float:
        """Aspect ratio, in (0, 1]."""
        return min(self.rows, self.columns) / max(self.rows, self.columns)

    @property
    def scale(self) -> float:
        """``std * sqrt(max(rows, columns))``: the root of the mean square of the values."""
        return self.std * math.sqrt(max(self.rows, self.columns))

    @property
    def support(self) -> tuple[float, float]:
        """The smallest and the largest: ``std * (sqrt(max) -+ sqrt(min))``."""
        root = math.sqrt(self.q)
        return self.scale * (1 - root), self.scale * (1 + root)

    @property
    def mean(self) -> float:
        """``scale * f(q)``; f is `nnmass.topology.marchenko_pastur_root`."""
        return self.scale * marchenko_pastur_root(self.q)

    @property
    def deviation(self) -> float:
        """Standard deviation of the singular values."""
        return self.scale * math.sqrt(max(1 - marchenko_pastur_root(self.q) ** 2, 0.0))

    def density(self, sigma: npt.ArrayLike) -> Floats:
        """Density at ``sigma`` (any shape); 0 outside `support`."""
        asked = np.asarray(sigma, dtype=np.float64)
        y = asked / self.scale
        root = math.sqrt(self.q)
        low, high = 1 - root, 1 + root
        inside = (y >= low) & (y <= high)
        # Factors instead of squares: no digits are lost at the edges. At q = 1 the support begins
        # at 0, where low / y is 0 / 0 and means 0.
        ratio = low / np.where(inside & (y > 0), y, 1.0)
        y = np.where(inside, y, 1.0)
        lower = np.sqrt((1 - ratio) * (1 + ratio))
        upper = np.sqrt(np.clip((high - y) * (high + y), 0, None))
        density = np.where(inside, lower * upper / (math.pi * self.q * self.scale), 0.0)
        return np.where(np.isnan(asked), np.nan, density)

    def distribution(self, sigma: npt.ArrayLike) -> Floats:
        """Share of the singular values up to ``sigma`` (any shape)."""
        low, high = self.support
        sigma = np.clip(np.asarray(sigma, dtype=np.float64), low, high)
        below = (_by_series if self.q < _SERIES_BELOW else _in_closed_form)(
            sigma / self.scale, self.q
        )
        return np.where(sigma >= high, 1.0, np.where(sigma <= low, 0.0, np.clip(below, 0, 1)))

    def quantiles(self, levels: npt.ArrayLike) -> Floats:
        """The singular values below which these shares lie.

        Raises:
            SpecError: A level is outside [0, 1].
        """
        wanted = np.asarray(levels, dtype=np.float64)
        if not ((wanted >= 0) & (wanted <= 1)).all():
            raise SpecError(f"levels must be in [0, 1], got {levels!r}")
        low, high = (np.full(wanted.shape, edge) for edge in self.support)
        for _ in range(60):  # halves the support to the last bit
            middle = (low + high) / 2
            is_below = self.distribution(middle) < wanted
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return np.asarray(np.where(wanted == 0, low, (low + high) / 2))


def singular_value_density(
    sigma: npt.ArrayLike, rows: float, columns: float, *, std: float
) -> Floats:
    """Marchenko-Pastur density of singular values; see `SingularValueLaw`.

    Args:
        sigma: Where, any shape.
        rows: Of the matrix, above 0.
        columns: Of the matrix, above 0.
        std: Standard deviation of one entry, above 0.

    Returns:
        As many densities, 0 outside ``std * (sqrt(max) -+ sqrt(min))``.

    Raises:
        SpecError: A size or ``std`` is not a finite number above 0.

    Source:
        Marchenko and Pastur, 1967.

    Example:
        >>> singular_value_density([0.0, 9.0], 4, 4, std=1.0).round(4).tolist()
        [0.3183, 0.0]
    """
    return SingularValueLaw(rows, columns, std).density(sigma)


def _in_closed_form(y: Floats, q: float) -> Floats:
    """Distribution function at ``y = sigma / scale`` inside the support.

    Angles by two-argument arctangents: an arcsine would lose half of the digits at the edges.
    """
    x, root = y * y, math.sqrt(q)
    low, high = 1 - root, 1 + root
    radius = np.sqrt(np.clip((high - y) * (high + y) * (y - low) * (y + low), 0, None))
    first = np.arctan2(x - 1 - q, radius)
    second = np.arctan2((1 + q) * x - (1 - q) ** 2, (1 - q) * radius)
    total = radius + (1 + q) * first - (1 - q) * second
    return np.asarray(0.5 + total / (2 * math.pi * q))


def _by_series(y: Floats, q: float) -> Floats:
    """The same, integrated term by term in ``theta`` with ``x = 1 + q + 2 sqrt(q) cos(theta)``.

    There the density is ``2/pi sin(theta) sum_n (-sqrt q)^n sin((n+1) theta)``, the generating
    function of the Chebyshev polynomials of the second kind.
    """
    root = math.sqrt(q)
    theta = np.arccos(np.clip((y * y - 1 - q) / (2 * root), -1, 1))
    total = math.pi - theta + np.sin(2 * theta) / 2
    factor = 1.0
    for n in range(1, 200):
        factor *= -root
        if abs(factor) < 1e-17:
            break
        total = total + factor * (np.sin((n + 2) * theta) / (n + 2) - np.sin(n * theta) / n)
    return np.asarray(total / math.pi)
