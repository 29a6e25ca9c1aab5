"""One network with all that was measured of it, and what it costs beside that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nnmass._from_plain import from_plain
from nnmass.errors import SpecError
from nnmass.probes._ldi_result import LDI


class Measured(Protocol):
    """What a probe returns."""

    def to_dict(self) -> Mapping[str, object]:
        """Plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedNetwork:
    """One network with all that was measured of it.

    Attributes:
        name: As tables show it.
        mass: NN-Mass; ``None`` where it is not known.
        params: Parameters.
        macs: Multiply-adds for one input.
        depth: Weight layers on the longest way through; ``None`` where it is not known.
        results: What each probe (``ldi``, ``flow``, ``baselines``, ``latency``, ``theory``)
            returned; a sequence where it returns several.
        failures: Why a probe returned nothing.
        seconds: Wall time of all that.
    """

    name: str
    mass: float | None
    params: int
    macs: int
    depth: int | None
    results: Mapping[str, Measured | Sequence[Measured]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ldi(self) -> LDI | None:
        """Layer Jacobians, where they were measured."""
        result = self.results.get("ldi")
        return result if isinstance(result, LDI) else None

    @property
    def mean_singular_value(self) -> float | None:
        """Of the layer Jacobians; ``None`` where it was not measured or is no number."""
        return self.ldi.mean if self.ldi else None

    def to_dict(self) -> dict[str, object]:
        """Plain data: parameters and MACs, then each probe under its name."""
        return {
            "name": self.name,
            "mass": self.mass,
            "params": self.params,
            "macs": self.macs,
            "depth": self.depth,
            "probes": {name: _plain(result) for name, result in self.results.items()},
            "failures": dict(self.failures),
            "seconds": round(self.seconds, 4),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ProbedNetwork:
        """The network that `to_dict` told of.

        Raises:
            SpecError: It names a probe that does not exist.
        """
        results = {name: _revived(name, told) for name, told in values["probes"].items()}
        return from_plain(cls, values, results=results)


def _revived(name: str, values: Any) -> Measured | Sequence[Measured]:
    from nnmass.probes import GradientFlow, IsometryTheory, Latency, ProxyScore

    if name == "baselines":
        return [ProxyScore.from_dict(score) for score in values]
    kinds: dict[str, Callable[[Any], Measured]] = {
        "ldi": LDI.from_dict,
        "flow": GradientFlow.from_dict,
        "latency": Latency.from_dict,
        "theory": IsometryTheory.from_dict,
    }
    if name not in kinds:
        raise SpecError(f"there is no probe {name!r}; known are {', '.join(['baselines', *kinds])}")
    return kinds[name](values)


def _plain(result: Measured | Sequence[Measured]) -> object:
    if isinstance(result, Sequence):
        return [dict(one.to_dict()) for one in result]
    return dict(result.to_dict())
