"""Numbers as people read them."""

from __future__ import annotations

import math

_PREFIXES = ((1e3, "k", 1), (1e6, "M", 2), (1e9, "G", 2), (1e12, "T", 2))


def format_count(n: int) -> str:
    """``n`` with a decimal prefix: one decimal for thousands, two above.

    Example:
        >>> format_count(1_934_000), format_count(867_656), format_count(512)
        ('1.93 M', '867.7 k', '512')
        >>> format_count(999_960)  # not '1000.0 k'
        '1.00 M'
    """
    if abs(n) < 1000:
        return str(n)
    scaled, prefix, digits = next(
        (round(n / scale, digits), prefix, digits)
        for scale, prefix, digits in _PREFIXES
        if round(abs(n) / scale, digits) < 1000 or prefix == "T"
    )
    return f"{scaled:.{digits}f} {prefix}"


def format_percent(fraction: float, digits: int = 1) -> str:
    """``fraction`` in per cent; ``n/a`` for one that is not a number.

    Args:
        fraction: A share; 1 is 100 %.
        digits: Decimals.

    Example:
        >>> format_percent(0.9784), format_percent(1, digits=0)
        ('97.8 %', '100 %')
    """
    return "n/a" if math.isnan(fraction) else f"{100 * fraction:z.{digits}f} %"


def format_mass(mass: float) -> str:
    """``mass`` to two decimals; ``n/a`` for one that is not known (not a number).

    Example:
        >>> format_mass(9006.9333), format_mass(float("nan"))
        ('9006.93', 'n/a')
    """
    return "n/a" if math.isnan(mass) else f"{mass:z.2f}"


def format_density(density: float) -> str:
    """``density``, in [0, 1], to three decimals; ``n/a`` for one that is not known.

    Example:
        >>> format_density(0.16367), format_density(float("nan"))
        ('0.164', 'n/a')
    """
    return "n/a" if math.isnan(density) else f"{density:.3f}"


def half_width(interval: tuple[float, float] | None) -> float:
    """What stands behind ± for ``interval``; not a number without one.

    Example:
        >>> half_width((1.0, 4.0)), half_width(None)
        (1.5, nan)
    """
    return (interval[1] - interval[0]) / 2 if interval else math.nan


def format_spread(mean: float, spread: float, digits: int = 1) -> str:
    """``mean`` and its spread; the mean alone where the spread is unknown (not a number).

    Args:
        mean: ``n/a`` where it is not a number.
        spread: In the unit of ``mean``.
        digits: Decimals of both.

    Example:
        >>> format_spread(97.81, 0.34), format_spread(97.81, float("nan"))
        ('97.8 ± 0.3', '97.8')
    """
    if math.isnan(mean):
        return "n/a"
    shown = f"{mean:z.{digits}f}"
    return shown if math.isnan(spread) else f"{shown} ± {spread:z.{digits}f}"


_BINARY = ((2**10, "KiB"), (2**20, "MiB"), (2**30, "GiB"), (2**40, "TiB"))


def format_bytes(n: float) -> str:
    """``n`` bytes with a binary unit, three digits.

    Example:
        >>> format_bytes(901_120), format_bytes(6_021_120), format_bytes(512)
        ('880 KiB', '5.74 MiB', '512 B')
    """
    if abs(n) < 2**10:
        return f"{n:.0f} B"
    scale, unit = next((s, u) for s, u in _BINARY if abs(n) < 1000 * s or u == "TiB")
    value = n / scale
    return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit}"


def format_digits(value: float) -> str:
    """Three digits that count, none of them an exponent; whole numbers from 100 on.

    Example:
        >>> format_digits(123.4), format_digits(1.234), format_digits(0.001234)
        ('123', '1.23', '0.0012')
    """
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.01 else f"{value:.4f}"
