"""From what is asked for to limits: masses, budgets, and what follows from the reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from numbers import Real

from nnmass.design._limits import Limits
from nnmass.design._parts import masses_of_parts
from nnmass.errors import SpecError, positive_number
from nnmass.specs import Spec

Mass = float | tuple[float, float]

BUDGETS = {
    "params": "max_params",
    "macs": "max_macs",
    "latency": "max_latency_ms",
    "memory": "max_memory",
}
"""Budgets of `Limits`, and what the arguments are called."""


def read_limits(
    mass: object,
    budgets: Mapping[str, object],
    *,
    reference: Spec | None,
    match: str,
    is_cost: bool,
) -> Limits:
    """The limits, those that follow from the reference among them.

    Args:
        mass: The least, or (least, most); ``None`` for the reference's.
        budgets: By the keys of `BUDGETS`; ``None`` for the reference's, infinity for none.
        reference: What is to be matched.
        match: Whether the network or every part of it.
        is_cost: A cost is minimised, so a mass is needed.

    Raises:
        SpecError: A value is wrong, or a mass is needed and there is none.
    """
    low, high = _mass(mass)
    parts = None if reference is None or match == "network" else masses_of_parts(reference)
    if low is None and is_cost:
        low = mass_of_reference(reference)
    if parts is not None and low is not None:
        parts = _shared_out(parts, low, reference)
    limits = replace(_budgets(budgets, reference), mass=low, max_mass=high)
    if parts is None:
        return limits
    return replace(limits, shares=parts) if low is None else replace(limits, mass=None, parts=parts)


def _budgets(given: Mapping[str, object], reference: Spec | None) -> Limits:
    values = {name: _budget(given[name], shown) for name, shown in BUDGETS.items()}
    own = tuple(name for name in ("params", "macs") if values[name] is None)
    if reference is None:
        own = ()
    values |= {name: float(getattr(reference, name)) for name in own}
    real = {name: None if value == math.inf else value for name, value in values.items()}
    return Limits(
        params=real["params"],
        macs=real["macs"],
        latency=real["latency"],
        memory=real["memory"],
        of_reference=own,
    )


def _mass(mass: object) -> tuple[Fraction | None, Fraction | None]:
    if mass is None:
        return None, None
    pair = mass if isinstance(mass, tuple | list) and len(mass) == 2 else (mass, None)
    low, high = (None if x is None else _one_mass(x, mass) for x in pair)
    if low is not None and high is not None and high < low:
        raise SpecError(
            f"mass must be (least, most), and the most {high:g} lies below the least {low:g}"
        )
    return _rounding_to(low, -1), _rounding_to(high, 1)


def _rounding_to(mass: float | None, sign: int) -> Fraction | None:
    """The furthest real number below (-1) or above (1) that still rounds to ``mass``.

    A network whose mass is printed as ``mass`` must keep to it.
    """
    if not mass:
        return None if mass is None else Fraction(0)
    return Fraction(mass) + sign * Fraction(math.ulp(mass)) * _HALF


_HALF = Fraction(2**20 - 1, 2**21)
"""A little less than half a unit in the last place, where rounding goes to the even side."""


def _one_mass(value: object, given: object) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) < math.inf:  # type: ignore[arg-type]
        raise SpecError(f"mass must be a number of at least 0, or two (least, most), got {given!r}")
    return float(value)  # type: ignore[arg-type]


def _budget(value: object, name: str) -> float | None:
    """A number above 0; infinity stands for no limit, not even the reference's."""
    if value is None or (isinstance(value, float) and value == math.inf):
        return value
    return positive_number(value, name)


def mass_of_reference(reference: Spec | None) -> Fraction:
    """The mass that a network like the reference must have.

    Raises:
        SpecError: There is no reference, or it has no skips.
    """
    if reference is None:
        raise SpecError(
            "a design without a reference needs a mass (mass=, --mass), or objective='mass' with "
            "a budget"
        )
    total = sum(masses_of_parts(reference), Fraction(0))
    if not total:
        raise SpecError(
            f"the reference {reference} has mass 0, since it has no skips: every network would "
            "match it. Give a mass (mass=, --mass), or a reference with skips"
        )
    return total


def _shared_out(
    parts: tuple[Fraction, ...], mass: Fraction, reference: Spec | None
) -> tuple[Fraction, ...]:
    """``mass`` over the parts, in the reference's proportions."""
    total = sum(parts, Fraction(0))
    if total == mass:
        return parts
    if not total:
        raise SpecError(
            f"match='cells' shares the mass {float(mass):g} out as in the reference, but "
            f"{reference} has mass 0; use match='network'"
        )
    return tuple(mass * part / total for part in parts)
