"""Student's t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev


def t_quantile(df: float, level: float = 0.95) -> float:
    """Half width, in standard errors, of a two-sided interval of Student's t.

    Args:
        df: Degrees of freedom, at least 1; infinity gives the normal distribution's.
        level: Probability inside, in (0, 1).

    Source:
        The distribution function through the regularised incomplete beta function (Abramowitz
        and Stegun, 26.7.1), inverted by bisection; ours.

    Example:
        >>> round(t_quantile(4), 3), round(t_quantile(math.inf), 3)
        (2.776, 1.96)
    """
    low, high = 0.0, 2.0
    while _inside(high, df) < level:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, df) < level else (low, middle)
    return (low + high) / 2


def interval_of_mean(values: Sequence[float | None]) -> tuple[float, float] | None:
    """95 % interval of the mean of independent draws; ``None`` for fewer than two, or a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or len(known) < len(values):
        return None
    mean, half = fmean(known), half_interval(known)
    return mean - half, mean + half


def half_interval(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of the mean of independent draws, two at least."""
    return t_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values))


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean; ``None`` without a value, or where one is missing."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _inside(t: float, df: float) -> float:
    """Probability that a Student variable lies in (-t, t)."""
    if df == math.inf:
        return math.erf(t / math.sqrt(2))
    return 1 - _incomplete_beta(df / (df + t * t), df / 2, 0.5)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (modified Lentz)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # converges fast on the other side only
        return 1 - _incomplete_beta(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) - math.log(a)
    front = math.exp(log_front - math.lgamma(a) - math.lgamma(b) + math.lgamma(a + b))
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d, c = 1 / (1 + step * d), 1 + step / c
            total *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * total
