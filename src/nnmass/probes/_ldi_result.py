"""What `nnmass.ldi` returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, cast

from nnmass._from_plain import from_plain
from nnmass.probes._spectrum import LayerSpectrum
from nnmass.probes._student import interval_of_mean, mean_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LDIDraw:
    """One initialisation.

    Attributes:
        seed: What it was drawn from; ``None`` for a model that was given.
        layers: In the order in which they run.
    """

    seed: int | None
    layers: tuple[LayerSpectrum, ...]

    @property
    def mean(self) -> float | None:
        """Mean over the layers of their mean singular values.

        Unsupported layers do not count; ``None`` where one failed, or none counts.
        """
        return mean_of([layer.mean for layer in self._counted])

    @property
    def pooled_mean(self) -> float | None:
        """Mean over all singular values, so that layers with more of them weigh more."""
        layers = self._counted
        if not layers or any(layer.mean is None for layer in layers):
            return None
        return sum(x.n_values * (x.mean or 0) for x in layers) / sum(x.n_values for x in layers)

    @property
    def std(self) -> float | None:
        """Standard deviation of all singular values, about `pooled_mean`."""
        mean = self.pooled_mean
        if mean is None:
            return None
        layers = self._counted
        squares = [x.n_values * ((x.std or 0) ** 2 + (x.mean or 0) ** 2) for x in layers]
        return math.sqrt(max(sum(squares) / sum(x.n_values for x in layers) - mean**2, 0.0))

    @property
    def _counted(self) -> list[LayerSpectrum]:
        return [layer for layer in self.layers if layer.method != "unsupported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LDI:
    """How near a network's layers are to isometry (layerwise dynamical isometry).

    Attributes:
        network: Its name.
        draws: One for each initialisation.
        n_images: Images that were given.
        batch_norm: ``batch`` or ``running``; see `nnmass.probes.BatchNorm`.
        is_legacy: Whether it is the released measurement, with its defects.
        elapsed_s: Wall time.
        environment: Versions, device, threads.
    """

    network: str
    draws: tuple[LDIDraw, ...]
    n_images: int
    batch_norm: str
    is_legacy: bool
    elapsed_s: float
    environment: dict[str, str]

    @property
    def mean(self) -> float | None:
        """Mean singular value over layers, images and initialisations.

        Every layer weighs the same. ``None`` where a layer failed in some initialisation: what
        is not finite is no number.
        """
        return mean_of([draw.mean for draw in self.draws])

    @property
    def pooled_mean(self) -> float | None:
        """The same over all singular values, as the released code averages."""
        return mean_of([draw.pooled_mean for draw in self.draws])

    @property
    def std(self) -> float | None:
        """Standard deviation of all singular values of one initialisation, mean over those."""
        return mean_of([draw.std for draw in self.draws])

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `mean` over initialisations (Student's t); needs two of them."""
        return interval_of_mean([draw.mean for draw in self.draws])

    @property
    def layers(self) -> tuple[LayerSpectrum, ...]:
        """Each layer, averaged over the initialisations."""
        each = zip(*(draw.layers for draw in self.draws), strict=True)
        return tuple(_averaged(layers) for layers in each)

    @property
    def failures(self) -> tuple[str, ...]:
        """Layers without numbers, each with its reason, once."""
        reasons = (
            f"{layer.path}: {layer.reason}"
            for draw in self.draws
            for layer in draw.layers
            if layer.mean is None
        )
        return tuple(dict.fromkeys(reasons))

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "network": self.network,
            "mean": self.mean,
            "interval": self.interval,
            "pooled_mean": self.pooled_mean,
            "std": self.std,
            "seeds": [draw.seed for draw in self.draws],
            "means": [draw.mean for draw in self.draws],
            "n_images": self.n_images,
            "batch_norm": self.batch_norm,
            "is_legacy": self.is_legacy,
            "failures": list(self.failures),
            "layers": [layer.to_dict() for layer in self.layers],
            "elapsed_s": self.elapsed_s,
            "environment": self.environment,
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> LDI:
        """The measurement that `to_dict` told of: its layers averaged over the initialisations."""
        draws = tuple(
            _AveragedDraw(seed=seed, layers=(), told=mean)
            for seed, mean in zip(values["seeds"], values["means"], strict=True)
        )
        return from_plain(_AveragedLDI, values, draws=draws, told=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AveragedDraw(LDIDraw):
    """An initialisation whose layers were not kept."""

    told: float | None

    @property
    def mean(self) -> float | None:
        return self.told


@dataclass(frozen=True, slots=True, kw_only=True)
class _AveragedLDI(LDI):
    """A measurement that was read back; what needs the single initialisations was told."""

    told: Mapping[str, Any]

    @property
    def pooled_mean(self) -> float | None:
        return cast("float | None", self.told["pooled_mean"])

    @property
    def std(self) -> float | None:
        return cast("float | None", self.told["std"])

    @property
    def layers(self) -> tuple[LayerSpectrum, ...]:
        return tuple(from_plain(LayerSpectrum, layer) for layer in self.told["layers"])

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(self.told["failures"])


def _averaged(layers: Sequence[LayerSpectrum]) -> LayerSpectrum:
    """One layer over several initialisations."""
    first = layers[0]
    failed = next((layer for layer in layers if layer.mean is None), None)
    if failed is not None or len(layers) == 1:
        return failed or first

    def mean(of: Callable[[LayerSpectrum], float | None]) -> float | None:
        return mean_of([of(layer) for layer in layers])

    def most(of: Callable[[LayerSpectrum], float | None]) -> float | None:
        known = [value for value in map(of, layers) if value is not None]
        return max(known) if len(known) == len(layers) else None

    middle = mean(lambda x: x.mean) or 0.0
    squares = [(x.std or 0) ** 2 + (x.mean or 0) ** 2 for x in layers]
    quantiles = [x.quantiles or () for x in layers]
    errors = [x.mean_error or 0 for x in layers]
    return LayerSpectrum(
        path=first.path,
        kind=first.kind,
        activation=first.activation,
        rows=first.rows,
        columns=first.columns,
        method="estimated" if any(x.method == "estimated" for x in layers) else "exact",
        n_images=min(x.n_images for x in layers),
        mean=middle,
        mean_error=math.hypot(*errors) / len(layers),
        std=math.sqrt(max(fmean(squares) - middle**2, 0.0)),
        quantiles=tuple(fmean(values) for values in zip(*quantiles, strict=True)),
        near_one=mean(lambda x: x.near_one),
        max_abs_log=most(lambda x: x.max_abs_log),
        zero_share=mean(lambda x: x.zero_share),
        largest=most(lambda x: x.largest),
    )
