"""The padded shortcut for channels in any order and number."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class GatherShortcut(nn.Module):
    """Every ``stride``-th pixel, each channel at its place among zeros (He et al., option A).

    Args:
        index: int64 (outputs,): the input channel at each output; one past the last for zeros.
        stride: Pixels from one that is taken to the next.
    """

    index: Tensor

    def __init__(self, index: Tensor, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.register_buffer("index", index)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        taken = x[:, :, :: self.stride, :: self.stride]
        return F.pad(taken, (0, 0, 0, 0, 0, 1)).index_select(1, self.index)
