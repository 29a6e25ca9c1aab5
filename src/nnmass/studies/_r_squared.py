"""How much of one number a straight line through another explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError
from nnmass.studies._rank_correlation import checked, clipped


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFit:
    """The straight line of least squares, ``y = intercept + slope * x``.

    Attributes:
        slope: Change of y for 1 of x.
        intercept: y at x = 0.
        r_squared: Share of the variance of y that the line explains, in [0, 1].
        n: Rows it was fitted to.
    """

    slope: float
    intercept: float
    r_squared: float
    n: int

    def to_dict(self) -> dict[str, float]:
        """Plain data."""
        return {
            "slope": self.slope,
            "intercept": self.intercept,
            "r_squared": self.r_squared,
            "n": self.n,
        }


def line_fit(x: npt.ArrayLike, y: npt.ArrayLike) -> LineFit:
    """The line of ordinary least squares through n >= 3 points.

        slope = s_xy / s_xx,  R2 = s_xy^2 / (s_xx s_yy),  s_ab = sum_i (a_i - mean a)(b_i - mean b)

    Args:
        x: n >= 3 finite numbers, not all equal.
        y: As many.

    Raises:
        SpecError: The lengths differ, there are fewer than 3 rows, a value is not finite, or one
            variable is constant.

    Source:
        Textbook least squares; ours.

    Example:
        >>> fit = line_fit([0, 1, 2], [1.0, 3.0, 5.0])
        >>> fit.slope, fit.intercept, fit.r_squared
        (2.0, 1.0, 1.0)
    """
    first, second = (np.asarray(values, np.float64) for values in checked(x=x, y=y))
    for name, values in (("x", first), ("y", second)):
        if not np.isfinite(values).all():
            raise SpecError(f"{name} must be finite for a line through it; leave infinities out")
    a, b = first - first.mean(), second - second.mean()
    slope = float(a @ b / (a @ a))
    return LineFit(
        slope=slope,
        intercept=float(second.mean() - slope * first.mean()),
        r_squared=clipped(float((a @ b) ** 2 / ((a @ a) * (b @ b)))),
        n=len(a),
    )


def r_squared(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Share of the variance of ``y`` that a straight line through ``x`` explains; see `line_fit`.

    Args:
        x: n >= 3 finite numbers, not all equal.
        y: As many.

    Raises:
        SpecError: As `line_fit`.

    Example:
        >>> r_squared([1, 2, 3, 4], [1, 2, 2, 1])
        0.0
    """
    return line_fit(x, y).r_squared
