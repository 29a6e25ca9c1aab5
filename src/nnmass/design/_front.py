"""What a design gives back: candidates, best first, with what was covered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from nnmass._from_plain import from_plain
from nnmass.design._accuracy import AccuracyFit, NotInFitError, Prediction
from nnmass.design._limits import Limits
from nnmass.design._space import Space
from nnmass.specs import Spec, parse

if TYPE_CHECKING:
    from nnmass.design._latency_table import LatencyTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One designed network.

    Attributes:
        spec: The network.
        mass: Its NN-Mass.
        params: Its trainable parameters.
        macs: Its multiply-adds for one image.
        memory: Bytes of feature maps that it needs at one moment; see
            `nnmass.specs.Spec.peak_activation_bytes`.
        latency_ms: Milliseconds by the latency table; ``None`` without one.
        accuracy: Predicted accuracy; ``None`` without a fit, or where it says nothing about this
            network.
        unpredicted: Why a fit says nothing about it; empty else.
        outside: Why its mass may not compare with the reference's: depths or widths outside what
            is known. Empty where it may.
    """

    spec: Spec
    mass: float
    params: int
    macs: int
    memory: int
    latency_ms: float | None = None
    accuracy: Prediction | None = None
    unpredicted: str = ""
    outside: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        spec: Spec,
        *,
        latency: LatencyTable | None = None,
        fit: AccuracyFit | None = None,
        outside: tuple[str, ...] = (),
    ) -> Candidate:
        """The candidate ``spec``, priced in closed form.

        Args:
            spec: The network.
            latency: Gives its milliseconds, if there is one.
            fit: Predicts its accuracy, if there is one.
            outside: Why its mass may not compare with the reference's.
        """
        accuracy, unpredicted = _predicted(spec, fit)
        return cls(
            spec=spec,
            mass=spec.mass,
            params=spec.params,
            macs=spec.macs,
            memory=spec.peak_activation_bytes,
            latency_ms=None if latency is None else latency.network_ms(spec),
            accuracy=accuracy,
            unpredicted=unpredicted,
            outside=outside,
        )

    def to_dict(self) -> dict[str, object]:
        """JSON-ready; the spec as its canonical string."""
        return {
            "spec": str(self.spec),
            "mass": self.mass,
            "params": self.params,
            "macs": self.macs,
            "memory_bytes": self.memory,
            "latency_ms": self.latency_ms,
            "accuracy": None if self.accuracy is None else self.accuracy.to_dict(),
            "unpredicted": self.unpredicted,
            "outside": list(self.outside),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Candidate:
        """The candidate that `to_dict` told of.

        Raises:
            SpecError: Its spec cannot be read.
        """
        told = values["accuracy"]
        return from_plain(
            cls,
            values,
            spec=parse(values["spec"]),
            memory=values["memory_bytes"],
            accuracy=None if told is None else from_plain(Prediction, told),
        )


def _predicted(spec: Spec, fit: AccuracyFit | None) -> tuple[Prediction | None, str]:
    """The prediction, or why there is none."""
    if fit is None:
        return None, ""
    try:
        return fit.predict(spec), ""
    except NotInFitError as error:
        return None, error.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Front(Sequence[Candidate]):
    """Candidates, best first.

    The first is the optimum of the whole space. Each further one is the optimum among the
    networks that differ from all before it: in the width, in the depth that all cells share, or
    by a fifth (and two) in the depth of some part.

    Attributes:
        candidates: Best first.
        reference: What was to be matched; ``None`` where a mass was given instead.
        space: What was searched.
        limits: The budgets, those taken from the reference among them.
        objective: What was minimised (``params``, ``macs``, ``latency``, ``memory``) or maximised
            (``mass``).
        match: ``network`` or ``cells``: whose masses were to be reached.
        is_optimal: The first is proven to be the best. It is, unless a search of very many networks
            under several budgets ran out of work; a note then says what is proven.
        n_covered: Networks of the space: each of them is a candidate, breaks a budget, is proven
            to be no better, or is like a better candidate.
        notes: What a reader should know before training a candidate.
    """

    candidates: tuple[Candidate, ...]
    reference: Candidate | None
    space: Space
    limits: Limits
    objective: str
    match: str
    n_covered: int
    is_optimal: bool = True
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

    @property
    def target_mass(self) -> float | None:
        """The least mass that a candidate must have."""
        return self.limits.least_mass

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "reference": None if self.reference is None else self.reference.to_dict(),
            "space": str(self.space),
            "limits": self.limits.to_dict(),
            "target_mass": self.target_mass,
            "objective": self.objective,
            "match": self.match,
            "n_covered": self.n_covered,
            "is_optimal": self.is_optimal,
            "notes": list(self.notes),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Front:
        """The candidates that `to_dict` told of; exact masses come back as what floats hold.

        Raises:
            SpecError: A spec or the space cannot be read.
        """
        candidates = tuple(map(Candidate.from_dict, values["candidates"]))
        return from_plain(cls, values, candidates=candidates, **searched(values))


def searched(values: Mapping[str, Any]) -> dict[str, Any]:
    """Reference, space and limits of a search that was written down."""
    reference = values["reference"]
    return {
        "reference": None if reference is None else Candidate.from_dict(reference),
        "space": Space.parse(values["space"]),
        "limits": Limits.from_dict(values["limits"]),
    }
