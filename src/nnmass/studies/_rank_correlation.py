"""Rank correlations: do two scores order the same networks alike?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError

Floats = npt.NDArray[np.float64]
Values = npt.NDArray[Any]

ENTRIES_AT_ONCE = 1 << 21
"""Of the matrices that are made at once: 16 MiB each."""


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Spearman's rho: the linear correlation of the ranks, equal values sharing their mean rank.

        rho = sum_i a_i b_i / sqrt(sum_i a_i^2 * sum_i b_i^2)
        a_i = rank of x_i - (n + 1) / 2,  b_i likewise for y

    Args:
        x: n >= 3 numbers, not all equal. Infinities are the largest and smallest of all.
        y: As many.

    Returns:
        A number in [-1, 1]; 1 where both order the rows alike.

    Raises:
        SpecError: The lengths differ, there are fewer than 3 rows, a value is no number, or one
            variable is constant.

    Source:
        Spearman, American Journal of Psychology 15 (1904).

    Example:
        >>> spearman([1, 2, 3, 4], [1, 2, 4, 3])
        0.8
    """
    first, second = checked(x=x, y=y)
    a, b = _centred_ranks(first), _centred_ranks(second)
    return clipped(float(a @ b / np.sqrt((a @ a) * (b @ b))))


def kendall(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Kendall's tau-b: pairs in the same order minus pairs in opposite order, corrected for ties.

        tau_b = sum_ij s_ij t_ij / sqrt(sum_ij s_ij^2 * sum_ij t_ij^2)
        s_ij = sign(x_i - x_j),  t_ij = sign(y_i - y_j)

    Args:
        x: n >= 3 numbers, not all equal. Infinities are the largest and smallest of all.
        y: As many.

    Returns:
        A number in [-1, 1]; without ties, the share of agreeing pairs minus that of the others.

    Raises:
        SpecError: As `spearman`.

    Source:
        Kendall, Biometrika 33 (1945), for tau-b. All n^2 pairs are compared.

    Example:
        >>> round(kendall([1, 2, 3, 4], [1, 2, 4, 3]), 4), kendall([1, 1, 2], [5, 5, 7])
        (0.6667, 1.0)
    """
    first, second = checked(x=x, y=y)
    step = max(1, ENTRIES_AT_ONCE // len(first))
    both = of_x = of_y = 0.0
    for start in range(0, len(first), step):
        rows = slice(start, start + step)
        s, t = signs(first[rows], first), signs(second[rows], second)
        both += float((s * t).sum())
        of_x += float(np.abs(s).sum())
        of_y += float(np.abs(t).sum())
    return clipped(both / float(np.sqrt(of_x * of_y)))


def clipped(value: float, bound: int = 1) -> float:
    """Without the last digits' error at the ends: rounding may give 1.0000000000000002."""
    value = round(value, 15)
    return max(-float(bound), min(float(bound), value))


def signs(rows: Values, columns: Values) -> Floats:
    """``sign(rows_i - columns_j)``; compared, not subtracted, so that infinities tie."""
    above = np.greater.outer(rows, columns).astype(np.float64)
    above -= np.less.outer(rows, columns)
    return above


def _centred_ranks(values: Values) -> Floats:
    """Ranks from 1 to n, equal values sharing their mean, minus (n + 1) / 2."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    means = np.cumsum(sizes) - (sizes - 1) / 2
    ranks: Floats = means[group] - (len(values) + 1) / 2
    return ranks


def checked(**given: npt.ArrayLike) -> list[Values]:
    """Each variable as an array of numbers that can be ranked.

    Raises:
        SpecError: Lengths differ, or a variable is too short, constant, or holds no numbers.
    """
    arrays = {name: _numbers(values, name) for name, values in given.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{count} in {name}" for name, count in lengths.items())
        raise SpecError(
            f"the variables must have equal lengths, got {told}: each row is one network; give "
            "each its value in every variable, and leave out rows where one is missing"
        )
    for name, values in arrays.items():
        if len(values) < 3:
            raise SpecError(
                f"{name} must have at least 3 values, got {len(values)}: two rows are always in "
                "perfect order or perfect disorder; give more"
            )
        if bool((values == values[0]).all()):
            raise SpecError(
                f"{name} is constant (all {len(values)} values are {values[0]}): a constant does "
                "not order anything; give values that differ, or leave this variable out"
            )
    return list(arrays.values())


def _numbers(values: npt.ArrayLike, name: str) -> Values:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise SpecError(
            f"{name} must be a sequence of numbers, got {_shown(values)}; give one number a row"
        )
    missing = np.flatnonzero(np.isnan(array))
    if len(missing):
        raise SpecError(
            f"{name} must hold numbers only, got nan at {len(missing)} of {len(array)} places, "
            f"the first at index {missing[0]}; leave those rows out of every variable, and say so"
        )
    return array


def _shown(values: object) -> str:
    text = repr(values)
    return text if len(text) <= 60 else f"{text[:57]}..."
