"""Parts of a space whose cells vary independently, priced as arrays: plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnmass._arrays import Floats, Ints
from nnmass.specs import Spec

if TYPE_CHECKING:
    from nnmass.design._latency_table import LatencyTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What one cell, stage or row can be; all arrays have one entry (or row) for each option.

    Attributes:
        mass: (n,), float64.
        parts: (n, p), float64: the mass of each of the p parts that the slot stands for.
        params: (n,), int64.
        macs: (n,), int64.
        memory: (n,), int64: most bytes of feature maps while the part runs.
        ms: (n,), milliseconds; ``None`` without a latency table.
        structure: (n, s): the numbers that tell designs apart for a reader, such as depths.
        settings: (n, v): the numbers that the network is made of.
    """

    mass: Floats
    parts: Floats
    params: Ints
    macs: Ints
    memory: Ints
    ms: Floats | None
    structure: Ints
    settings: Ints

    def __len__(self) -> int:
        return len(self.mass)

    @classmethod
    def joined(cls, slots: Sequence[Slot]) -> Slot:
        """All options of ``slots``, one after the other."""
        has_ms = all(slot.ms is not None for slot in slots)
        return cls(
            mass=np.concatenate([slot.mass for slot in slots]),
            parts=np.concatenate([slot.parts for slot in slots]),
            params=np.concatenate([slot.params for slot in slots]),
            macs=np.concatenate([slot.macs for slot in slots]),
            memory=np.concatenate([slot.memory for slot in slots]),
            ms=np.concatenate([slot.ms for slot in slots]) if has_ms else None,
            structure=np.concatenate([slot.structure for slot in slots]),
            settings=np.concatenate([slot.settings for slot in slots]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A frame in numbers: each of its networks has one option of each slot.

    Parameters, multiply-adds, milliseconds and mass add up over the slots and what is fixed; of
    memory the largest counts.

    Attributes:
        slots: The parts that vary.
        params: Of what is fixed (stem and head).
        macs: Of what is fixed.
        memory: Bytes, of what is fixed.
        ms: Of what is fixed; 0 without a latency table.
    """

    slots: tuple[Slot, ...]
    params: int = 0
    macs: int = 0
    memory: int = 0
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Networks of a space that share what couples their parts (width, a depth for all cells).

    Attributes:
        name: What they share, such as ``wm=2,d=13``; empty where the space has one frame.
        sizes: How many options each part has.
        price: Makes the arrays, with latencies if a table is given.
        spec: The network of one row of `Slot.settings` for each slot.
    """

    name: str
    sizes: tuple[int, ...]
    price: Callable[[LatencyTable | None], Priced]
    spec: Callable[[Sequence[Sequence[int]]], Spec]

    @property
    def size(self) -> int:
        """How many networks."""
        return math.prod(self.sizes)
