"""The number with the fewest decimals that explains what was seen."""

from __future__ import annotations

import math
from collections.abc import Callable

_DECIMALS = 5


def simplest(low: float, high: float, fits: Callable[[float], bool]) -> float | None:
    """The number in ``[low, high]`` with the fewest decimals for which ``fits``.

    Of several the one nearest to the middle; ``None`` if none with up to five decimals fits.

    Args:
        low: Above 0.
        high: The interval should be short: up to a million numbers are tried.
        fits: The test.

    Example:
        >>> simplest(1.3, 1.5, lambda share: round(64 * share) == 90)
        1.4
    """
    middle = (low + high) / 2
    for decimals in range(_DECIMALS + 1):
        scale = float(10**decimals)
        first, last = math.ceil(low * scale - 1e-9), math.floor(high * scale + 1e-9)
        tried = sorted(range(max(first, 1), last + 1), key=lambda n: abs(n / scale - middle))
        for number in tried:
            if fits(number / scale):
                return number / scale
    return None
