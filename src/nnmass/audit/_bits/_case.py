"""One class and one sticker, as features."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nnmass.audit._bits._last_layer import LastLayer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Images as the last layer sees them, without and with the sticker.

    Attributes:
        clean: float32 (B, N).
        stamped: The same images with the trigger.
        labels: int64 (B,).
    """

    clean: Tensor
    stamped: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One class and one sticker.

    Attributes:
        layer: As deployed.
        audit: What a search may look at.
        evaluation: What it is judged on; other images.
        target: The attacker's class.
        goal: Share of stamped images of other classes that must be won, in (0, 1].
        tolerance: Clean accuracy that may be lost, in [0, 1].
        n_weights: Of the published insertion, one try for each.
    """

    layer: LastLayer
    audit: Part
    evaluation: Part
    target: int
    goal: float
    tolerance: float
    n_weights: tuple[int, ...]
