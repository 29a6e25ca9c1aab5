"""What a design gives back: candidates, best first, with what was covered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from nnmass.specs import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One designed network.

    Attributes:
        spec: The network.
        mass: Its NN-Mass.
        params: Its trainable parameters.
        macs: Its multiply-adds for one image.
    """

    spec: Spec
    mass: float
    params: int
    macs: int

    @classmethod
    def of(cls, spec: Spec) -> Candidate:
        """The candidate ``spec``, priced in closed form."""
        return cls(spec=spec, mass=spec.mass, params=spec.params, macs=spec.macs)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready; the spec as its canonical string."""
        return {
            "spec": str(self.spec),
            "mass": self.mass,
            "params": self.params,
            "macs": self.macs,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Front(Sequence[Candidate]):
    """Candidates, best first: the optimum of each depth.

    Attributes:
        candidates: The optimum of each depth that can reach the target, cheapest first.
        reference: What was asked to be matched.
        target_mass: The least mass that a candidate must have.
        objective: What was minimised, ``params`` or ``macs``.
        match: Whether the network's mass or every cell's mass was matched.
        depths: Lowest and highest depth searched.
        n_covered: Networks in the searched space. Every one of them is either represented by
            the optimum of its depth or proven not to be cheaper.
        notes: What a reader should know before training a candidate.
    """

    candidates: tuple[Candidate, ...]
    reference: Candidate
    target_mass: float
    objective: str
    match: str
    depths: tuple[int, int]
    n_covered: int
    notes: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        """The candidate at a rank, from 0."""
        return self.candidates[index]

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "reference": self.reference.to_dict(),
            "target_mass": self.target_mass,
            "objective": self.objective,
            "match": self.match,
            "depths": list(self.depths),
            "n_covered": self.n_covered,
            "is_optimal": True,
            "notes": list(self.notes),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
        }
