"""What is asked of a design, checked: reference, space, limits, objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Real
from pathlib import Path
from typing import Literal, get_args

from nnmass.design._accuracy import AccuracyFit
from nnmass.design._choices import Number
from nnmass.design._front import Candidate
from nnmass.design._guards import check_widths, outside_of
from nnmass.design._latency_table import LatencyTable
from nnmass.design._limits import OBJECTIVES, Limits, Objective
from nnmass.design._parts import masses_of_parts
from nnmass.design._reference import Reference, reference_of
from nnmass.design._roles import LINKED
from nnmass.design._space import Space
from nnmass.errors import SpecError, did_you_mean, positive_number
from nnmass.specs import Spec, family_class, parse

Match = Literal["network", "cells"]
Mass = float | tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a search needs to know.

    Attributes:
        reference: What is to be matched; ``None`` where only a mass is given.
        space: What is searched.
        limits: What candidates must keep to.
        objective: What they are to be best at.
        match: Whether the network's mass or that of every part must be reached.
        latency: Measured layers of this machine.
        fit: Predicts accuracies.
        notes: What to say beside the result.
    """

    reference: Spec | None
    space: Space
    limits: Limits
    objective: Objective
    match: Match
    latency: LatencyTable | None
    fit: AccuracyFit | None
    notes: tuple[str, ...]

    def candidate(self, spec: Spec) -> Candidate:
        """``spec`` with all that is known of it."""
        outside = outside_of(spec, self.reference)
        return Candidate.of(spec, latency=self.latency, fit=self.fit, outside=outside)

    @property
    def reference_candidate(self) -> Candidate | None:
        """The reference with all that is known of it."""
        return None if self.reference is None else self.candidate(self.reference)


def read_request(
    family: str | None,
    *,
    like: object = None,
    input_shape: Sequence[int] | None = None,
    space: Space | str | None = None,
    mass: Mass | None = None,
    max_params: float | None = None,
    max_macs: float | None = None,
    max_latency_ms: float | None = None,
    max_memory: float | None = None,
    depth: tuple[int, int] | None = None,
    width: str | Sequence[Number] | None = None,
    objective: str = "params",
    match: str | None = None,
    across_widths: bool = False,
    latency: LatencyTable | str | Path | None = None,
    fit: AccuracyFit | None = None,
    is_front: bool = False,
) -> Request:
    """The request; see `nnmass.design`. For a front no mass is needed, nor a budget.

    Raises:
        SpecError: An argument is wrong, or two contradict each other.
    """
    found = None if like is None else reference_of(like, family=family, input_shape=input_shape)
    searched = _space(family, found, space, depth, width)
    reference = None if found is None else found.spec
    check_widths(searched, reference, across_widths=across_widths)
    goal = _objective(objective, fit)
    table = _table(latency)
    if table is None and (goal == "latency" or max_latency_ms is not None):
        raise SpecError(
            "latency needs a measured table of this machine: give latency= a LatencyTable or its "
            "file (--latency-table FILE measures one)"
        )
    matched = _match(match, searched, reference, mass)
    budgets = _Budgets(max_params, max_macs, max_latency_ms, max_memory)
    limits = _limits(reference, _mass(mass), budgets.checked(), matched, is_cost=goal != "mass")
    if goal == "mass" and not limits.given and not is_front:
        raise SpecError(
            "objective 'mass' needs a budget: max_params, max_macs, max_latency_ms or max_memory "
            "(--max-params ..); without one the largest network of the space wins"
        )
    return Request(
        reference=reference,
        space=searched,
        limits=limits,
        objective=goal,
        match=matched,
        latency=table,
        fit=fit,
        notes=() if found is None else found.notes,
    )


