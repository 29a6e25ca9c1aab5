"""Ridge regression on a few standardised terms, and its errors on folds left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.studies._study_table import StudyTable
from nnmass.studies._terms import term_values

Floats = npt.NDArray[np.float64]

PENALTIES = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
"""A row's share of the penalty: the sum of squares of the coefficients of standardised terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """A line through standardised terms.

    Attributes:
        mean: Of each term.
        scale: Standard deviation of each term.
        intercept: At the mean.
        coefficients: For one standard deviation of each term.
        penalty: A row's share.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    intercept: float
    coefficients: tuple[float, ...]
    penalty: float

    def predict(self, x: Floats) -> float:
        """The outcome at the terms ``x``."""
        z = (x - np.array(self.mean)) / np.array(self.scale)
        return self.intercept + float(z @ np.array(self.coefficients))


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeFit:
    """A ridge, those that lack a fold each, and the errors of those.

    Attributes:
        ridge: Of all rows.
        folds: One a fold, lacking it.
        fold: Of each row, its place in ``folds``.
        residuals: Of each row, by the one that lacks it.
        error: Mean absolute residual.
    """

    ridge: Ridge
    folds: tuple[Ridge, ...]
    fold: npt.NDArray[np.int64]
    residuals: Floats
    error: float


def folds_of(table: StudyTable) -> tuple[npt.NDArray[np.int64], str]:
    """The fold of each configuration: its depth where 3 are there, itself else; and which."""
    depths = table.columns["depth"]
    if np.isfinite(depths).all() and len(np.unique(depths)) >= 3:
        return np.unique(depths, return_inverse=True)[1], "depth"
    return np.arange(len(depths)), "configuration"


def fit_ridge(
    table: StudyTable, terms: tuple[str, ...], fold: npt.NDArray[np.int64]
) -> RidgeFit | None:
    """The penalty with the smallest error on folds left out; ``None`` where nothing can be fitted.

    Rows without a value of a term are left out.
    """
    x = term_values(table.columns, terms)
    kept = np.isfinite(x).all(1)
    x, y = x[kept], table.outcome[kept]
    fold = np.unique(fold[kept], return_inverse=True)[1] if kept.any() else fold[kept]
    if len(y) < len(terms) + 2 or fold.max() < 1 or (np.ptp(x, axis=0) == 0).any():
        return None
    fits = [fit for penalty in PENALTIES if (fit := _with_folds(x, y, fold, penalty)) is not None]
    return min(fits, key=lambda fit: fit.error, default=None)


def _with_folds(
    x: Floats, y: Floats, fold: npt.NDArray[np.int64], penalty: float
) -> RidgeFit | None:
    whole = _ridge(x, y, penalty)
    parts = [_ridge(x[fold != one], y[fold != one], penalty) for one in range(int(fold.max()) + 1)]
    told = [part for part in parts if part is not None]
    if whole is None or len(told) < len(parts):
        return None
    left = np.array(
        [value - told[one].predict(row) for row, value, one in zip(x, y, fold, strict=True)]
    )
    return RidgeFit(
        ridge=whole,
        folds=tuple(told),
        fold=fold,
        residuals=left,
        error=float(np.abs(left).mean()),
    )


def _ridge(x: Floats, y: Floats, penalty: float) -> Ridge | None:
    if len(y) < 2 or (np.ptp(x, axis=0) == 0).any():
        return None
    mean, scale = x.mean(0), x.std(0)
    z = (x - mean) / scale
    normal = z.T @ z + penalty * len(y) * np.eye(z.shape[1])
    if np.linalg.cond(normal) > 1e10:
        return None
    found = np.linalg.solve(normal, z.T @ (y - y.mean()))
    return Ridge(
        mean=tuple(map(float, mean)),
        scale=tuple(map(float, scale)),
        intercept=float(y.mean()),
        coefficients=tuple(map(float, found)),
        penalty=penalty,
    )
