"""Ends of intervals that hold with a told share, whatever the errors look like."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def interval_ends(predicted: Floats, errors: Floats, *, level: float) -> tuple[float, float]:
    """The CV+ interval of one new point.

    Args:
        predicted: Of the new point by the model that lacks the fold of row i, for each row i.
        errors: ``|y - predicted|`` of row i by that model.
        level: Share wanted, in (0, 1).

    Returns:
        ``[q-, q+]``: the floor(alpha (n + 1))-th smallest of predicted - errors and the
        ceil((1 - alpha) (n + 1))-th smallest of predicted + errors, with alpha = 1 - level; with
        too few rows for the share, the least and the greatest.

    Source:
        Barber, Candes, Ramdas, Tibshirani, Annals of Statistics 49 (2021), section 2. Differs for
        few rows, where theirs is infinite.

    Example:
        >>> interval_ends(np.zeros(9), np.arange(1.0, 10.0), level=0.8)
        (-8.0, 8.0)
    """
    n = len(errors)
    rank = min(n, math.ceil(round(level * (n + 1), 9)))
    lower, upper = np.sort(predicted - errors), np.sort(predicted + errors)
    return float(lower[n - rank]), float(upper[rank - 1])
