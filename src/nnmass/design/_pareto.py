"""The front between cost and mass: what each further unit of mass costs at least."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

from nnmass._from_plain import from_plain
from nnmass.design._front import Candidate, searched
from nnmass.design._infeasible import nothing_fits
from nnmass.design._limits import Limits, Objective
from nnmass.design._parts import masses_of_parts
from nnmass.design._read_limits import mass_of_reference
from nnmass.design._request import Request, read_request
from nnmass.design._search import Found
from nnmass.design._space import Space
from nnmass.errors import SpecError, UnprovenError, whole_number
from nnmass.specs import Spec

COSTS: tuple[Objective, ...] = ("params", "macs", "latency")

MOST_LEVELS = 1_000

Progress = Callable[[int, int], object]
"""Called with how many searches are done, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A network of the front.

    Attributes:
        candidate: The network.
        least: Of which costs it has the least among all networks of the space that keep to the
            limits and have at least ``mass``.
        mass: The level of mass at which it was found.
    """

    candidate: Candidate
    least: tuple[str, ...]
    mass: float

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {**self.candidate.to_dict(), "least": list(self.least), "at_mass": self.mass}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoFront:
    """Networks of which none is better in mass and in all costs, lightest first.

    At each of some levels of mass the networks of fewest parameters, fewest multiply-adds and,
    with a table, least latency are proven optima. Networks between the levels, and compromises
    between the costs, are left out.

    Attributes:
        points: By mass, then parameters, multiply-adds, spec.
        reference: What the design was to match; ``None`` without one.
        space: What was searched.
        limits: Budgets besides the mass.
        match: Whether the network's mass or every part's reached the level.
        n_covered: Networks of the space.
        is_optimal: Every search came to its end. Where one ran out of work a point may be missing,
            or be the best that was found.
    """

    points: tuple[FrontPoint, ...]
    reference: Candidate | None
    space: Space
    limits: Limits
    match: str
    n_covered: int
    is_optimal: bool = True

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "reference": None if self.reference is None else self.reference.to_dict(),
            "space": str(self.space),
            "limits": self.limits.to_dict(),
            "match": self.match,
            "n_covered": self.n_covered,
            "is_optimal": self.is_optimal,
            "points": [point.to_dict() for point in self.points],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ParetoFront:
        """The front that `to_dict` told of.

        Raises:
            SpecError: A spec or the space cannot be read.
        """
        points = tuple(
            FrontPoint(
                candidate=Candidate.from_dict(point),
                least=tuple(point["least"]),
                mass=point["at_mass"],
            )
            for point in values["points"]
        )
        return from_plain(cls, values, points=points, **searched(values))


def pareto_front(
    family: str | None = None,
    *,
    levels: int = 12,
    on_level: Progress | None = None,
    **request: Any,
) -> ParetoFront:
    """What each further unit of mass costs at least, over a whole space.

    Args:
        family: As for `nnmass.design`.
        levels: Levels of mass, 2 to 1,000, evenly spaced: from a quarter of the reference's mass to
            its double, as far as the space and the budgets go, and the reference's own besides.
            Without a reference up to the most that there is.
        on_level: Called after each search.
        **request: As for `nnmass.design`, but for ``objective`` and ``top``; ``mass`` may bound
            the front.

    Raises:
        SpecError: An argument is wrong.
        BudgetError: Nothing in the space keeps to the budgets.
        UnprovenError: The search for the most mass ran out of work before it found anything.
        DeviceError: The latency table is of another machine.

    Source:
        Ours.

    Example:
        >>> front = pareto_front(like="dense-cnn(wm=1,d=6,t=20/40)", levels=4)
        >>> for point in front.points:
        ...     print(point.candidate.spec, point.candidate.params, point.least)
        dense-cnn(wm=1,d=3,t=4/8) 51762 ('params', 'macs')
        dense-cnn(wm=1,d=3,t=13/26) 58296 ('params', 'macs')
        dense-cnn(wm=1,d=3,t=16/31) 60184 ('params', 'macs')
        dense-cnn(wm=1,d=5,t=31/62) 128718 ('params', 'macs')
        dense-cnn(wm=1,d=6,t=56/112) 194058 ('params', 'macs')
    """
    levels = whole_number(levels, "levels", low=2)
    if levels > MOST_LEVELS:
        raise SpecError(f"levels must be at most {MOST_LEVELS:,}, got {levels:,}: each is searched")
    for name in ("objective", "top"):
        if name in request:
            raise SpecError(f"a front has no {name}: at each mass every cost is the least")
    if request.get("like") is not None:  # the reference's costs are no budgets of a front
        request = {"max_params": math.inf, "max_macs": math.inf, **_given(request)}
    asked = read_request(family, **request, objective="mass", is_front=True)
    if asked.reference is not None:
        mass_of_reference(asked.reference)  # one without skips has no front of its own
    found, is_optimal = _points(asked, _levels(asked, levels), on_level)
    return ParetoFront(
        points=_not_beaten(found),
        reference=asked.reference_candidate,
        space=asked.space,
        limits=replace(asked.limits, mass=None, parts=None, shares=None),
        match=asked.match,
        n_covered=asked.space.size,
        is_optimal=is_optimal,
    )


def _given(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if value is not None}


def _levels(asked: Request, count: int) -> list[Fraction]:
    """Evenly spaced masses, and the reference's."""
    most = _most_mass(asked)
    low, high = most / count, most
    own = Fraction(0)
    if asked.reference is not None:
        own = sum(masses_of_parts(asked.reference), Fraction(0))
        low, high = own / 4, min(2 * own, most)
    least = asked.limits.least_exact
    low = min(low, high) if least is None else least
    high = high if asked.limits.max_mass is None else min(high, asked.limits.max_mass)
    levels = {low + (high - low) * k / (count - 1) for k in range(count)}
    return sorted(levels | ({own} if low <= own <= high else set()))


