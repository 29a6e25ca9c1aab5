"""Axes: where a value stands, and which round values to mark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nnmass.errors import SpecError
from nnmass.report._svg import LINE_HEIGHT, text_width

_PREFIXES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, ""))
_LARGEST = 1e100  # far beyond any quantity drawn here, far from overflow
_LEAST_PREFIXED = 10_000  # 9000 is read more easily than 9 k, 600 k more easily than 600000


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of values laid over a stretch of pixels.

    Attributes:
        low: Value at ``start``.
        high: Value at ``end``, above ``low``.
        start: Pixel of ``low``.
        end: Pixel of ``high``; may lie before ``start``, as on a y axis.
        log: Whether equal ratios, rather than differences, take equal room.
        marks: Values to mark, with their labels, in place of round ones.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    marks: tuple[tuple[float, str], ...] = ()

    @classmethod
    def around(
        cls, values: Sequence[float], start: float, end: float, *, name: str, log: bool = False
    ) -> Axis:
        """The axis that shows ``values`` with a little room on both sides.

        Raises:
            SpecError: A value is not finite (or beyond 1e100), or ``log`` and it is not above 0.
        """
        for value in values:
            if not abs(value) <= _LARGEST or (log and value < 1 / _LARGEST):
                allowed = "finite and above 0 for a logarithmic axis" if log else "finite"
                raise SpecError(f"{name} must be {allowed}, got {value!r}: leave such values out")
        low, high = min(values), max(values)
        largest = max(abs(low), abs(high))
        is_one_value = high - low <= 1e-9 * largest  # less than that is rounding
        if log:
            pad = 2.0 if is_one_value else (high / low) ** 0.06
            return cls(low / pad, high * pad, start, end, log=True)
        pad = (0.05 * largest or 1.0) if is_one_value else 0.06 * (high - low)
        return cls(low - pad, high + pad, start, end)

    def position(self, value: float) -> float:
        """The pixel of ``value``."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values with their labels, far enough apart to be read."""
        if self.marks:
            return list(self.marks)
        choices = _log_choices(self.low, self.high) if self.log else []
        most = max(3, int(abs(self.end - self.start) / 60))
        choices += [_round_values(self.low, self.high, n) for n in (most, 8, 6, 2 * most, 4, 3, 2)]
        labelled = [
            list(zip(values, _labels(values, alike=not self.log), strict=True))
            for values in choices
        ]
        readable = [labels for labels in labelled if self._fits(labels)]
        enough = (labels for labels in readable if len(labels) >= 3)
        return next(enough, max(readable, key=len, default=[]))

    def _fits(self, labels: list[tuple[float, str]]) -> bool:
        if len(labels) < 2:
            return True
        places = [self.position(value) for value, _ in labels]
        gap = min(abs(b - a) for a, b in pairwise(places))
        is_upright = self.end < self.start
        need = LINE_HEIGHT if is_upright else max(text_width(label) for _, label in labels)
        return gap >= need + 6


def _round_values(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within the stretch, about ``most`` of them."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m for m in (1, 2, 5, 10) if m * power >= 0.7 * raw) * power
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    values = (round(k * step, digits) + 0.0 for k in range(first, last + 1))
    return [value for value in values if low <= value <= high]


def _log_choices(low: float, high: float) -> list[list[float]]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    choices = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        values = [m * 10.0**e for e in range(first, last + 1) for m in steps]
        choices.append([v for v in values if low <= v <= high])
    for every in (2, 3, 5, 10, 20, 50):
        values = [10.0**e for e in range(first, last + 1) if e % every == 0]
        choices.append([v for v in values if low <= v <= high])
    return choices


def _labels(values: list[float], *, alike: bool) -> list[str]:
    """One label a value; ``alike`` gives all of them one prefix and the same decimals."""
    if not values:
        return []
    largest = max(abs(value) for value in values)
    if not alike or largest >= 1e15 or 0 < largest < 1e-3:
        return [short(value) for value in values]
    scale, prefix = _prefix(largest)
    for digits in range(10):
        labels = [f"{value / scale:z.{digits}f}" for value in values]
        if all(
            math.isclose(float(label) * scale, value, rel_tol=1e-9, abs_tol=1e-9 * largest)
            for label, value in zip(labels, values, strict=True)
        ):
            break
    return [label + prefix if value else "0" for label, value in zip(labels, values, strict=True)]


def _prefix(value: float) -> tuple[float, str]:
    if abs(value) < _LEAST_PREFIXED:
        return 1.0, ""
    return next(p for p in _PREFIXES if abs(value) >= p[0])


def short(value: float) -> str:
    """``value`` to four digits at most, with a decimal prefix from ten thousand on.

    Example:
        >>> short(1_934_000), short(0.52), short(9000)
        ('1.934 M', '0.52', '9000')
    """
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    scale, prefix = _prefix(value)
    return f"{value / scale:.4g}{prefix}"
