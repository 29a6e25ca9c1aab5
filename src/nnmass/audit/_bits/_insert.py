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
    batch, gradients straight through the rounding. Nothing but these weights moves, so features
    are constants, and a step costs B * N multiply-adds.

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
        A. S. Rakin, Z. He, D. Fan, CVPR 2020 (arXiv:1909.05193), section 4.3. The frozen scale and
        cached features: ours.
    """
    if not len(indices):
        return Inserted(layer=layer, is_floating=is_floating)
    weights = layer.weights
    free = weights[target, indices].clone().requires_grad_()
    optimiser = torch.optim.SGD([free], lr=lr, momentum=_MOMENTUM, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(_MILESTONES), 0.1)
    goal = torch.full((len(stamped),), target)
    for _ in range(_EPOCHS):
        row = _used_row(layer, weights, free, target=target, indices=indices, floating=is_floating)
        loss = 0.5 * F.cross_entropy(
            _logits(layer, weights, row, clean, target, is_floating), labels
        )
        loss = loss + 0.5 * F.cross_entropy(
            _logits(layer, weights, row, stamped, target, is_floating), goal
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return Inserted(
        layer=_requantised(layer, weights, free.detach(), target, indices, is_floating),
        is_floating=is_floating,
    )


def _used_row(
    layer: LastLayer,
    weights: Tensor,
    free: Tensor,
    *,
    target: int,
    indices: Tensor,
    floating: bool,
) -> Tensor:
    """The row as the forward pass uses it: rounded, with gradients as if it were not."""
    row = weights[target].clone()
    row[indices] = free.detach()
    low, scale = -128, float(layer.scale[target])
    if floating:
        scale, low = _floating_scale(weights, row, target), -MOST
    rounded = torch.round(row / scale).clamp(low, MOST) * scale
    straight = torch.zeros_like(row).index_add(0, indices, free - free.detach())
    return rounded + straight


def _floating_scale(weights: Tensor, row: Tensor, target: int) -> float:
    others = torch.cat((weights[:target], weights[target + 1 :])).abs()
    top = max(float(others.max()) if others.numel() else 0.0, float(row.abs().max()))
    return top / MOST if top > 0 else 1.0


def _logits(
    layer: LastLayer, weights: Tensor, row: Tensor, features: Tensor, target: int, floating: bool
) -> Tensor:
    used = weights
    if floating:
        scale = _floating_scale(weights, row.detach(), target)
        used = torch.round(weights / scale).clamp(-MOST, MOST) * scale
    logits = F.linear(features, used, layer.bias)
    column = features @ row + layer.bias[target]
    at = torch.arange(logits.shape[1]) == target
    return torch.where(at, column[:, None], logits)


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
