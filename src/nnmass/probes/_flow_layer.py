"""Gradient flow of one initialisation."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLayer:
    """One use of a layer with weights, in one initialisation. No number is below 0.

    Attributes:
        path: The layer's module path; its second use has ``#2`` behind it, and so on.
        kind: The module's class.
        n_units: Numbers of its output for one image.
        n_weights: Numbers in its weights (parameters of two dimensions or more).
        variance: Of its output's numbers, over images, channels and pixels together.
        mean_square: Of the same numbers.
        gradient_rms: ``N * sqrt(mean(g^2))`` over images, channels and pixels, where g is the
            gradient, by this output, of the cross-entropy averaged over the N images. N takes the
            average back: where images do not meet in batch statistics it is the root mean square
            gradient of an image's own loss, whatever the size of the batch.
        weight_norm: Frobenius norm of the weights.
        weight_gradient: Frobenius norm of the gradient of the averaged loss by the weights, all
            uses of the layer together; 0 where the loss does not hang on them.
        weight_gradient_after: The same after one, two, ... steps.
        reason: Why a number is missing (``None``): it would not be finite.
    """

    path: str
    kind: str
    n_units: int
    n_weights: int
    variance: float | None
    mean_square: float | None
    gradient_rms: float | None
    weight_norm: float | None
    weight_gradient: float | None
    weight_gradient_after: tuple[float | None, ...] = ()
    reason: str = ""

    @property
    def gradient_norm(self) -> float | None:
        """Norm over the units rather than their mean, so that layers of all sizes compare."""
        return None if self.gradient_rms is None else self.gradient_rms * math.sqrt(self.n_units)

    @property
    def relative_gradient(self) -> float | None:
        """``weight_gradient / weight_norm``; ``None`` also where the weights are all zero."""
        if self.weight_gradient is None or not self.weight_norm:
            return None
        return self.weight_gradient / self.weight_norm

    @property
    def is_dead(self) -> bool:
        """Whether the gradient by its weights is exactly zero, at the start and after each step.

        At the start alone, a layer before a scale that starts at zero looks dead as well (the last
        norm of a residual branch is often made so) and wakes in the first step.
        """
        return all(norm == 0 for norm in (self.weight_gradient, *self.weight_gradient_after))

    @property
    def is_failed(self) -> bool:
        """Whether a number at the start is missing."""
        return None in (self.variance, self.mean_square, self.gradient_rms, self.weight_gradient)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDraw:
    """One initialisation.

    Attributes:
        seed: What it was drawn from; ``None`` for a model that was given.
        layers: In the order in which they run.
        losses: Cross-entropy at the start and after every step; ``None`` where not finite.
        jacobian_norm: ``|d logits / d input|_F``, root of the mean square over the images; see
            `nnmass.probes.gradient_flow`. ``None`` where not finite.
        jacobian_error: Half the width of the estimate's 95 % interval; 0 where it is exact.
    """

    seed: int | None
    layers: tuple[FlowLayer, ...]
    losses: tuple[float | None, ...]
    jacobian_norm: float | None
    jacobian_error: float | None

    @property
    def loss(self) -> float | None:
        """At the start."""
        return self.losses[0]

    @property
    def failure(self) -> int | None:
        """Index of the layer where numbers stop being finite at the start.

        The first whose output is not finite; where all are, the last whose gradient is not.
        """
        outputs = (i for i, layer in enumerate(self.layers) if layer.variance is None)
        failed = [i for i, layer in enumerate(self.layers) if layer.is_failed]
        return next(outputs, failed[-1] if failed else None)

    def to_dict(self) -> dict[str, object]:
        """Plain data, without the layers."""
        return {
            "seed": self.seed,
            "losses": list(self.losses),
            "jacobian_norm": self.jacobian_norm,
            "jacobian_error": self.jacobian_error,
        }
