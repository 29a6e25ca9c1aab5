"""A network of other widths without memory: what tracing needs to tell its mass."""

from __future__ import annotations

import copy
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nnmass.nets import PadShortcut
from nnmass.slim._subnets._groups import ChannelGroups, GroupedLayer, Slots


def resized(model: nn.Module, groups: ChannelGroups, counts: npt.NDArray[np.int64]) -> nn.Module:
    """A copy of ``model`` on the meta device whose groups have ``counts`` channels.

    Args:
        model: The network that ``groups`` were found in; it is left as it was.
        groups: Its channel groups.
        counts: int64 (groups,): channels of every group, the whole ones too; they may be more
            than there are in ``model``.

    Source:
        Ours.
    """
    # No weight is copied: every tensor of the copy is made afresh on the meta device.
    tensors = {
        id(tensor): nn.Parameter(tensor.to("meta"), requires_grad=tensor.requires_grad)
        if isinstance(tensor, nn.Parameter)
        else tensor.to("meta")
        for tensor in (*model.parameters(), *model.buffers())
    }
    net = copy.deepcopy(model, memo=dict(tensors))
    for layer in groups.layers:
        _resize_layer(net.get_submodule(layer.path), layer, groups, counts)
    for norm in groups.norms:
        _resize_norm(net.get_submodule(norm.path), _positions(norm.reads, groups, counts))
    for shortcut in groups.shortcuts:
        pad = cast(PadShortcut, net.get_submodule(shortcut.path))
        missing = int(counts[shortcut.target] - counts[shortcut.source])
        pad.before = missing // 2
        pad.after = missing - pad.before
    return net


def _positions(reads: Slots, groups: ChannelGroups, counts: npt.NDArray[np.int64]) -> int:
    """Length of an axis that reads each channel as often as ``reads`` do."""
    times = np.bincount(reads.groups + 1, minlength=len(groups.groups) + 1)
    channels = np.array([group.channels for group in groups.groups])
    return int(times[0] + (times[1:] // channels) @ counts)


def _resize_layer(
    module: nn.Module,
    layer: GroupedLayer,
    groups: ChannelGroups,
    counts: npt.NDArray[np.int64],
) -> None:
    outputs, inputs = int(counts[layer.makes]), _positions(layer.reads, groups, counts)
    if isinstance(module, nn.Linear):
        module.in_features, module.out_features = inputs, outputs
    elif isinstance(module, nn.modules.conv._ConvNd):
        module.in_channels, module.out_channels = inputs, outputs
        module.groups = outputs if layer.is_depthwise else module.groups
        inputs //= module.groups
    weight = cast(nn.Parameter, module.weight)
    module.weight = _empty(outputs, inputs, *weight.shape[2:], like=weight)
    if layer.has_bias:
        module.bias = _empty(outputs, like=weight)


def _resize_norm(module: nn.Module, features: int) -> None:
    assert isinstance(module, nn.modules.batchnorm._BatchNorm)  # `find_groups` takes no other
    module.num_features = features
    for name in ("weight", "bias"):
        parameter = getattr(module, name)
        if parameter is not None:
            setattr(module, name, _empty(features, like=parameter))
    for name in ("running_mean", "running_var"):
        buffer = getattr(module, name)
        if buffer is not None:
            setattr(module, name, torch.empty(features, dtype=buffer.dtype, device="meta"))


def _empty(*shape: int, like: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape, dtype=like.dtype, device="meta"))
