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


def weighted_coefficients(w_RN: Floats, x_NP: Floats, y_N: Floats) -> Floats:
    """Least squares of each resample, (R, P); ``nan`` where the rows do not tell them.

    Terms should be standardised, so that the normal equations do no harm.
    """
    n, p = x_NP.shape
    products = (x_NP[:, :, None] * x_NP[:, None, :]).reshape(n, p * p)
    normal = (w_RN @ products).reshape(-1, p, p)
    right = w_RN @ (x_NP * y_N[:, None])
    values = np.linalg.eigvalsh(normal)
    bad = values[:, 0] <= SINGULAR * np.maximum(values[:, -1], 1e-300)
    normal[bad] = np.eye(p)
    found: Floats = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    found[bad] = np.nan
    return found


def weighted_r_squared(w_RN: Floats, y_N: Floats, predicted_RN: Floats) -> Floats:
    """``1 - sum w (y - predicted)^2 / sum w (y - mean)^2`` of each resample."""
    total = w_RN.sum(1)
    mean = w_RN @ y_N / total
    around = w_RN @ (y_N * y_N) - total * mean * mean
    left = np.einsum("rn,rn->r", w_RN, (y_N - predicted_RN) ** 2)
    scale = total * np.ptp(y_N) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(around > 1e-12 * scale, 1 - left / around, np.nan)
    return result


def left_out_predictions(
    w_RN: Floats, x_NP: Floats, y_N: Floats, groups_N: npt.NDArray[np.int64]
) -> Floats:
    """Each row predicted by the line through the rows of the other groups, (R, N).

    Rows that a resample does not hold are predicted too; they have no weight. A resample in which
    a line cannot be told, with rows of that group, has ``nan`` there.
    """
    predicted = np.zeros((len(w_RN), len(y_N)))
    for group in np.unique(groups_N):
        rows = groups_N == group
        found = weighted_coefficients(w_RN * ~rows, x_NP, y_N)
        values = found @ x_NP[rows].T
        nobody = w_RN[:, rows].sum(1) == 0
        values[nobody] = 0.0
        predicted[:, rows] = values
    return predicted


def weighted_ranks(w_RN: Floats, x_N: Floats) -> Floats:
    """Centred mean ranks of each row in each resample, (R, N): 0 is the middle of all rows."""
    _, group = np.unique(x_N, return_inverse=True)
    sums = np.zeros((len(w_RN), int(group.max()) + 1))
    for rank in range(sums.shape[1]):
        sums[:, rank] = w_RN[:, group == rank].sum(1)
    middle = np.cumsum(sums, 1) - sums / 2
    ranks: Floats = (middle - sums.sum(1, keepdims=True) / 2)[:, group]
    return ranks


def weighted_spearman(w_RN: Floats, x_N: Floats, y_N: Floats) -> Floats:
    """Spearman's rho of each resample; ``nan`` where a variable is constant in it."""
    a, b = weighted_ranks(w_RN, x_N), weighted_ranks(w_RN, y_N)
    sums = [np.einsum("rn,rn,rn->r", w_RN, *two) for two in ((a, b), (a, a), (b, b))]
    with np.errstate(invalid="ignore", divide="ignore"):
        rho: Floats = sums[0] / np.sqrt(sums[1] * sums[2])
    return rho


def weighted_kendall(w_RN: Floats, x_N: Floats, y_N: Floats) -> Floats:
    """Kendall's tau-b of each resample; ``nan`` where a variable is constant in it."""
    above = np.zeros(len(w_RN))
    for start in range(0, len(x_N), step := max(1, ENTRIES_AT_ONCE // len(x_N))):
        rows = slice(start, start + step)
        both = signs(x_N[rows], x_N) * signs(y_N[rows], y_N)
        above += np.einsum("rn,rn->r", w_RN[:, rows] @ both, w_RN)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: Floats = above / np.sqrt(_untied(w_RN, x_N) * _untied(w_RN, y_N))
    return tau


def _untied(w_RN: Floats, x_N: Floats) -> Floats:
    """Weight of the ordered pairs of rows that differ in x."""
    _, group = np.unique(x_N, return_inverse=True)
    total = w_RN.sum(1) ** 2
    for rank in range(int(group.max()) + 1):
        total -= w_RN[:, group == rank].sum(1) ** 2
    result: Floats = total
    return result


def weighted_regret(w_RN: Floats, x_N: Floats, y_N: Floats, *, top: int) -> Floats:
    """Best outcome of each resample minus the best among its ``top`` rows of highest x.

    Rows of equal x are taken from the worst on: a tie never helps.
    """
    order = np.lexsort((y_N, -x_N))
    there = w_RN[:, order] > 0
    y = np.where(there, y_N[order], -np.inf)
    picked = np.where(np.cumsum(there, 1) <= top, y, -np.inf)
    regret: Floats = y.max(1) - picked.max(1)
    return regret
