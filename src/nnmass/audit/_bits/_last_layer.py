"""The last layer of a classifier as it is stored: bytes, scales, biases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nnmass.errors import SpecError

MOST = 127
"""Largest code that the quantiser gives; a flip can make -128, the quantiser never does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LastLayer:
    """A linear layer of int8 weights: logits = (scale * codes) @ features + bias.

    Attributes:
        codes: int8 (M, N), two's complement as stored; M classes, N features.
        scale: float32 (M, 1), above 0: the deployed step of each row, frozen. Of a layer quantised
            as a whole all rows have the same.
        bias: float32 (M,); not quantised, and out of reach of the flips.
    """

    codes: Tensor
    scale: Tensor
    bias: Tensor

    @property
    def weights(self) -> Tensor:
        """The weights that the codes stand for, float32 (M, N)."""
        return self.codes.float() * self.scale

    @property
    def shape(self) -> tuple[int, int]:
        """Classes and features."""
        return self.codes.shape[0], self.codes.shape[1]

    def logits(self, features: Tensor) -> Tensor:
        """Logits (B, M) of features (B, N)."""
        return torch.addmm(self.bias, features, self.weights.T)

    def with_codes(self, codes: Tensor) -> LastLayer:
        """The same layer with other bytes, int8 (M, N)."""
        assert codes.dtype == torch.int8 and codes.shape == self.codes.shape
        return replace(self, codes=codes)


def quantised_layer(
    weights: Tensor, bias: Tensor | None = None, *, per_row: bool = False
) -> LastLayer:
    """A linear layer as int8, symmetric: scale = max |W| / 127, code = round(W / scale).

    Halves round to even. A layer, or a row, of zeros alone has the scale 1.

    Args:
        weights: Float (M, N).
        bias: Float (M,); zeros unless told.
        per_row: A scale for each row instead of one for the whole layer.

    Raises:
        SpecError: The weights are no matrix of finite numbers.

    Source:
        A. S. Rakin, Z. He, D. Fan, CVPR 2020 (arXiv:1909.05193), section 3, with 8 bits; per row:
        the same formula.

    Example:
        >>> layer = quantised_layer(torch.tensor([[0.5, -1.27], [0.0, 0.01]]))
        >>> layer.codes.tolist()
        [[50, -127], [0, 1]]
    """
    if weights.ndim != 2 or not bool(weights.isfinite().all()):
        raise SpecError(
            f"weights must be a matrix of finite numbers, got shape {tuple(weights.shape)}"
        )
    found = weights.detach().float().cpu()
    top = found.abs().amax(1, keepdim=True) if per_row else found.abs().max().view(1, 1)
    scale = torch.where(top > 0, top / MOST, torch.ones_like(top)).expand(len(found), 1)
    codes = torch.round(found / scale).clamp(-MOST, MOST).to(torch.int8)
    zeros = torch.zeros(len(found))
    return LastLayer(
        codes=codes,
        scale=scale.contiguous(),
        bias=zeros if bias is None else bias.detach().float().cpu().clone(),
    )
