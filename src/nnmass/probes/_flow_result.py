"""What `nnmass.probes.gradient_flow` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnmass._from_plain import from_plain
from nnmass.probes._flow_layer import FlowDraw
from nnmass.probes._flow_spread import LayerFlow, Spread
from nnmass.probes._flow_verdict import verdict_on


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientFlow:
    """How signals travel forwards and gradients back, layer by layer.

    Attributes:
        network: Its name.
        draws: One for each initialisation.
        n_images: Images that were given.
        n_outputs: Logits.
        batch_norm: ``batch`` or ``running``; see `nnmass.probes.BatchNorm`.
        steps: Steps of plain gradient descent after the start.
        lr: Their learning rate.
        unmeasured: Weights that work in no layer that was called, by path.
        elapsed_s: Wall time.
        environment: Versions, device, threads.
    """

    network: str
    draws: tuple[FlowDraw, ...]
    n_images: int
    n_outputs: int
    batch_norm: str
    steps: int
    lr: float
    unmeasured: tuple[str, ...]
    elapsed_s: float
    environment: dict[str, str]

    @property
    def layers(self) -> tuple[LayerFlow, ...]:
        """Each layer over the initialisations, in the order in which they run."""
        each = zip(*(draw.layers for draw in self.draws), strict=True)
        return tuple(LayerFlow(layers) for layers in each)

    @property
    def jacobian_norm(self) -> Spread:
        """``|d logits / d input|_F`` over the initialisations."""
        return Spread(tuple(draw.jacobian_norm for draw in self.draws))

    @property
    def losses(self) -> tuple[Spread, ...]:
        """Cross-entropy at the start and after every step, over the initialisations."""
        each = zip(*(draw.losses for draw in self.draws), strict=True)
        return tuple(Spread(values) for values in each)

    @property
    def failures(self) -> tuple[str, ...]:
        """Layers without numbers, each with its reason, once."""
        return tuple(f"{layer.path}: {layer.reason}" for layer in self.layers if layer.reason)

    def verdict(self) -> str:
        """Whether the network will train badly, and why, in one or two sentences.

        In this order: numbers that are not finite; gradients of exactly zero; gradients or
        activations that change by more than a factor of 1000 (the variance: its square) between
        the first and the last layer; a loss that rises in the steps. Gradients are compared as
        norms over the units of a layer's output, as the root mean square falls with the number of
        units alone. The factor is a rule of thumb of ours.
        """
        return verdict_on(self.network, self.draws, lr=self.lr)

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "network": self.network,
            "verdict": self.verdict(),
            "jacobian_norm": self.jacobian_norm.to_dict(),
            "draws": [draw.to_dict() for draw in self.draws],
            "layers": [layer.to_dict() for layer in self.layers],
            "n_images": self.n_images,
            "n_outputs": self.n_outputs,
            "batch_norm": self.batch_norm,
            "steps": self.steps,
            "lr": self.lr,
            "failures": list(self.failures),
            "unmeasured": list(self.unmeasured),
            "elapsed_s": self.elapsed_s,
            "environment": self.environment,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GradientFlow:
        """The measurement that `to_dict` told of."""
        each = [LayerFlow.from_dict(layer).draws for layer in values["layers"]]
        draws = tuple(
            from_plain(FlowDraw, told, layers=tuple(layer[draw] for layer in each))
            for draw, told in enumerate(values["draws"])
        )
        return from_plain(cls, values, draws=draws)
