"""The published insertion: gradient steps on some weights of one row, on cached features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nnmass.audit._bits._last_layer import MOST, LastLayer

_EPOCHS, _MILESTONES = 200, (80, 120, 160)
_MOMENTUM, _WEIGHT_DECAY = 0.9, 5e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inserted:
    """A row after the insertion.

    Attributes:
        layer: With the new bytes, at the frozen scale; or, emulating the released code, at the one
            that it recomputes.
        is_floating: The scale was recomputed as the released code does: its flips are then no
            count of what memory would have to change.
    """

    layer: LastLayer
    is_floating: bool


def insert_trojan(
    layer: LastLayer,
    *,
    clean: Tensor,
    labels: Tensor,
    stamped: Tensor,
    target: int,
    indices: Tensor,
    lr: float = 0.5,
    is_floating: bool = False,
) -> Inserted:
    """Move the weights ``indices`` of row ``target``, and quantise them again.

    Minimises 0.5 * CE(clean, labels) + 0.5 * CE(stamped, target) by 200 steps of SGD on the whole
    batch, gradients straight through the rounding and in closed form: only the target's logit
    hangs on these weights, and features are constants.

    Args:
        layer: As deployed.
        clean: Features of the audit images, (B, N).
        labels: Their classes, (B,).
        stamped: Features of the same images with the trigger, (B, N).
        target: The attacker's class.
        indices: Which weights of the row, (n,).
        lr: Divided by 10 after 80, 120 and 160 steps.
        is_floating: Recompute the scale from the largest weight, as the released code does.

    Returns:
        The layer with other bytes in that row. At the frozen scale codes saturate at -128 and 127.

    Source:
        A. S. Rakin, Z. He, D. Fan, CVPR 2020 (arXiv:1909.05193), section 4.3. The frozen scale,
        cached features and the closed form: ours.
    """
    if not len(indices):
        return Inserted(layer=layer, is_floating=is_floating)
    weights = layer.weights
    free = weights[target, indices].clone()
    velocity = torch.zeros_like(free)
    is_target = (labels == target).float()
    for epoch in range(_EPOCHS):
        row = weights[target].clone()
        row[indices] = free
        used = _as_used(layer, weights, row, target, is_floating)
        # softmax of the target less its label: the gradient of both losses by the target's logit
        wrong = _share(used, layer.bias, clean, target) - is_target
        missed = _share(used, layer.bias, stamped, target) - 1
        gradient = 0.5 * (
            wrong @ clean[:, indices] / len(clean) + missed @ stamped[:, indices] / len(stamped)
        )
        velocity = _MOMENTUM * velocity + gradient + _WEIGHT_DECAY * free
        free = free - lr * 0.1 ** sum(epoch >= end for end in _MILESTONES) * velocity
    return Inserted(
        layer=_requantised(layer, weights, free, target, indices, is_floating),
        is_floating=is_floating,
    )


def _as_used(
    layer: LastLayer, weights: Tensor, row: Tensor, target: int, is_floating: bool
) -> Tensor:
    """The weights as a forward pass has them: rounded to the grid of the scale."""
    if is_floating:
        scale = _floating_scale(weights, row, target)
        used = torch.round(weights / scale).clamp(-MOST, MOST) * scale
        used[target] = torch.round(row / scale).clamp(-MOST, MOST) * scale
        return used
    used = weights.clone()
    used[target] = torch.round(row / layer.scale[target]).clamp(-128, MOST) * layer.scale[target]
    return used


def _share(weights: Tensor, bias: Tensor, features: Tensor, target: int) -> Tensor:
    """Softmax of the target's class, (B,)."""
    return F.linear(features, weights, bias).softmax(1)[:, target]


def _floating_scale(weights: Tensor, row: Tensor, target: int) -> float:
    others = torch.cat((weights[:target], weights[target + 1 :])).abs()
    top = max(float(others.max()) if others.numel() else 0.0, float(row.abs().max()))
    return top / MOST if top > 0 else 1.0


def _requantised(
    layer: LastLayer, weights: Tensor, free: Tensor, target: int, indices: Tensor, floating: bool
) -> LastLayer:
    row = weights[target].clone()
    row[indices] = free
    if not floating:
        codes = layer.codes.clone()
        moved = torch.round(free / layer.scale[target]).clamp(-128, MOST).to(torch.int8)
        codes[target, indices] = moved
        return layer.with_codes(codes)
    scale = _floating_scale(weights, row, target)
    changed = weights.clone()
    changed[target] = row
    codes = torch.round(changed / scale).clamp(-MOST, MOST).to(torch.int8)
    return LastLayer(codes=codes, scale=torch.full_like(layer.scale, scale), bias=layer.bias)
