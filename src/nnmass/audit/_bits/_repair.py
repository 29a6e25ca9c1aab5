"""What notices flips, and what undoes them: checksums of groups, and a majority of copies."""

from __future__ import annotations

import torch
from torch import Tensor

GROUP = 16
"""Weights that share a checksum; they lie apart, so that neighbours are in different groups."""


def checksums(codes: Tensor, group: int = GROUP) -> Tensor:
    """Bits 7 and 8 of the sum of each group of interleaved weights, int64 (groups,)."""
    flat = codes.reshape(-1).long()
    n_groups = -(-len(flat) // group)
    padded = torch.nn.functional.pad(flat, (0, n_groups * group - len(flat)))
    return padded.view(group, n_groups).sum(0).div(128, rounding_mode="floor") % 4


def zeroed(codes: Tensor, is_bad: Tensor, group: int = GROUP) -> Tensor:
    """``codes`` with the groups that fail their checksum set to 0, which is what RADAR does."""
    flat = codes.reshape(-1).clone()
    flat[is_bad.repeat(group)[: len(flat)]] = 0
    return flat.view_as(codes)


def majority(copies: Tensor) -> Tensor:
    """Bit by bit what most of an odd number of copies hold, int8 (M, N) of (copies, M, N)."""
    bits = (copies.view(torch.uint8)[..., None] >> torch.arange(8, dtype=torch.uint8)) & 1
    voted = (bits.sum(0, dtype=torch.int64) * 2 > len(copies)).to(torch.uint8)
    return (voted << torch.arange(8, dtype=torch.uint8)).sum(-1, dtype=torch.uint8).view(torch.int8)
