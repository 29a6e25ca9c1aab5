"""The widths that a channel group may have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnmass.errors import whole_number
from nnmass.slim._subnets._groups import ChannelGroups
from nnmass.slim._subnets._prices import Counts

_STEPS = 10  # AutoSlim removes a tenth of a layer at a time


class Ladder:
    """For every group its widths, from the smallest up: multiples of the divisor, and the whole.

    A group of at most ``divisor`` channels stays whole, as do those that must.

    Args:
        groups: Of the network.
        divisor: 8, or 16 where the hardware works in sixteens (tensor cores, AVX-512).

    Attributes:
        full: int64 (groups,): all channels.
        smallest: int64 (groups,): the lowest rungs.
        free: Numbers of the groups that have more than one width.

    Raises:
        SpecError: ``divisor`` is no whole number of at least 1.
    """

    def __init__(self, groups: ChannelGroups, divisor: int) -> None:
        self.divisor = whole_number(divisor, "divisor", low=1)
        self.full = np.array([group.channels for group in groups.groups], dtype=np.int64)
        self.rungs = [
            np.array([group.channels])
            if group.whole
            else np.append(np.arange(self.divisor, group.channels, self.divisor), group.channels)
            for group in groups.groups
        ]
        self.smallest = np.array([rungs[0] for rungs in self.rungs], dtype=np.int64)
        self.free = [number for number, rungs in enumerate(self.rungs) if len(rungs) > 1]

    def nearest(self, wanted: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """The rung nearest to ``wanted`` (groups,), the higher of two."""
        return np.array(
            [
                rungs[len(rungs) - 1 - np.argmin(np.abs(rungs - channels)[::-1])]
                for rungs, channels in zip(self.rungs, wanted, strict=True)
            ],
            dtype=np.int64,
        )

    def lower(self, counts: npt.NDArray[np.int64], *, is_coarse: bool) -> Counts:
        """int64 (candidates, groups): ``counts`` with one group narrowed, for each that can be.

        Args:
            counts: (groups,), each on a rung.
            is_coarse: By a tenth of all channels or one rung, whichever is more; else by one rung.
        """
        rows = []
        for number in self.free:
            below = self.rungs[number][self.rungs[number] < counts[number]]
            if len(below):
                step = self.full[number] / _STEPS if is_coarse else 0.0
                far_enough = below[below <= counts[number] - step]
                row = counts.copy()
                row[number] = far_enough[-1] if len(far_enough) else below[0]
                rows.append(row)
        return np.array(rows, dtype=np.int64).reshape(-1, len(counts))

    def higher(self, counts: npt.NDArray[np.int64], limits: npt.NDArray[np.int64]) -> Counts:
        """int64 (candidates, groups): ``counts`` with one group a rung wider, within ``limits``."""
        rows = []
        for number in self.free:
            above = self.rungs[number][self.rungs[number] > counts[number]]
            if len(above) and above[0] <= limits[number]:
                row = counts.copy()
                row[number] = above[0]
                rows.append(row)
        return np.array(rows, dtype=np.int64).reshape(-1, len(counts))