def _most_mass(asked: Request) -> Fraction:
    """A little below the most that the space has within the budgets, for the rounding."""
    found = next(asked.search(objective="mass"), None)
    if found is None:
        raise nothing_fits(asked)
    most = Fraction(-found.value) * (1 - Fraction(1, 10**12))
    return most * sum(asked.limits.shares or (Fraction(1),), Fraction(0))


def _points(
    asked: Request, levels: Sequence[Fraction], on_level: Progress | None
) -> tuple[list[FrontPoint], bool]:
    """The points, and whether all are proven."""
    costs = COSTS if asked.latency is not None else COSTS[:2]
    points, is_optimal = dict[Spec, FrontPoint](), True
    for done, (mass, cost) in enumerate(product(levels, costs), start=1):
        found, is_proven = _proven(asked, _at_mass(asked, mass), cost)
        is_optimal &= is_proven
        if found is not None:
            # What is the least at a lower mass is so at every mass that the network still has.
            old = points.get(found.spec)
            least = dict.fromkeys((*(old.least if old else ()), cost))
            points[found.spec] = FrontPoint(
                candidate=asked.candidate(found.spec), least=tuple(least), mass=float(mass)
            )
        if on_level is not None:
            on_level(done, len(levels) * len(costs))
    return list(points.values()), is_optimal


def _proven(asked: Request, limits: Limits, cost: Objective) -> tuple[Found | None, bool]:
    """The best network, and whether the search came to its end; a front goes on without."""
    try:
        found = next(asked.search(limits, cost), None)
    except UnprovenError:
        return None, False
    return found, found is None or bool(found.bound == found.value)


def _at_mass(asked: Request, mass: Fraction) -> Limits:
    if asked.match == "network" or asked.reference is None:
        return replace(asked.limits, mass=mass)
    own = masses_of_parts(asked.reference)
    parts = tuple(mass * part / sum(own, Fraction(0)) for part in own)
    return replace(asked.limits, mass=None, shares=None, parts=parts)


def _not_beaten(points: Sequence[FrontPoint]) -> tuple[FrontPoint, ...]:
    """Those that no other equals or betters in mass and in every cost, in a fixed order."""

    def costs(point: FrontPoint) -> tuple[float, ...]:
        one = point.candidate
        return (-one.mass, one.params, one.macs, one.latency_ms or 0.0)

    kept = [
        point
        for point in points
        if not any(
            other is not point
            and costs(other) != costs(point)
            and all(a <= b for a, b in zip(costs(other), costs(point), strict=True))
            for other in points
        )
    ]
    return tuple(
        sorted(kept, key=lambda p: (p.candidate.mass, *costs(p)[1:], str(p.candidate.spec)))
    )
