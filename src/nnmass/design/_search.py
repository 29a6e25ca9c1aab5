"""The best networks of a space under limits, one after the other: best first, proven."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnmass._arrays import Floats, Ints
from nnmass.design._frame import Frame, Priced, Slot
from nnmass.design._knapsack import Options, UnprovenError, lower_bound, solve
from nnmass.design._limits import Limits, Objective
from nnmass.design._parts import masses_of_parts
from nnmass.specs import Spec

if TYPE_CHECKING:
    from nnmass.design._latency_table import LatencyTable

Mask = npt.NDArray[np.bool_]
Choice = tuple[int, ...]

_SLACK = 1e-13
"""Of a mass: more than floats round off; what it lets in is checked in fractions."""

DIFFERENT = 0.2
"""Designs that are told apart differ by a fifth in the depth of some part, and by 2 where there
are several parts; or in what their frame fixes, such as the width."""


MOST_JOINS = 300_000_000
"""Work of one search, a minute or so; what was found by then is given back as not proven."""


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
    region: _Region = field(compare=False)
    choice: Choice | None = field(compare=False, default=None)
    spec: Spec | None = field(compare=False, default=None)
    bound: float = field(compare=False, default=-math.inf)


@dataclass(frozen=True, slots=True)
class _Region:
    """Some options of each slot of a frame."""

    frame: Frame
    priced: Priced
    masks: tuple[Mask, ...]

    def without(self, near: Sequence[Mask]) -> Iterator[_Region]:
        """What is left when the networks that are ``near`` in every slot are taken out."""
        inside = list(self.masks)
        for index, (mask, close) in enumerate(zip(self.masks, near, strict=True)):
            rest = mask & ~close
            if rest.any():
                yield _Region(
                    self.frame, self.priced, (*inside[:index], rest, *self.masks[index + 1 :])
                )
            inside[index] = mask & close


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
            bound = _Problem(region, limits, objective).bound()
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


def _region(frame: Frame, priced: Priced, limits: Limits) -> _Region | None:
    """The options that keep to the limits by themselves."""
    if limits.memory is not None and priced.memory > limits.memory:
        return None
    masks = list[Mask]()
    for slot, least in zip(priced.slots, _by_slot(limits.parts, priced.slots), strict=True):
        mask = np.ones(len(slot), dtype=bool)
        if limits.memory is not None:
            mask &= slot.memory <= limits.memory
        if least:
            mask &= (slot.parts >= [_least(mass) for mass in least]).all(1)
        if not mask.any():
            return None
        masks.append(mask)
    return _Region(frame, priced, tuple(masks))


def _by_slot(
    masses: Sequence[Fraction] | None, slots: Sequence[Slot]
) -> Iterator[Sequence[Fraction]]:
    """The masses of the parts that each slot stands for; empty where there are none."""
    rest = list(masses or ())
    for slot in slots:
        n_parts = slot.parts.shape[1]
        yield rest[:n_parts]
        rest = rest[n_parts:]


def _least(mass: Fraction) -> float:
    return float(mass) - _SLACK * max(1.0, float(mass))


def _solved(region: _Region, limits: Limits, objective: Objective) -> _Entry | None:
    """The region with its best network; masses are compared exactly."""
    regions, best, bound = [region], None, math.inf
    while regions:
        part = regions.pop()
        problem = _Problem(part, limits, objective)
        choice = problem.solve()
        if choice is None:
            continue
        value, second = problem.values(choice)
        bound = min(bound, value if problem.is_proven else problem.lowest)
        if best is not None and (value, second) > best[:2]:
            continue
        spec = problem.spec(choice)
        if _keeps(spec, limits):
            if best is None or (value, second, str(spec)) < (*best[:2], str(best[3])):
                best = value, second, choice, spec
            continue
        # Rounding let it in: take it out, and look at what is left of the region.
        own = [np.arange(len(mask)) == i for mask, i in zip(part.masks, choice, strict=True)]
        regions += part.without(own)
    if best is None:
        return None
    value, second, choice, spec = best
    key = (value, 1, second, spec.params, spec.macs, -spec.mass, str(spec))
    return _Entry(key, region, choice, spec, bound)


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


class _Problem:
    """A region as numbers for the solver."""

    def __init__(self, region: _Region, limits: Limits, objective: Objective) -> None:
        self.limits, self.objective = limits, objective
        self.priced, self.slots = region.priced, region.priced.slots
        self.rows = [np.flatnonzero(mask) for mask in region.masks]
        self.frame = region.frame
        self.is_proven = True
        self.lowest = -math.inf  # what is proven of the objective where the work ran out

    @property
    def is_balanced(self) -> bool:
        """Every part is to keep as much of the reference's mass as possible."""
        return self.objective == "mass" and self.limits.shares is not None

    def bound(self) -> float:
        """What no network of the region can go below."""
        if self.objective == "memory":
            least = max(int(s.memory[r].min()) for s, r in self._pairs(self.rows))
            return float(max(self.priced.memory, least))
        if self.is_balanced:
            return -min(float(kept[r].max()) for kept, r in zip(self._kept, self.rows, strict=True))
        cells, limits = self._options(self.objective, self.rows)
        return lower_bound(cells, limits) + self._fixed(self.objective)

    def solve(self) -> Choice | None:
        """The options of the best network; ``None`` where there is none."""
        if self.objective == "memory":
            levels = [s.memory for s in self.slots]
            return self._least_level(levels, lambda rows: self._solve("params", rows))
        if self.is_balanced:
            return self._least_level([-kept for kept in self._kept], self._most_mass)
        if self.objective == "mass":
            return self._most_mass(self.rows)
        return self._solve(self.objective, self.rows)

    def _most_mass(self, rows: Sequence[Ints]) -> Choice | None:
        """The most mass; of such networks the one with the fewest parameters."""
        choice = self._solve("mass", rows)
        if choice is None:
            return None
        most = -self._value("mass", choice)
        cheaper = self._solve("params", rows, least_mass=most - _SLACK * max(1.0, most))
        return choice if cheaper is None else cheaper

    def _least_level(
        self,
        levels: Sequence[npt.NDArray[Any]],
        solve_within: Callable[[Sequence[Ints]], Choice | None],
    ) -> Choice | None:
        """The best network among those whose highest level of a part is as low as it can be."""
        pairs = list(zip(levels, self.rows, strict=True))
        heights = np.unique(np.concatenate([own[r] for own, r in pairs]))
        low, high = 0, len(heights)
        while low < high:  # the lowest height at which there is a network
            middle = (low + high) // 2
            rows = [r[own[r] <= heights[middle]] for own, r in pairs]
            if all(map(len, rows)) and self._solve("params", rows) is not None:
                high = middle
            else:
                low = middle + 1
        if low == len(heights):
            return None
        return solve_within([r[own[r] <= heights[low]] for own, r in pairs])

    @cached_property
    def _kept(self) -> list[Floats]:
        """Of each option the share of the reference's part that its mass is."""
        each = list[Floats]()
        for slot, shares in zip(self.slots, _by_slot(self.limits.shares, self.slots), strict=True):
            kept = [slot.parts[:, k] / float(s) for k, s in enumerate(shares) if s]
            each.append(np.min(kept, axis=0) if kept else np.full(len(slot), math.inf))
        return each

    def _pairs(self, rows: Sequence[Ints]) -> Iterator[tuple[Slot, Ints]]:
        return zip(self.slots, rows, strict=True)

    def _solve(
        self, objective: Objective, rows: Sequence[Ints], *, least_mass: float | None = None
    ) -> Choice | None:
        cells, limits = self._options(objective, rows, least_mass=least_mass)
        found = solve(cells, limits, most_joins=MOST_JOINS)
        if found is None:
            return None
        if not found.is_optimal:
            self.is_proven = False
            if objective == self.objective and not self.is_balanced:
                self.lowest = found.bound + self._fixed(objective)
        return tuple(int(r[i]) for r, i in zip(rows, found.options, strict=True))

    def _options(
        self, objective: Objective, rows: Sequence[Ints], *, least_mass: float | None = None
    ) -> tuple[list[Options], Floats]:
        """Costs and uses of each slot, and the limits less what is fixed."""
        limits = list(self._limits(least_mass))
        cells = []
        for slot, r in self._pairs(rows):
            uses = [sign * _column(slot, name)[r] for name, sign, _ in limits]
            cost = _column(slot, objective)[r]
            cells.append(
                Options(
                    -cost if objective == "mass" else cost,
                    np.column_stack(uses) if uses else np.zeros((len(r), 0)),
                )
            )
        return cells, np.array([limit for _, _, limit in limits])

    def _limits(self, least_mass: float | None) -> Iterator[tuple[str, int, float]]:
        least = self.limits.mass if least_mass is None else least_mass
        if least is not None:
            yield "mass", -1, -float(least)
        if self.limits.max_mass is not None:
            yield "mass", 1, float(self.limits.max_mass)
        for name in ("params", "macs", "latency"):
            limit = getattr(self.limits, name)
            if limit is not None:
                yield name, 1, limit - self._fixed(name)

    def _fixed(self, name: str) -> float:
        if name == "mass":
            return 0.0
        return float(getattr(self.priced, "ms" if name == "latency" else name))

    def values(self, choice: Choice) -> tuple[float, float]:
        """The objective, and what breaks ties."""
        if self.is_balanced:
            kept = min(float(own[i]) for own, i in zip(self._kept, choice, strict=True))
            return -kept, self._value("mass", choice)
        second = "macs" if self.objective == "params" else "params"
        return self._value(self.objective, choice), self._value(second, choice)

    def _value(self, name: str, choice: Choice) -> float:
        pairs = list(zip(self.slots, choice, strict=True))
        if name == "memory":
            return float(max([self.priced.memory, *(int(s.memory[i]) for s, i in pairs)]))
        total = sum(float(_column(slot, name)[i]) for slot, i in pairs)
        return -total if name == "mass" else total + self._fixed(name)

    def spec(self, choice: Choice) -> Spec:
        """The network of a choice."""
        rows = [s.settings[i].tolist() for s, i in zip(self.slots, choice, strict=True)]
        return self.frame.spec(rows)


def _column(slot: Slot, name: str) -> Floats:
    column = slot.ms if name == "latency" else getattr(slot, name)
    return np.asarray(column, dtype=np.float64)
