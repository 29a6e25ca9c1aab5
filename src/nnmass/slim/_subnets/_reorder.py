"""Channels in another order: the network computes what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nnmass.nets import PadShortcut
from nnmass.slim._subnets._groups import ChannelGroups, Slots
from nnmass.slim._subnets._shortcut import GatherShortcut

Orders = Sequence[npt.NDArray[np.int64]]
"""For each group by its number: which channel stands at each position."""


def orders_of(groups: ChannelGroups, order: Mapping[str, Sequence[int]]) -> Orders:
    """``order`` of the free groups, and the order that they have for the others."""
    return [
        np.array(order[group.name]) if group.name in order else np.arange(group.channels)
        for group in groups.groups
    ]


@torch.no_grad()
def reorder(net: nn.Module, groups: ChannelGroups, orders: Orders) -> None:
    """Permute the channels of ``net``, which is changed: rows, norms, columns, shortcuts.

    Args:
        net: The network that ``groups`` were found in.
        groups: Its channel groups.
        orders: For each group.

    Source:
        Ours.
    """
    for layer in groups.layers:
        module = net.get_submodule(layer.path)
        for name in ("weight", "bias"):
            _permute(getattr(module, name), 0, orders[layer.makes])
        if not layer.is_depthwise and layer.grouped == 1:
            _permute(module.get_parameter("weight"), 1, old_positions(layer.reads, orders))
    for norm in groups.norms:
        module = net.get_submodule(norm.path)
        for name in ("weight", "bias", "running_mean", "running_var"):
            _permute(getattr(module, name), 0, old_positions(norm.reads, orders))
    for shortcut in groups.shortcuts:
        pad = net.get_submodule(shortcut.path)
        assert isinstance(pad, PadShortcut)  # `find_groups` takes no other
        index = shortcut_index(
            orders[shortcut.source], orders[shortcut.target], before=shortcut.before
        )
        first = next(net.parameters())
        device = "cpu" if first.is_meta else first.device  # tracing needs the values
        gather = GatherShortcut(torch.from_numpy(index).to(device), stride=pad.stride)
        net.set_submodule(shortcut.path, gather)


def old_positions(slots: Slots, orders: Orders) -> npt.NDArray[np.int64]:
    """For each position of an axis, where the channel that stands there now stood before.

    A channel that is there several times (flattened pixels, a concatenation with itself) keeps
    the order of its positions.
    """
    groups, channels = slots.groups, slots.channels
    now = channels.copy()
    for group in np.unique(groups[groups >= 0]):
        own = groups == group
        now[own] = orders[group][channels[own]]
    base, size = int(channels.max(initial=0)) + 1, len(channels)
    key = (groups + 1) * base + channels
    occurrence = _occurrences(key)
    was = key * size + occurrence
    wanted = ((groups + 1) * base + now) * size + occurrence
    ranks = np.argsort(was)
    found: npt.NDArray[np.int64] = ranks[np.searchsorted(was[ranks], wanted)]
    return found


def shortcut_index(
    source: npt.NDArray[np.int64], target: npt.NDArray[np.int64], *, before: int
) -> npt.NDArray[np.int64]:
    """For each position of the target the position of the source; one past the last for zeros."""
    place = np.argsort(source)  # of each channel of the source
    channel = target - before
    inside = (channel >= 0) & (channel < len(source))
    return np.where(inside, place[np.clip(channel, 0, len(source) - 1)], len(source))


def _occurrences(key: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many equal ones come before each."""
    ranks = np.argsort(key, kind="stable")
    ordered = key[ranks]
    result = np.empty_like(key)
    result[ranks] = np.arange(len(key)) - np.searchsorted(ordered, ordered)
    return result


def _permute(tensor: Tensor | None, axis: int, index: npt.NDArray[np.int64]) -> None:
    if tensor is None or np.array_equal(index, np.arange(len(index))):
        return
    tensor.copy_(tensor.index_select(axis, torch.from_numpy(index).to(tensor.device)))
