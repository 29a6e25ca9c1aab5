"""Multiply-adds and parameters of a network of any widths: closed forms of the channel groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError, did_you_mean, whole_number
from nnmass.slim._subnets._groups import ChannelGroups, GroupedLayer, Slots, Widths


class WidthCosts:
    """Prices widths without building anything.

    Args:
        groups: Of the network.

    Source:
        Ours: multiply-adds are those of convolutions and linear layers, as `nnmass.trace` counts.

    Example:
        >>> from torch import nn
        >>> from nnmass.slim._subnets._find_groups import find_groups
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 10))
        >>> costs = WidthCosts(find_groups(model, (3, 4, 4)))
        >>> costs.macs({"0": 8}), costs.macs({"0": 4}), costs.params({"0": 4})
        (1184, 592, 282)
    """

    def __init__(self, groups: ChannelGroups) -> None:
        self.groups = groups
        self._reads = [_times(layer.reads, groups) for layer in groups.layers]
        self._norms = [_times(norm.reads, groups) for norm in groups.norms]

    def counts(self, widths: Widths) -> npt.NDArray[np.int64]:
        """Channels of every group, the whole ones too.

        Raises:
            SpecError: A group is unknown, missing or must stay whole, or a width is out of range.
        """
        free = self.groups.full
        for name in widths:
            if name not in free:
                raise SpecError(self._refusal(name))
        missing = [name for name in free if name not in widths]
        if missing:
            raise SpecError(
                f"widths must name every group that may be narrowed, got none for {missing[0]!r} "
                f"and {len(missing) - 1} more; all are: {', '.join(free)}"
            )
        return np.array(
            [
                _width(group.name, widths[group.name], group.channels)
                if not group.whole
                else group.channels
                for group in self.groups.groups
            ],
            dtype=np.int64,
        )

    def macs(self, widths: Widths) -> int:
        """Multiply-adds of one image: places x taps x inputs x outputs, over all layers."""
        counts = self.counts(widths)
        pairs = zip(self.groups.layers, self._reads, strict=True)
        return sum(layer.places * _weights(layer, reads, counts) for layer, reads in pairs)

    def params(self, widths: Widths) -> int:
        """Trainable parameters: weights, biases, norms."""
        counts = self.counts(widths)
        total = self.groups.rest
        for layer, reads in zip(self.groups.layers, self._reads, strict=True):
            total += _weights(layer, reads, counts)
            total += int(counts[layer.makes]) if layer.has_bias else 0
        for norm, reads in zip(self.groups.norms, self._norms, strict=True):
            total += norm.params * _positions(reads, counts)
        return int(total)

    def _refusal(self, name: str) -> str:
        whole = {group.name: group for group in self.groups.groups if group.whole}
        if name in whole:
            return (
                f"the channels of {name} cannot be narrowed: {whole[name].whole}; leave "
                f"{name!r} out of the widths"
            )
        known = self.groups.full
        return (
            f"unknown channel group {name!r}.{did_you_mean(name, known)} Groups are named after "
            f"the first layer that makes their channels: {', '.join(known)}"
        )


def _weights(
    layer: GroupedLayer, reads: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> int:
    outputs = int(counts[layer.makes])
    if layer.is_depthwise:
        return layer.taps * outputs
    return layer.taps * _positions(reads, counts) * outputs // layer.grouped


def _times(reads: Slots, groups: ChannelGroups) -> npt.NDArray[np.int64]:
    """How often each channel of a group is read; last, positions that belong to no group."""
    positions = np.bincount(reads.groups + 1, minlength=len(groups.groups) + 1)
    channels = [group.channels for group in groups.groups]
    return np.append(positions[1:] // channels, positions[0])


def _positions(reads: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> int:
    return int(reads[:-1] @ counts + reads[-1])


def _width(name: str, value: object, channels: int) -> int:
    width = whole_number(value, f"the width of {name}", low=1)
    if width > channels:
        raise SpecError(f"the width of {name} must be at most {channels}, got {width}")
    return width
