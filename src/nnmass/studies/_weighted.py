"""Statistics of many weighted copies of one table at once: what a bootstrap needs.

Shapes: R resamples, N rows, P terms (with the constant). A weight is how often a row is drawn.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnmass.studies._rank_correlation import ENTRIES_AT_ONCE, signs

Floats = npt.NDArray[np.float64]

SINGULAR = 1e-10
"""Smallest share of the largest eigenvalue that the terms of a resample may have."""


def weighted_coefficients(w: Floats, x: Floats, y: Floats) -> Floats:
    """Least squares of each resample, (R, P); ``nan`` where the rows do not tell them.

    Terms should be standardised, so that the normal equations do no harm.
    """
    n, p = x.shape
    products = (x[:, :, None] * x[:, None, :]).reshape(n, p * p)
    normal = (w @ products).reshape(-1, p, p)
    right = w @ (x * y[:, None])
    values = np.linalg.eigvalsh(normal)
    bad = values[:, 0] <= SINGULAR * np.maximum(values[:, -1], 1e-300)
    normal[bad] = np.eye(p)
    found = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    result: Floats = np.where(bad[:, None], np.nan, found)
    return result


def weighted_r_squared(w: Floats, y: Floats, predicted: Floats) -> Floats:
    """``1 - sum w (y - predicted)^2 / sum w (y - mean)^2`` of each resample."""
    total = w.sum(1)
    mean = w @ y / total
    around = w @ (y * y) - total * mean * mean
    left = np.einsum("rn,rn->r", w, (y - predicted) ** 2)
    scale = total * np.ptp(y) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(around > 1e-12 * scale, 1 - left / around, np.nan)
    return result


def left_out_predictions(w: Floats, x: Floats, y: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    """Each row predicted by the line through the rows of the other groups, (R, N).

    Rows that a resample does not hold are predicted too; they have no weight. A resample in which
    a line cannot be told, with rows of that group, has ``nan`` there.
    """
    predicted = np.zeros((len(w), len(y)))
    for group in np.unique(groups):
        rows = groups == group
        found = weighted_coefficients(w * ~rows, x, y)
        values = found @ x[rows].T
        nobody = w[:, rows].sum(1) == 0
        values[nobody] = 0.0
        predicted[:, rows] = values
    return predicted


def weighted_ranks(w: Floats, x: Floats) -> Floats:
    """Centred mean ranks of each row in each resample, (R, N): 0 is the middle of all rows."""
    _, group = np.unique(x, return_inverse=True)
    sums = np.zeros((len(w), int(group.max()) + 1))
    for rank in range(sums.shape[1]):
        sums[:, rank] = w[:, group == rank].sum(1)
    middle = np.cumsum(sums, 1) - sums / 2
    ranks: Floats = (middle - sums.sum(1, keepdims=True) / 2)[:, group]
    return ranks


def weighted_spearman(w: Floats, x: Floats, y: Floats) -> Floats:
    """Spearman's rho of each resample; ``nan`` where a variable is constant in it."""
    a, b = weighted_ranks(w, x), weighted_ranks(w, y)
    sums = [np.einsum("rn,rn,rn->r", w, *two) for two in ((a, b), (a, a), (b, b))]
    with np.errstate(invalid="ignore", divide="ignore"):
        rho: Floats = sums[0] / np.sqrt(sums[1] * sums[2])
    return rho


def weighted_kendall(w: Floats, x: Floats, y: Floats) -> Floats:
    """Kendall's tau-b of each resample; ``nan`` where a variable is constant in it."""
    above = np.zeros(len(w))
    for start in range(0, len(x), step := max(1, ENTRIES_AT_ONCE // len(x))):
        rows = slice(start, start + step)
        both = signs(x[rows], x) * signs(y[rows], y)
        above += np.einsum("rn,rn->r", w[:, rows] @ both, w)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Floats = above / np.sqrt(_untied(w, x) * _untied(w, y))
    return tau


def _untied(w: Floats, x: Floats) -> Floats:
    """Weight of the ordered pairs of rows that differ in x."""
    _, group = np.unique(x, return_inverse=True)
    total = w.sum(1) ** 2
    for rank in range(int(group.max()) + 1):
        total -= w[:, group == rank].sum(1) ** 2
    result: Floats = total
    return result


def weighted_regret(w: Floats, x: Floats, y: Floats, *, top: int) -> Floats:
    """Best outcome of each resample minus the best among its ``top`` rows of highest x.

    Rows of equal x are taken from the worst on: a tie never helps.
    """
    order = np.lexsort((y, -x))
    there = w[:, order] > 0
    y = np.where(there, y[order], -np.inf)
    picked = np.where(np.cumsum(there, 1) <= top, y, -np.inf)
    regret: Floats = y.max(1) - picked.max(1)
    return regret
