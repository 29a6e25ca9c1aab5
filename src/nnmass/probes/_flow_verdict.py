"""Whether a network will train badly, and why, in a sentence or two."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnmass.probes._flow_layer import FlowDraw, FlowLayer
from nnmass.probes._flow_spread import Spread

FAR = 1000.0
"""Ratio of gradients at the first and the last layer that is too far from 1; variances of
activations, which are squares, may be so much squared. A rule of thumb of ours: over 36 usual
networks (24 of timm, 4 of the families here, 8 dense MLPs with skips; one initialisation, 2 to 32
random images, batch statistics) the ratio lies within 1/101 and 124, over dense MLPs of 16 to 48
layers without skips below 1/19,000."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What changes from one end of a network to the other, geometric means over initialisations.

    Attributes:
        gradient: Norm of the gradient by the first layer's output over that by the last's.
        rms: The same with root mean squares.
        variance: Variance of the last layer's output over that of the first's.
    """

    gradient: float | None
    rms: float | None
    variance: float | None

    @classmethod
    def of(cls, draws: Sequence[FlowDraw]) -> Ends:
        """The ends of the network; ``None`` where one is zero or failed in an initialisation."""

        def ratio(of: Callable[[FlowLayer], float | None], *, back: bool) -> float | None:
            ends = [(of(draw.layers[0]), of(draw.layers[-1])) for draw in draws]
            pairs = [(a, b) if back else (b, a) for a, b in ends]
            known = [a / b if a and b else None for a, b in pairs]
            return Spread(tuple(known)).middle

        return cls(
            ratio(lambda layer: layer.gradient_norm, back=True),
            ratio(lambda layer: layer.gradient_rms, back=True),
            ratio(lambda layer: layer.variance, back=False),
        )

    @property
    def text(self) -> str:
        """All three, in words."""
        return (
            f"the gradient's norm at the first layer is {_times(self.gradient)} that at the last "
            f"(root mean square of a unit: {_times(self.rms)}), the activations' variance at the "
            f"last {_times(self.variance)} that at the first"
        )


def verdict_on(name: str, draws: Sequence[FlowDraw], *, lr: float) -> str:
    """See `nnmass.probes.GradientFlow.verdict`."""
    ends = Ends.of(draws)
    told = _failed(name, draws) or _dead(name, draws) or _far(name, ends)
    told = told or _risen(name, draws, lr)
    is_single = len(draws[0].layers) == 1
    why = "it has one layer with weights, and its numbers are finite" if is_single else ends.text
    return told or f"No sign that {name} will train badly: {why}.{_asleep(draws)}"


def _failed(name: str, draws: Sequence[FlowDraw]) -> str:
    bad = [draw for draw in draws if draw.failure is not None]
    if not bad:
        return ""
    layers, at = bad[0].layers, bad[0].failure or 0
    grown = layers[0].variance, layers[max(at - 1, 0)].variance
    told = (
        f"{name} will not train: numbers are not finite{_share(bad, draws)}. It shows at layer "
        f"{at + 1} of {len(layers)} ({layers[at].path}): {layers[at].reason}"
    )
    if at and layers[at].variance is None and None not in grown:
        told += f"; before it the activations' variance goes from {grown[0]:.2g} to {grown[1]:.2g}"
    return f"{told}."


def _dead(name: str, draws: Sequence[FlowDraw]) -> str:
    """Layers that no gradient reaches, unless they only wait for the first step."""
    bad = [draw for draw in draws if draw.layers[0].is_dead and not _may_wake(draw)]
    bad = bad or [draw for draw in draws if _n_steps(draw) and _dead_paths(draw)]
    if not bad:
        return ""
    paths = _dead_paths(bad[0])
    who = f"{len(paths)} of {len(bad[0].layers)} layers (the first is {paths[0]})"
    n_steps = _n_steps(bad[0])
    after = f" at the start and after {counted(n_steps, 'step')}" if n_steps else ""
    told = (
        f"{name} will train badly: {who} get a gradient of "
        f"exactly zero{after}{_share(bad, draws)}, so they do not learn."
    )
    if bad[0].jacobian_norm == 0:
        told += " The logits do not hang on the images at all: somewhere all units are off."
    return told


def _far(name: str, ends: Ends) -> str:
    gradient, variance = ends.gradient, ends.variance
    if gradient is not None and not 1 / FAR <= gradient <= FAR:
        what = f"gradients {'vanish' if gradient < 1 else 'explode'} on the way back"
    elif variance is not None and not 1 / FAR**2 <= variance <= FAR**2:
        what = f"activations {'fade' if variance < 1 else 'explode'} on the way through"
    else:
        return ""
    return f"{name} will train badly: {what}. In numbers, {ends.text}."


def _risen(name: str, draws: Sequence[FlowDraw], lr: float) -> str:
    """A loss that is higher after the steps than before, or no number any more."""
    bad = [draw for draw in draws if not _is_lower(draw)]
    if not bad:
        return ""
    first, last = bad[0].losses[0] or 0, bad[0].losses[-1]
    end = "no finite number" if last is None else f"{last:.3g}"
    steps = counted(_n_steps(bad[0]), "step")
    return (
        f"{name} will train badly at lr {lr:g}: in {steps} the loss goes from "
        f"{first:.3g} to {end}{_share(bad, draws)}. At the start there is no sign of it: the steps "
        "are too long."
    )


def _is_lower(draw: FlowDraw) -> bool:
    first, last = draw.losses[0] or 0, draw.losses[-1]
    return last is not None and last <= first


def _asleep(draws: Sequence[FlowDraw]) -> str:
    n_zero = max(sum(layer.weight_gradient == 0 for layer in draw.layers) for draw in draws)
    if not n_zero:
        return ""
    of_all = f"{n_zero} of {len(draws[0].layers)} layers get no gradient at the start"
    if _n_steps(draws[0]):
        return f" {of_all}, but do in the steps after it."
    return (
        f" {of_all}: something behind them starts at zero, such as the last norm of a residual "
        "branch, or their units are off; steps=1 tells which."
    )


def _may_wake(draw: FlowDraw) -> bool:
    """Whether a layer with weights of zero holds everything back, before any step was made."""
    return not _n_steps(draw) and any(layer.weight_norm == 0 for layer in draw.layers)


def _dead_paths(draw: FlowDraw) -> list[str]:
    return [layer.path for layer in draw.layers if layer.is_dead]


def _n_steps(draw: FlowDraw) -> int:
    return len(draw.losses) - 1


def _share(some: Sequence[FlowDraw], draws: Sequence[FlowDraw]) -> str:
    return f" in {len(some)} of {len(draws)} initialisations" if len(draws) > 1 else ""


def counted(n: int, noun: str) -> str:
    """``1 step``, ``2 steps``."""
    return f"{n} {noun}{'s' * (n != 1)}"


def _times(ratio: float | None) -> str:
    if ratio is None or not math.isfinite(ratio):
        return "not comparable with"
    return f"{ratio:.2g} times"
