"""The best networks of a space under limits, one after the other: best first, proven."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from nnmass.design._frame import Frame, Priced, Slot
from nnmass.design._limits import Limits, Objective
from nnmass.design._parts import masses_of_parts
from nnmass.design._problem import MASS_SLACK, Choice, Mask, Problem, Region, by_slot
from nnmass.errors import UnprovenError
from nnmass.specs import Spec

if TYPE_CHECKING:
    from nnmass.design._latency_table import LatencyTable

DIFFERENT = 0.2
"""Designs that are told apart differ by a fifth in the depth of some part, and by 2 where there
are several parts; or in what their frame fixes, such as the width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A network and the value of the objective.

    Attributes:
        spec: The network.
        value: Of the objective; negative for the most mass.
        bound: What no network that differs from those before can go below: ``value``, unless the
            work ran out.
    """

    spec: Spec
    value: float
    bound: float


@dataclass(slots=True, order=True)
class _Entry:
    """A region of the space, with what its best network costs, or at least costs."""

    key: tuple[Any, ...]
    region: Region = field(compare=False)
    choice: Choice | None = field(compare=False, default=None)
    spec: Spec | None = field(compare=False, default=None)
    bound: float = field(compare=False, default=-math.inf)


def best_networks(
    frames: Iterator[Frame],
    limits: Limits,
    objective: Objective,
    *,
    table: LatencyTable | None = None,
) -> Iterator[Found]:
    """The best network within the limits, then the best that differs from it, and so on.

    Each is optimal among the networks that differ from all before it (see `DIFFERENT`). Frames
    are solved in the order of what their best network could cost at least, so that those which
    cannot come up are never solved.

    Raises:
        UnprovenError: Searches ran out of work before anything was found.

    Source:
        Ours; splitting what is left after each solution is Lawler's way (Management Science,
        1972) to the k best.
    """
    heap = list[_Entry]()
    for index, frame in enumerate(frames):
        region = _region(frame, frame.price(table), limits)
        if region is not None:
            bound = Problem(region, limits, objective).bound()
            if bound < math.inf:
                heapq.heappush(heap, _Entry((bound, 0, index), region))
    count, given = len(heap), dict[str, list[list[Mask]]]()
    unproven = math.inf  # the lowest that a search which ran out of work leaves open
    failure: UnprovenError | None = None
    while heap:
        entry = heapq.heappop(heap)
        if entry.choice is None:
            try:
                solved = _solved(entry.region, limits, objective)
            except UnprovenError as error:  # the other regions may still hold something
                failure, unproven = error, min(unproven, entry.key[0])
                continue
            if solved is not None:
                heapq.heappush(heap, solved)
                if solved.bound < solved.key[0]:
                    unproven = min(unproven, solved.bound)
            continue
        assert entry.spec is not None
        known = given.setdefault(entry.region.frame.name, [])
        twin = next((near for near in known if _is_near(near, entry.choice)), None)
        if twin is None:
            value = entry.key[0]
            yield Found(spec=entry.spec, value=value, bound=min(value, unproven))
            twin = _near(entry.region.priced.slots, entry.choice)
            known.append(twin)
        for region in entry.region.without(twin):
            count += 1
            heapq.heappush(heap, _Entry((entry.key[0], 0, count), region))
    if failure is not None and not given:
        raise failure


def _is_near(near: Sequence[Mask], choice: Choice) -> bool:
    return all(bool(close[i]) for close, i in zip(near, choice, strict=True))


def _near(slots: Sequence[Slot], choice: Choice) -> list[Mask]:
    """Options of each slot whose numbers are all close to those of the chosen one."""
    least = 2 if sum(slot.structure.shape[1] for slot in slots) > 1 else 1
    near = list[Mask]()
    for slot, row in zip(slots, choice, strict=True):
        own = slot.structure[row]
        apart = np.maximum(least, np.ceil(DIFFERENT * own))
        near.append((np.abs(slot.structure - own) < apart).all(1))
    return near


def _region(frame: Frame, priced: Priced, limits: Limits) -> Region | None:
    """The options that keep to the limits by themselves."""
    if limits.memory is not None and priced.memory > limits.memory:
        return None
    masks = list[Mask]()
    for slot, least in zip(priced.slots, by_slot(limits.parts, priced.slots), strict=True):
        mask = np.ones(len(slot), dtype=bool)
        if limits.memory is not None:
            mask &= slot.memory <= limits.memory
        if least:
            mask &= (slot.parts >= [_least(mass) for mass in least]).all(1)
        if not mask.any():
            return None
        masks.append(mask)
    return Region(frame, priced, tuple(masks))


def _least(mass: Fraction) -> float:
    return float(mass) - MASS_SLACK * max(1.0, float(mass))


def _solved(region: Region, limits: Limits, objective: Objective) -> _Entry | None:
    """The region with its best network; masses are compared exactly."""
    regions, solving = [region], _Solving(limits, objective)
    while regions:
        regions += solving.look_at(regions.pop())
    if solving.best is None:
        if solving.failure is not None:
            raise solving.failure
        return None
    value, second, choice, spec = solving.best
    key = (value, 1, second, spec.params, spec.macs, -spec.mass, str(spec))
    return _Entry(key, region, choice, spec, bound=min(value, solving.unproven))


@dataclass(slots=True)
class _Solving:
    """The best network so far: value, what breaks ties, choice, spec.

    Attributes:
        unproven: The lowest that a search which ran out of work leaves open.
        failure: Such a search that found nothing.
    """

    limits: Limits
    objective: Objective
    best: tuple[float, float, Choice, Spec] | None = None
    unproven: float = math.inf
    failure: UnprovenError | None = None

    def look_at(self, part: Region) -> Iterator[Region]:
        """Take note of the best network of ``part``; what of it must be looked at again."""
        problem, best = Problem(part, self.limits, self.objective), self.best
        try:
            choice = problem.solve()
        except UnprovenError as error:  # the other parts may still hold something
            self.failure, self.unproven = error, min(self.unproven, problem.bound())
            return
        self.unproven = min(self.unproven, problem.unproven)
        if choice is None:
            return
        value, second = problem.values(choice)
        if best is not None and (value, second) > best[:2]:
            return
        spec = problem.spec(choice)
        if not _keeps(spec, self.limits):  # rounding let it in: look at all others
            own = [np.arange(len(mask)) == i for mask, i in zip(part.masks, choice, strict=True)]
            yield from part.without(own)
        elif best is None or (value, second, str(spec)) < (*best[:2], str(best[3])):
            self.best = value, second, choice, spec


def _keeps(spec: Spec, limits: Limits) -> bool:
    """The limits on masses, in exact fractions."""
    masses = masses_of_parts(spec)
    total = sum(masses, Fraction(0))
    if limits.mass is not None and total < limits.mass:
        return False
    if limits.max_mass is not None and total > limits.max_mass:
        return False
    if limits.parts is None:
        return True
    return all(own >= least for own, least in zip(masses, limits.parts, strict=True))