def _space(
    family: str | None,
    found: Reference | None,
    space: Space | str | None,
    depth: tuple[int, int] | None,
    width: str | Sequence[Number] | None,
) -> Space:
    if space is None:
        if found is None and family is None:
            raise SpecError(
                "a design needs a reference (like=, --like), a space (space=, --space) or a family "
                "with a mass; none was given"
            )
        spec = parse(family_class(family or "").example) if found is None else found.spec
        return Space.like(spec, depth=depth, width=width)
    searched = Space.parse(space) if isinstance(space, str) else space
    if not isinstance(searched, Space):
        raise SpecError(f"space must be a Space or its text, got {space!r}")
    for name, value in (("depth", depth), ("width", width)):
        if value is not None:
            raise SpecError(
                f"{name}={value!r} and space={str(searched)!r} contradict each other: the space "
                f"tells the {name}; leave one of them out"
            )
    wanted = found.spec.family if found is not None else family
    if wanted is not None and wanted != searched.family:
        raise SpecError(
            f"the space is of the family {searched.family!r}, and {wanted!r} is asked for: masses "
            "are compared within one family"
        )
    return searched


def _objective(objective: object, fit: AccuracyFit | None) -> Objective:
    known = (*OBJECTIVES, "accuracy")
    if not isinstance(objective, str) or objective not in known:
        raise SpecError(
            f"objective must be one of {', '.join(known)}, got {objective!r}."
            f"{did_you_mean(str(objective), known)}"
        )
    if objective != "accuracy":
        return objective  # type: ignore[return-value]
    if fit is None:
        raise SpecError(
            "objective 'accuracy' needs a fit that predicts it (fit=); without one, maximise the "
            "mass: objective='mass'"
        )
    if not fit.rises_with_mass:
        raise SpecError(
            "objective 'accuracy' needs a fit in which accuracy rises with mass, and this one "
            "does not say so: no proof could be given. Minimise a cost instead, and read off the "
            "predictions"
        )
    return "mass"


def _table(latency: LatencyTable | str | Path | None) -> LatencyTable | None:
    if latency is None or isinstance(latency, LatencyTable):
        return latency
    if isinstance(latency, str | Path):
        return LatencyTable.load(latency)
    raise SpecError(f"latency must be a LatencyTable or its file, got {latency!r}")


def _match(match: object, space: Space, reference: Spec | None, mass: Mass | None) -> Match:
    if match is None:
        is_linked = space.family in LINKED and reference is not None
        is_shared = is_linked and (mass is None or reference.mass > 0)  # type: ignore[union-attr]
        return "cells" if is_shared else "network"
    if match not in get_args(Match):
        raise SpecError(f"match must be 'network' or 'cells', got {match!r}")
    if match == "cells" and reference is None:
        raise SpecError(
            "match='cells' keeps the mass of every cell of a reference, and there is none: give "
            "like= (--like), or match='network'"
        )
    return match  # type: ignore[return-value]


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


@dataclass(frozen=True, slots=True)
class _Budgets:
    params: float | None
    macs: float | None
    latency: float | None
    memory: float | None

    def checked(self) -> dict[str, float | None]:
        names = {
            "params": "max_params",
            "macs": "max_macs",
            "latency": "max_latency_ms",
            "memory": "max_memory",
        }
        return {name: _budget(getattr(self, name), shown) for name, shown in names.items()}


def _budget(value: object, name: str) -> float | None:
    """A number above 0; infinity stands for no limit, not even the reference's."""
    if value is None or (isinstance(value, float) and value == math.inf):
        return value
    return positive_number(value, name)


def _limits(
    reference: Spec | None,
    mass: tuple[Fraction | None, Fraction | None],
    budgets: dict[str, float | None],
    match: Match,
    *,
    is_cost: bool,
) -> Limits:
    """The limits, those that follow from the reference among them."""
    low, high = mass
    parts = None if reference is None or match == "network" else masses_of_parts(reference)
    if low is None and is_cost:
        low = _mass_of_reference(reference)
    if parts is not None and low is not None:
        parts = _shared_out(parts, low, reference)
    own = tuple(name for name in ("params", "macs") if budgets[name] is None)
    if reference is not None:
        budgets |= {name: float(getattr(reference, name)) for name in own}
    real = {name: None if value == math.inf else value for name, value in budgets.items()}
    limits = Limits(
        mass=low,
        max_mass=high,
        params=real["params"],
        macs=real["macs"],
        latency=real["latency"],
        memory=real["memory"],
        of_reference=own if reference is not None else (),
    )
    if parts is None:
        return limits
    return replace(limits, shares=parts) if low is None else replace(limits, mass=None, parts=parts)


def _mass_of_reference(reference: Spec | None) -> Fraction:
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
