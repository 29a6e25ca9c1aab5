"""What a design must keep to, and what it is to be best at: plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

Objective = Literal["params", "macs", "latency", "memory", "mass"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)

LIMIT_NAMES = ("mass", "max_mass", "params", "macs", "latency", "memory")
"""Fields of `Limits`, each a budget of its own; the masses of the parts go with ``mass``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Budgets; ``None`` where there is none.

    Attributes:
        mass: The least NN-Mass of the network.
        max_mass: The most.
        parts: The least mass of each part (cell, block, stage, row).
        params: The most parameters.
        macs: The most multiply-adds.
        latency: The most milliseconds.
        memory: The most bytes of feature maps.
        shares: Masses of the reference's parts, where the most mass is sought and every part is
            to keep as much of its own as possible.
        of_reference: Names of the budgets that nobody asked for: the reference's own.
    """

    mass: Fraction | None = None
    max_mass: Fraction | None = None
    parts: tuple[Fraction, ...] | None = None
    params: float | None = None
    macs: float | None = None
    latency: float | None = None
    memory: float | None = None
    shares: tuple[Fraction, ...] | None = None
    of_reference: tuple[str, ...] = ()

    def without(self, name: str) -> Limits:
        """The same but for one; without ``mass`` the parts have none either."""
        if name == "mass":
            return replace(self, mass=None, parts=None)
        return replace(self, **{name: None})  # type: ignore[arg-type]

    @property
    def least_exact(self) -> Fraction | None:
        """The least mass of the network, exactly."""
        return sum(self.parts, Fraction(0)) if self.parts is not None else self.mass

    @property
    def least_mass(self) -> float | None:
        """The least mass of the network, as a number."""
        exact = self.least_exact
        return None if exact is None else float(exact)

    @property
    def given(self) -> tuple[str, ...]:
        """Names of those that there are."""
        return tuple(
            name
            for name in LIMIT_NAMES
            if getattr(self, name) is not None or (name == "mass" and self.parts is not None)
        )

    def to_dict(self) -> dict[str, object]:
        """JSON-ready: those that there are."""
        values: dict[str, object] = {"mass": self.least_mass}
        values["max_mass"] = None if self.max_mass is None else float(self.max_mass)
        names = {"params": "params", "macs": "macs", "latency": "latency_ms"}
        values |= {key: getattr(self, name) for name, key in names.items()}
        values["memory_bytes"] = self.memory
        if self.parts is not None:
            values["mass_of_parts"] = [float(mass) for mass in self.parts]
        if self.shares is not None:
            values["shares"] = [float(mass) for mass in self.shares]
        values["of_reference"] = list(self.of_reference) or None
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Limits:
        """The limits that `to_dict` told of; masses are what floats hold of them."""
        parts, mass = _exact(values.get("mass_of_parts")), values.get("mass")
        most = values.get("max_mass")
        return cls(
            mass=None if mass is None or parts is not None else Fraction(mass),
            max_mass=None if most is None else Fraction(most),
            parts=parts,
            params=values.get("params"),
            macs=values.get("macs"),
            latency=values.get("latency_ms"),
            memory=values.get("memory_bytes"),
            shares=_exact(values.get("shares")),
            of_reference=tuple(values.get("of_reference", ())),
        )


def _exact(values: Sequence[float] | None) -> tuple[Fraction, ...] | None:
    return None if values is None else tuple(map(Fraction, values))
