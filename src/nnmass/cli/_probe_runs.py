"""How each probe is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnmass.cli._probe_settings import ProbeSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nnmass.probes import LDI, GradientFlow, IsometryTheory, Latency, ProxyScore

Tell = Callable[..., None]
"""Called with where a probe is, such as a seed and a layer's path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is probed.

    Attributes:
        network: A name to draw from seeds, or a model with weights of its own.
        seeds: How many initialisations; ``None`` for a model.
        input_shape: Of one input.
        images: Float32, (n, *input_shape).
        labels: Int64, (n,).
    """

    network: str | nn.Module
    seeds: int | None
    input_shape: tuple[int, ...]
    images: Tensor
    labels: Tensor


def _ldi(subject: Subject, settings: ProbeSettings, tell: Tell) -> LDI:
    from nnmass.probes import ldi

    return ldi(
        subject.network,
        subject.images,
        seeds=subject.seeds,
        legacy=settings.is_legacy,
        batch_norm=settings.batch_norm or "batch",
        device=settings.device,
        tolerance=settings.tolerance,
        on_layer=tell,
    )


def _flow(subject: Subject, settings: ProbeSettings, tell: Tell) -> GradientFlow:
    from nnmass.probes import gradient_flow

    return gradient_flow(
        subject.network,
        subject.images,
        subject.labels,
        seeds=subject.seeds,
        steps=settings.steps,
        batch_norm=settings.batch_norm or "batch",
        device=settings.device,
        on_draw=lambda draw: tell(draw.seed),
    )


def _baselines(subject: Subject, settings: ProbeSettings, tell: Tell) -> tuple[ProxyScore, ...]:
    from nnmass.probes import score_proxies

    return score_proxies(
        subject.network,
        subject.images,
        subject.labels,
        seeds=subject.seeds,
        batch_norm=settings.batch_norm,
        device=settings.device,
        on_score=lambda score: tell(score.proxy),
    )


def _latency(subject: Subject, settings: ProbeSettings, tell: Tell) -> Latency:
    from nnmass.probes import latency

    return latency(subject.network, subject.input_shape, device=settings.device)


def _theory(subject: Subject, settings: ProbeSettings, tell: Tell) -> IsometryTheory:
    from nnmass.probes import isometry_theory

    return isometry_theory(subject.network, seeds=subject.seeds, on_draw=tell)


RUNS: Mapping[str, Callable[[Subject, ProbeSettings, Tell], Any]] = {
    "ldi": _ldi,
    "flow": _flow,
    "baselines": _baselines,
    "latency": _latency,
    "theory": _theory,
}
