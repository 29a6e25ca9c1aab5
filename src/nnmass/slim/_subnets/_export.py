"""A level as a network of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from nnmass.slim._fold import fold_batch_norm
from nnmass.slim._subnets._views import plain_copy

_IMAGE_WEIGHT_DIMS = 4  # of a 2-D convolution; torch has this layout for no other


def export_view(
    view: nn.Module,
    input_shape: Sequence[int],
    *,
    fold_bn: bool,
    channels_last: bool,
    compiled: bool,
) -> nn.Module:
    """See `SubnetFamily.export`."""
    network = plain_copy(view)
    if fold_bn:
        network = fold_batch_norm(network, input_shape).eval()  # what it puts in, too
    if channels_last:
        for parameter in network.parameters():
            if parameter.ndim == _IMAGE_WEIGHT_DIMS:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return cast(nn.Module, torch.compile(network)) if compiled else network
