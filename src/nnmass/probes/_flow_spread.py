"""Gradient flow over several initialisations, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from nnmass.probes._flow_layer import FlowLayer


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity that is never negative, over the initialisations.

    Attributes:
        values: One for each; ``None`` where there is none that is finite.

    Example:
        >>> Spread((1.0, 4.0)).middle, Spread((1.0, 0.0)).middle, Spread((1.0, None)).middle
        (2.0, 0.0, None)
        >>> Spread((1.0, 4.0, 0.0, None)).positive
        Spread(values=(1.0, 4.0))
    """

    values: tuple[float | None, ...]

    @property
    def middle(self) -> float | None:
        """Geometric mean: 0 where one of them is 0, ``None`` where one is missing."""
        known = self._known
        if not known or self.n_failed:
            return None
        return math.exp(fmean(map(math.log, known))) if all(known) else 0.0

    @property
    def low(self) -> float | None:
        """The lowest; ``None`` where one is missing."""
        return min(self._known) if self._known and not self.n_failed else None

    @property
    def high(self) -> float | None:
        """The highest; ``None`` where one is missing."""
        return max(self._known) if self._known and not self.n_failed else None

    @property
    def n_failed(self) -> int:
        """How many are missing."""
        return self.values.count(None)

    @property
    def n_zero(self) -> int:
        """How many are exactly zero."""
        return self._known.count(0.0)

    @property
    def positive(self) -> Spread:
        """Those above zero, which a logarithmic axis can show."""
        return Spread(tuple(value for value in self._known if value > 0))

    @property
    def _known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "values": list(self.values),
            "middle": self.middle,
            "low": self.low,
            "high": self.high,
            "n_zero": self.n_zero,
            "n_failed": self.n_failed,
        }


@dataclass(frozen=True, slots=True)
class LayerFlow:
    """One use of a layer over all initialisations.

    Attributes:
        draws: The layer in each of them.
    """

    draws: tuple[FlowLayer, ...]

    @property
    def path(self) -> str:
        """The layer's module path."""
        return self.draws[0].path

    @property
    def kind(self) -> str:
        """The module's class."""
        return self.draws[0].kind

    @property
    def variance(self) -> Spread:
        """See `FlowLayer`, as below."""
        return self._spread(lambda layer: layer.variance)

    @property
    def mean_square(self) -> Spread:
        """Of the output."""
        return self._spread(lambda layer: layer.mean_square)

    @property
    def gradient_rms(self) -> Spread:
        """By the output."""
        return self._spread(lambda layer: layer.gradient_rms)

    @property
    def weight_gradient(self) -> Spread:
        """At the start."""
        return self._spread(lambda layer: layer.weight_gradient)

    @property
    def weight_norm(self) -> Spread:
        """At the start."""
        return self._spread(lambda layer: layer.weight_norm)

    @property
    def relative_gradient(self) -> Spread:
        """At the start."""
        return self._spread(lambda layer: layer.relative_gradient)

    @property
    def weight_gradient_after(self) -> tuple[Spread, ...]:
        """After one, two, ... steps."""
        steps = zip(*(layer.weight_gradient_after for layer in self.draws), strict=True)
        return tuple(Spread(values) for values in steps)

    @property
    def reason(self) -> str:
        """Why numbers are missing, in the first initialisation where they are."""
        return next((layer.reason for layer in self.draws if layer.reason), "")

    def _spread(self, of: Callable[[FlowLayer], float | None]) -> Spread:
        return Spread(tuple(of(layer) for layer in self.draws))

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "path": self.path,
            "kind": self.kind,
            "n_units": self.draws[0].n_units,
            "n_weights": self.draws[0].n_weights,
            "variance": self.variance.to_dict(),
            "mean_square": self.mean_square.to_dict(),
            "gradient_rms": self.gradient_rms.to_dict(),
            "weight_gradient": self.weight_gradient.to_dict(),
            "weight_norm": self.weight_norm.to_dict(),
            "relative_gradient": self.relative_gradient.to_dict(),
            "weight_gradient_after": [spread.to_dict() for spread in self.weight_gradient_after],
            "reason": self.reason,
            "reasons": [layer.reason for layer in self.draws],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LayerFlow:
        """The layer that `to_dict` told of."""
        names = ("variance", "mean_square", "gradient_rms", "weight_norm", "weight_gradient")
        after = values["weight_gradient_after"]
        draws = (
            FlowLayer(
                path=values["path"],
                kind=values["kind"],
                n_units=values["n_units"],
                n_weights=values["n_weights"],
                **{name: values[name]["values"][draw] for name in names},
                weight_gradient_after=tuple(spread["values"][draw] for spread in after),
                reason=reason,
            )
            for draw, reason in enumerate(values["reasons"])
        )
        return cls(tuple(draws))
