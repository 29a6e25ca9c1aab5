"""Budgets and ranges as people write them: ``4M``, ``600MMAC``, ``12ms``, ``30MiB``, ``8:16``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from nnmass.errors import SpecError

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*(.*)", re.DOTALL)
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantity:
    """What an option measures, and how it may be written.

    Attributes:
        what: In words.
        units: What may stand behind the number, and what it multiplies.
        example: To write instead.
        is_countable: Whether a number without a unit is clear.
    """

    what: str
    units: Mapping[str, float]
    example: str
    is_countable: bool = True


def _counted(*names: str) -> dict[str, float]:
    return {
        prefix + gap + name: factor
        for prefix, factor in _PREFIXES.items()
        for name in names
        for gap in (("", " ") if prefix and name else ("",))
    }


_PARAMS = _Quantity(
    what="a number of parameters", units=_counted("", "params"), example="4M or 4.2Mparams"
)
_MACS = _Quantity(
    what="a number of multiply-adds", units=_counted("", "MAC", "MACs"), example="600M or 600MMAC"
)
_LATENCY = _Quantity(
    what="a time with its unit (us, ms, s)",
    units={"us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3},
    example="12ms",
    is_countable=False,
)
_MEMORY = _Quantity(
    what="an amount of memory with its unit (B, kB, MB, GB, or KiB, MiB, GiB)",
    units={
        **{"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9},
        **{"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
    },
    example="30MiB",
    is_countable=False,
)
_OF_OPTION = {
    "--max-params": _PARAMS,
    "--max-macs": _MACS,
    "--max-latency": _LATENCY,
    "--max-memory": _MEMORY,
}


def read_budget(text: str | None, option: str) -> float | None:
    """The budget of ``option``: a number, multiply-adds, milliseconds or bytes.

    ``none`` is no budget: infinity for parameters and multiply-adds, where a reference's own
    would stand in for a budget that is left out.

    Raises:
        SpecError: It is no number with a unit that suits the option.

    Example:
        >>> read_budget("600MMAC", "--max-macs"), read_budget("12ms", "--max-latency")
        (600000000.0, 12.0)
        >>> read_budget("30MiB", "--max-memory"), read_budget("none", "--max-params")
        (31457280.0, inf)
    """
    if text is None:
        return None
    quantity, shown = _OF_OPTION[option], text.strip()
    if shown.lower() == "none":
        return math.inf if quantity.is_countable else None
    found = _QUANTITY.fullmatch(shown)
    if found is None or not any(map(str.isdigit, found.group(1))):
        raise SpecError(f"{_must_be(quantity, option)}, got {text!r}{_why_no_number(shown)}")
    number, unit = found.group(1), found.group(2).strip()
    if unit not in quantity.units:
        raise SpecError(_wrong_unit(quantity, option, text, number, unit))
    value = _value(number, quantity.units[unit])
    if not 0 < value < math.inf:
        size = "too large for a number" if value else "not above 0"
        raise SpecError(f"{_must_be(quantity, option)}, got {text!r}, which is {size}")
    return value


def _value(number: str, factor: float) -> float:
    """The product, rounded once: 4.304504M is 4304504, no less."""
    plain = number.replace(",", "")
    if not 0 < float(plain) < math.inf:
        return float(plain)
    return float(Decimal(plain) * Decimal(repr(factor)))


def _must_be(quantity: _Quantity, option: str) -> str:
    return f"{option} must be {quantity.what}, such as {quantity.example}"


def _why_no_number(shown: str) -> str:
    if not shown:
        return ": nothing stands there"
    if shown.startswith("-"):
        return ": a budget is above 0"
    return ": write digits first; 'none' stands for no limit"


def _wrong_unit(quantity: _Quantity, option: str, text: str, number: str, unit: str) -> str:
    must = f"{_must_be(quantity, option)}, got {text!r}"
    if not unit:
        ways = ", ".join(number + name for name in quantity.units if name.isascii())
        return f"{must}: a unit is missing, write one of {ways}"
    if quantity is _MACS and "flop" in unit.lower():
        return _flops(option, text, number, unit)
    if quantity is _MEMORY and unit in ("k", "K", "M", "G"):
        binary = unit.upper() + "iB"
        return f"{must}: write {number}{unit.replace('K', 'k')}B (decimal) or {number}{binary}"
    others = (name for name, q in _OF_OPTION.items() if unit in q.units and unit not in _PREFIXES)
    if other := next(others, ""):
        return f"{must}: {unit} is a unit of {other}"
    near = [name for name in quantity.units if name.lower() == unit.lower()]
    if near:
        return f"{must}: write {' or '.join(number + name for name in near)}, since capitals count"
    known = ", ".join(name for name in quantity.units if name.isalpha() and name.isascii())
    return f"{must}: the unit {unit!r} is not known, it may be {known}"


def _flops(option: str, text: str, number: str, unit: str) -> str:
    """FLOPs are refused, since half of those who write them mean multiply-adds."""
    prefix = unit[: unit.lower().index("flop")].strip()
    half = f"{float(number.replace(',', '')) / 2:g}"
    ask = f"{option} {half}{prefix}" if prefix in _PREFIXES else f"half the number to {option}"
    return (
        f"{option} counts multiply-adds (MACs), got {text!r}: FLOPs = 2 x MACs, so ask for {ask}; "
        f"if by FLOPs you mean multiply-adds, as many papers do, for {option} "
        f"{number}{prefix if prefix in _PREFIXES else ''}"
    )


def read_mass(text: str | None) -> float | tuple[float, float] | None:
    """``250``, or least and most as ``250:300``."""
    if text is None:
        return None
    try:
        low, *high = map(float, text.split(":"))
    except ValueError:
        high = [math.nan] * 2
    if len(high) > 1:
        raise SpecError(
            f"--mass must be the least NN-Mass, or LEAST:MOST, such as 250 or 250:300, got {text!r}"
        )
    return (low, high[0]) if high else low


def read_depths(text: str | None) -> tuple[int, int] | None:
    """``8:16``, or ``8`` for that alone."""
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise SpecError(f"--depth must be LOW:HIGH, such as 8:16, got {text!r}") from None
