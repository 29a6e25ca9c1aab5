"""Gradient flow of one lent model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.probes._flow_layer import FlowDraw, FlowLayer
from nnmass.probes._input_jacobian import FrozenBatchNorm, JacobianNorm, jacobian_norm
from nnmass.probes._logits import logits_of, loss_of
from nnmass.probes._weight_layers import LayerCall, LayerRecorder, norm_of


@dataclass(frozen=True, slots=True)
class Start:
    """What a network is measured with.

    Attributes:
        images: (N, ...).
        labels: (N,).
        name: Of the network, for messages.
        seed: Of the random signs.
        is_batch: Whether batch norms use the statistics of the batch.
    """

    images: Tensor
    labels: Tensor
    name: str
    seed: int | None
    is_batch: bool

    def logits(self, model: nn.Module) -> Tensor:
        """Of all images."""
        return logits_of(model, self.images, self.name)

    def loss(self, model: nn.Module) -> Tensor:
        """Cross-entropy, averaged over the images."""
        return loss_of(self.logits(model), self.labels, self.name)


@dataclass(frozen=True, slots=True)
class Measured:
    """One initialisation, and what is the same in all of them."""

    draw: FlowDraw
    n_outputs: int
    unmeasured: tuple[str, ...]


def measure(
    model: nn.Module, lent: Sequence[Tensor], start: Start, *, steps: int, lr: float
) -> Measured:
    """Flow at the start and after ``steps`` steps, which change the ``lent`` parameters.

    Raises:
        ProbeError: The network cannot be run, gives no logits, or has no layer with weights.
    """
    parameters = _trainable(lent)
    recorder = LayerRecorder(model, len(start.images))
    with torch.enable_grad():
        with recorder.listening():
            logits = start.logits(model)
        if not recorder.calls:
            raise ProbeError(
                f"{start.name} calls no layer with weights (a module with a parameter of two "
                "dimensions or more), so there is nothing to measure"
            )
        loss = loss_of(logits, start.labels, start.name)
        gradients = _gradients(loss, parameters, start.name)
        jacobian = _jacobian(model, start)
        losses, norms = [float(loss.detach())], [_weight_gradients(recorder.calls, gradients)]
        for _ in range(steps):
            _step(parameters, gradients, lr)
            loss = start.loss(model)
            gradients = _gradients(loss, parameters, start.name)
            losses.append(float(loss.detach()))
            norms.append(_weight_gradients(recorder.calls, gradients))
    each = zip(recorder.calls, zip(*norms, strict=True), strict=True)
    return Measured(
        FlowDraw(
            seed=start.seed,
            layers=tuple(_layer(call, len(start.images), of_call) for call, of_call in each),
            losses=tuple(map(_finite, losses)),
            jacobian_norm=_finite(jacobian.norm),
            jacobian_error=_finite(jacobian.error),
        ),
        logits.shape[1],
        recorder.unmeasured(),
    )


def _trainable(lent: Sequence[Tensor]) -> list[Tensor]:
    """Each parameter once, also where two modules share it."""
    return list({id(tensor): tensor for tensor in lent if tensor.requires_grad}.values())


Gradients = dict[int, Tensor]
"""By the identity of the parameter; those that the loss does not hang on are not there."""


def _gradients(loss: Tensor, parameters: Sequence[Tensor], name: str) -> Gradients:
    if not loss.requires_grad:
        return {}
    try:
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
    except RuntimeError as error:  # such as reentrant checkpoints, or too little memory
        raise ProbeError(f"the gradients of {name} cannot be computed: {error}") from error
    pairs = zip(parameters, found, strict=True)
    return {id(parameter): gradient for parameter, gradient in pairs if gradient is not None}


def _weight_gradients(calls: Sequence[LayerCall], gradients: Gradients) -> list[float]:
    each = ([gradients[id(w)] for w in call.weights if id(w) in gradients] for call in calls)
    return [norm_of(of_weights) for of_weights in each]


def _step(parameters: Sequence[Tensor], gradients: Gradients, lr: float) -> None:
    with torch.no_grad():
        for parameter in parameters:
            if id(parameter) in gradients:
                parameter.sub_(gradients[id(parameter)], alpha=lr)


def _jacobian(model: nn.Module, start: Start) -> JacobianNorm:
    def forward(images: Tensor) -> Tensor:
        with FrozenBatchNorm() if start.is_batch else nullcontext():
            return logits_of(model, images, start.name)

    return jacobian_norm(forward, start.images, start.seed or 0)


def _layer(call: LayerCall, n_images: int, weight_gradients: Sequence[float]) -> FlowLayer:
    n_numbers = call.n_units * n_images
    gradient_rms = n_images * call.gradient_norm / math.sqrt(n_numbers) if n_numbers else math.nan
    first, *after = weight_gradients
    return FlowLayer(
        path=call.path,
        kind=type(call.module).__name__,
        n_units=round(call.n_units),
        n_weights=sum(weight.numel() for weight in call.weights),
        variance=_finite(call.variance),
        mean_square=_finite(call.mean_square),
        gradient_rms=_finite(gradient_rms),
        weight_norm=_finite(call.weight_norm),
        weight_gradient=_finite(first),
        weight_gradient_after=tuple(map(_finite, after)),
        reason=_reason(call, weight_gradients),
    )


def _reason(call: LayerCall, weight_gradients: Sequence[float]) -> str:
    """Why a number is missing, the earliest cause first."""
    first, *after = weight_gradients
    if not call.n_units:
        return "its output is empty"
    if not math.isfinite(call.weight_norm):
        return "its weights hold NaN or infinity"
    if not math.isfinite(call.mean_square) or not math.isfinite(call.variance):
        return "its output holds NaN or infinity"
    if not math.isfinite(call.gradient_norm) or not math.isfinite(first):
        return "the gradient that reaches it holds NaN or infinity"
    lost = next((i for i, norm in enumerate(after, 1) if not math.isfinite(norm)), None)
    return f"its gradient holds NaN or infinity after step {lost}" if lost else ""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
