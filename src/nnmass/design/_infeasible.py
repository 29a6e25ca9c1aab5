"""Why nothing in a space keeps to the limits: which of them binds, and what would do."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from fractions import Fraction

from nnmass.design._limits import Limits, Objective
from nnmass.design._parts import masses_of_parts
from nnmass.design._request import Request
from nnmass.errors import BudgetError

_WORDS = {
    "mass": ("NN-Mass of at least", "mass", ""),
    "max_mass": ("NN-Mass of at most", "mass", ""),
    "params": ("parameters of at most", "parameters", ""),
    "macs": ("MACs of at most", "MACs", ""),
    "latency": ("latency of at most", "latency", " ms"),
    "memory": ("feature maps of at most", "memory of feature maps", " bytes"),
}


def nothing_fits(request: Request) -> BudgetError:
    """The error that says which budget binds and what the smallest feasible value is.

    Each budget in turn is dropped, and the best that can be had of it under all others is found,
    exactly: with that value in its place there is a network.
    """
    limits = request.limits
    lines = [
        f"no network of {request.space} ({request.space.size:,} networks) has {_told(request)}"
    ]
    ways = [way for name in limits.given if (way := _way_out(request, name)) is not None]
    ways += _without_reference(request)
    if ways:
        lines.append("What would do, with all else as asked: " + "; or ".join(ways))
    else:
        lines.append(f"No single budget is the cause: {_each_alone(request)}")
    lines.append("Or allow another depth (--depth) or space (--space)")
    return BudgetError(". ".join(lines))


def _told(request: Request) -> str:
    words = [_word(request.limits, name) for name in request.limits.given]
    return ", ".join(words[:-1]) + (" and " if words[1:] else "") + words[-1]


def _word(limits: Limits, name: str) -> str:
    words, _, unit = _WORDS[name]
    if name == "mass" and limits.parts is not None:
        each = "/".join(f"{float(mass):.6g}" for mass in limits.parts)
        return f"{words} {each} in its parts"
    value = limits.least_mass if name == "mass" else float(getattr(limits, name))
    whose = " (the reference's)" if name in limits.of_reference else ""
    return f"{words} {_number(value or 0.0, name)}{unit}{whose}"


def _number(value: float, name: str) -> str:
    return f"{value:,.0f}" if name in ("params", "macs", "memory") else f"{value:.6g}"


def _feasible(value: Fraction, name: str, *, digits: int = 6) -> str:
    """Rounded to the side on which there is a network."""
    if name in ("params", "macs", "memory"):
        return f"{int(value):,}"
    side = ROUND_FLOOR if name == "mass" else ROUND_CEILING
    rounded = Context(prec=digits, rounding=side).divide(value.numerator, value.denominator)
    return f"{float(rounded):.{digits}g}"


def _way_out(request: Request, name: str) -> str | None:
    """What the limit ``name`` must become for a network to keep to all others."""
    limits, others = request.limits, request.limits.without(name)
    if name == "mass" and limits.parts is not None:
        return _share(request, replace(others, shares=limits.parts))
    value = _best(request, others, name)
    if value is None:
        return None
    _, what, unit = _WORDS[name]
    most = "at most" if name == "mass" else "at least"
    return f"{what} of {most} {_feasible(value, name)}{unit}"


def _share(request: Request, others: Limits) -> str | None:
    """How much of what was asked of every part can be had."""
    found, shares = next(request.search(others, "mass"), None), others.shares or ()
    if found is None:
        return None
    pairs = zip(masses_of_parts(found.spec), shares, strict=True)
    kept = min(mass / share for mass, share in pairs if share)
    total = _feasible(kept * sum(shares, Fraction(0)), "mass")
    return (
        f"a mass of {_feasible(100 * kept, 'mass', digits=3)}% of what was asked of every part, "
        f"{total} in all"
    )


def _best(request: Request, limits: Limits, name: str) -> Fraction | None:
    """The least use of a budget, or the most mass, within ``limits``."""
    if name == "max_mass":
        return None  # it binds only together with the least mass, which has its own line
    found = next(request.search(limits, name), None)  # type: ignore[arg-type]
    if found is None:
        return None
    if name == "mass":
        return sum(masses_of_parts(found.spec), Fraction(0))
    return Fraction(found.value)


def _without_reference(request: Request) -> list[str]:
    """What the cheapest network costs, where nobody asked for limits on its costs."""
    names = request.limits.of_reference
    if len(names) < 2:
        return []
    limits = request.limits
    for name in names:
        limits = limits.without(name)
    objective: Objective = "params" if request.objective == "mass" else request.objective
    found = next(request.search(limits, objective), None)
    if found is None:
        return []
    costs = (f"{_WORDS[name][1]} of {_number(getattr(found.spec, name), name)}" for name in names)
    return [f"{' and '.join(costs)} together, instead of the reference's"]


def _each_alone(request: Request) -> str:
    told = []
    for name in request.limits.given:
        value = _best(request, Limits(), name)
        if value is not None:
            _, what, unit = _WORDS[name]
            most = "the most" if name == "mass" else "the least"
            told.append(f"{most} {what} in the space is {_feasible(value, name)}{unit}")
    return "; ".join(told)
