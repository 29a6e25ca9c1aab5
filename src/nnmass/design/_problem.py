"""A part of a space as numbers for the solver."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass._arrays import Floats, Ints
from nnmass.design._frame import Frame, Priced, Slot
from nnmass.design._knapsack import Options, lower_bound, solve
from nnmass.design._limits import Limits, Objective
from nnmass.errors import UnprovenError
from nnmass.specs import Spec

Mask = npt.NDArray[np.bool_]
Choice = tuple[int, ...]

MASS_SLACK = 1e-13
"""Of a mass: more than floats round off; what it lets in is checked in fractions."""

MOST_JOINS = 300_000_000
"""Work of one search, a minute or so; what was found by then is given back as not proven."""


@dataclass(frozen=True, slots=True)
class Region:
    """Some options of each slot of a frame."""

    frame: Frame
    priced: Priced
    masks: tuple[Mask, ...]

    def without(self, near: Sequence[Mask]) -> Iterator[Region]:
        """What is left when the networks that are ``near`` in every slot are taken out."""
        inside = list(self.masks)
        for index, (mask, close) in enumerate(zip(self.masks, near, strict=True)):
            rest = mask & ~close
            if rest.any():
                yield Region(
                    self.frame, self.priced, (*inside[:index], rest, *self.masks[index + 1 :])
                )
            inside[index] = mask & close


class Problem:
    """A region as numbers for the solver."""

    def __init__(self, region: Region, limits: Limits, objective: Objective) -> None:
        self.limits, self.objective = limits, objective
        self.priced, self.slots = region.priced, region.priced.slots
        self.rows = [np.flatnonzero(mask) for mask in region.masks]
        self.frame = region.frame
        self.unproven = math.inf  # where the work ran out: what the objective cannot go below

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
            # Below what stem and head need anyway, less in a part is no less in all.
            levels = [np.maximum(s.memory, self.priced.memory) for s in self.slots]
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
        try:
            cheaper = self._solve("params", rows, least_mass=most - MASS_SLACK * max(1.0, most))
        except UnprovenError:  # the mass is proven all the same
            return choice
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
        for slot, shares in zip(self.slots, by_slot(self.limits.shares, self.slots), strict=True):
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
        if not found.is_optimal and objective == self.objective:
            bound = -math.inf if self.is_balanced else found.bound + self._fixed(objective)
            self.unproven = min(self.unproven, bound)
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


def by_slot(
    masses: Sequence[Fraction] | None, slots: Sequence[Slot]
) -> Iterator[Sequence[Fraction]]:
    """The masses of the parts that each slot stands for; empty where there are none."""
    rest = list(masses or ())
    for slot in slots:
        n_parts = slot.parts.shape[1]
        yield rest[:n_parts]
        rest = rest[n_parts:]
