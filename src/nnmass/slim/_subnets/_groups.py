"""Which channels of a network can only be kept or dropped together, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Widths = Mapping[str, int]
"""For each channel group by its name, how many channels are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelGroup:
    """Channels that share their indices: channel c of all its layers is kept or dropped at once.

    Attributes:
        name: Path of the first layer that makes them.
        channels: How many there are.
        producers: Paths of the convolutions and linear layers whose outputs they are.
        norms: Paths of the norms over these channels alone or beside others.
        consumers: Paths of the layers that read them.
        whole: Why all of them must stay; empty where they may be dropped.
    """

    name: str
    channels: int
    producers: tuple[str, ...]
    norms: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    whole: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """The channels along an axis of a weight, position by position.

    Attributes:
        groups: int64 (positions,): the group's number; -1 for what no group holds (the input).
        channels: int64 (positions,): the channel of that group.
    """

    groups: npt.NDArray[np.int64]
    channels: npt.NDArray[np.int64]

    def kept(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Positions that stay where each group keeps its first ``counts[group]`` channels."""
        limits = np.append(counts, np.iinfo(np.int64).max)[self.groups]  # -1 reads the last
        return np.flatnonzero(self.channels < limits)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedLayer:
    """A convolution or linear layer between channel groups.

    Attributes:
        path: Of its module.
        reads: The channels along its input axis.
        makes: Number of the group of its outputs.
        places: Places of space at which it gives its outputs.
        taps: Weights for each pair of an input and an output channel.
        has_bias: It adds one.
        is_depthwise: Each output is made from the input of the same channel alone.
        grouped: Groups of a convolution that is neither plain nor depthwise; 1 else.
    """

    path: str
    reads: Slots
    makes: int
    places: int
    taps: int
    has_bias: bool
    is_depthwise: bool = False
    grouped: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedNorm:
    """A batch norm, or another module with numbers for each channel.

    Attributes:
        path: Of its module.
        reads: The channels that it normalises.
        params: Trainable numbers for each channel.
    """

    path: str
    reads: Slots
    params: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddedShortcut:
    """A shortcut that puts zeros beside the channels that it passes on (He et al., option A).

    Attributes:
        path: Of its module.
        source: Number of the group that it reads.
        target: Number of the group that it is added to.
        before: Zero channels before the first.
    """

    path: str
    source: int
    target: int
    before: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelGroups:
    """A network as channel groups and what stands between them.

    Attributes:
        groups: All of them, those that must stay whole too, in the order of the forward pass.
        layers: Convolutions and linear layers.
        norms: Norms over groups.
        shortcuts: Padded shortcuts.
        rest: Trainable numbers that depend on no width.
    """

    groups: tuple[ChannelGroup, ...]
    layers: tuple[GroupedLayer, ...]
    norms: tuple[GroupedNorm, ...]
    shortcuts: tuple[PaddedShortcut, ...]
    rest: int

    @property
    def free(self) -> tuple[ChannelGroup, ...]:
        """The groups that may be narrowed."""
        return tuple(group for group in self.groups if not group.whole)

    @property
    def full(self) -> dict[str, int]:
        """The widths of the whole network."""
        return {group.name: group.channels for group in self.free}

    @property
    def paths(self) -> tuple[str, ...]:
        """Of all layers and norms."""
        layers, norms = (layer.path for layer in self.layers), (norm.path for norm in self.norms)
        return (*layers, *norms)

    def notes(self) -> tuple[str, ...]:
        """One line for each group of a layer's outputs that must stay whole."""
        return tuple(
            f"{group.name}: all {group.channels} channels stay: {group.whole}"
            for group in self.groups
            if group.whole and group.producers
        )
