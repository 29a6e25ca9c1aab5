"""Multiply-adds and parameters of many widths at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnmass.slim._subnets._groups import ChannelGroups, GroupedLayer, GroupedNorm

Counts = npt.NDArray[np.int64]
"""int64 (candidates, groups): channels of every group, the whole ones too."""


class WidthPrices:
    """`WidthCosts` for a search: thousands of candidates in one call, nothing checked.

    With c the channels of the groups, layer l has taps_l (r_l . c + s_l) c_(makes l) / grouped_l
    weights: r_l says how often it reads each channel of a group, s_l how many positions of its
    input axis belong to no group.

    Args:
        groups: Of the network.

    Example:
        >>> from torch import nn
        >>> from nnmass.slim._subnets._find_groups import find_groups
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 10))
        >>> groups = find_groups(model, (3, 4, 4))
        >>> prices = WidthPrices(groups)
        >>> counts = np.array([[group.channels for group in groups.groups]] * 2)
        >>> counts[1, [group.name for group in groups.groups].index("0")] = 4
        >>> prices.macs(counts), prices.params(counts)
        (array([1184,  592]), array([554, 282]))
    """

    def __init__(self, groups: ChannelGroups) -> None:
        layers = groups.layers
        self._rest = groups.rest
        self._reads, self._own = _times(layers, groups)
        self._norm_reads, self._norm_own = _times(groups.norms, groups)
        self._norm_params = np.array([norm.params for norm in groups.norms], dtype=np.int64)
        self._makes = np.array([layer.makes for layer in layers], dtype=np.int64)
        self._taps = np.array([layer.taps for layer in layers], dtype=np.int64)
        self._places = np.array([layer.places for layer in layers], dtype=np.int64)
        self._grouped = np.array([layer.grouped for layer in layers], dtype=np.int64)
        self._is_depthwise = np.array([layer.is_depthwise for layer in layers])
        self._has_bias = np.array([layer.has_bias for layer in layers], dtype=np.int64)

    def _weights(self, counts: Counts) -> Counts:
        """int64 (candidates, layers): weights of each layer."""
        inputs = np.where(self._is_depthwise, 1, counts @ self._reads.T + self._own)
        return np.asarray(self._taps * inputs * counts[:, self._makes] // self._grouped)

    def macs(self, counts: Counts) -> npt.NDArray[np.int64]:
        """Multiply-adds of one image, for each candidate."""
        return np.asarray(self._weights(counts) @ self._places)

    def params(self, counts: Counts) -> npt.NDArray[np.int64]:
        """Trainable parameters, for each candidate."""
        layers = self._weights(counts).sum(1) + counts[:, self._makes] @ self._has_bias
        norms = (counts @ self._norm_reads.T + self._norm_own) @ self._norm_params
        return np.asarray(layers + norms + self._rest)


def _times(
    users: Sequence[GroupedLayer] | Sequence[GroupedNorm], groups: ChannelGroups
) -> tuple[Counts, npt.NDArray[np.int64]]:
    """How often each user reads a channel of each group; its positions that belong to none."""
    n_groups = len(groups.groups)
    channels = np.array([group.channels for group in groups.groups], dtype=np.int64)
    positions = np.array(
        [np.bincount(user.reads.groups + 1, minlength=n_groups + 1) for user in users],
        dtype=np.int64,
    ).reshape(len(users), n_groups + 1)
    return positions[:, 1:] // channels, positions[:, 0]
