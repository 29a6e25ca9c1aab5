"""What each level changes in a reordered network: slices, widths, tensors of its own."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nnmass.slim._subnets._groups import ChannelGroups, GroupedLayer, GroupedNorm, PaddedShortcut
from nnmass.slim._subnets._views import Narrowing, runs_of

BatchNorms = Literal["statistics", "private"]
"""What each level has of its own in batch norms: running statistics, or scale and shift too."""

Counts = npt.NDArray[np.int64]
"""Channels of every group by its number."""


def narrowings(
    net: nn.Module, groups: ChannelGroups, counts: Counts, *, batch_norm: BatchNorms
) -> dict[str, Narrowing]:
    """For each module that differs in the level of ``counts``, by its path, how."""
    plans = {}
    for layer in groups.layers:
        if not _is_full(layer, groups, counts):
            plans[layer.path] = _of_layer(net.get_submodule(layer.path), layer, counts)
    for norm in groups.norms:
        module = net.get_submodule(norm.path)
        plans[norm.path] = _of_norm(module, norm, counts, batch_norm=batch_norm)
    for shortcut in groups.shortcuts:
        index = net.get_submodule(shortcut.path).get_buffer("index")
        plans[shortcut.path] = Narrowing(private=_shortcut(index, shortcut, counts))
    return plans


def _is_full(layer: GroupedLayer, groups: ChannelGroups, counts: Counts) -> bool:
    inputs = layer.reads.kept(counts)
    has_all_outputs = counts[layer.makes] == groups.groups[layer.makes].channels
    return len(inputs) == len(layer.reads.groups) and bool(has_all_outputs)


def _of_layer(module: nn.Module, layer: GroupedLayer, counts: Counts) -> Narrowing:
    n_outputs, inputs = int(counts[layer.makes]), layer.reads.kept(counts)
    rows = ((0, n_outputs),)
    is_plain = not layer.is_depthwise and layer.grouped == 1
    slices = {"weight": (rows, runs_of(inputs)) if is_plain else (rows,)}
    if layer.has_bias:
        slices["bias"] = (rows,)
    if isinstance(module, nn.Linear):
        attributes = {"in_features": len(inputs), "out_features": n_outputs}
    else:
        attributes = {"in_channels": len(inputs), "out_channels": n_outputs}
    if layer.is_depthwise:
        attributes["groups"] = n_outputs
    return Narrowing(slices=slices, attributes=attributes)


def _of_norm(
    module: nn.Module, norm: GroupedNorm, counts: Counts, *, batch_norm: BatchNorms
) -> Narrowing:
    positions = norm.reads.kept(counts)
    private = nn.Module()
    for name, buffer in module.named_buffers(recurse=False):
        private.register_buffer(name, _rows(buffer, positions))
    for name in {"running_mean", "running_var", "num_batches_tracked"} - {*private._buffers}:
        private.register_buffer(name, None)
    slices = {}
    for name, parameter in module.named_parameters(recurse=False):
        if batch_norm == "private":
            own = nn.Parameter(_rows(parameter, positions), parameter.requires_grad)
            private.register_parameter(name, own)
        else:
            slices[name] = (runs_of(positions),)
    return Narrowing(slices=slices, attributes={"num_features": len(positions)}, private=private)


def _rows(tensor: Tensor, positions: npt.NDArray[np.int64]) -> Tensor:
    index = torch.from_numpy(positions).to(tensor.device)
    return tensor.detach()[index] if tensor.ndim else tensor.detach().clone()


def _shortcut(index: Tensor, shortcut: PaddedShortcut, counts: Counts) -> nn.Module:
    """Positions of the source that are not there any more give zeros."""
    private = nn.Module()
    narrow = index[: int(counts[shortcut.target])].clamp(max=int(counts[shortcut.source]))
    private.register_buffer("index", narrow)
    return private
