"""Which node and which of its channels every element of a tensor comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
"""Origins: ``node << 32 | channel``, or -1 for what comes from no node (padding, constants)."""

BITS = 32
"""Bits of a code that tell the channel."""
NO_ORIGIN = -1
TOO_MANY = 1 << 25
"""Elements that are never followed one by one: 256 MiB of origins."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelMap:
    """The origins of a tensor's elements.

    Origins differ along few axes only (mostly one, the channels), so they are stored for these.

    Attributes:
        axes: The axes along which they differ, ascending; no axis of length 1 is among them.
        codes: One code for each index of these axes.
        is_gate: The values are weights of a gate: a sigmoid or a softmax came last.
    """

    axes: tuple[int, ...]
    codes: Codes
    is_gate: bool = False
    _sources: dict[int, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of_node(
        cls,
        node: int,
        axes: Sequence[int],
        shape: Sequence[int],
        *,
        alike: Sequence[ChannelMap] = (),
    ) -> ChannelMap:
        """The map of a tensor of ``shape`` that ``node`` made, its channels along ``axes``.

        Along an axis that is one of the maps ``alike`` too, positions with the same origins there
        hold the same channel: windows that were cut out of one feature map, say.
        """
        kept = tuple(sorted(axis for axis in axes if shape[axis] > 1))
        codes, width = np.full((), node << BITS, dtype=np.int64), 1
        for axis in kept:
            labels, count = _labels(axis, shape[axis], alike)
            codes = (codes[..., None] - (node << BITS)) * count + labels + (node << BITS)
            width *= count
        made = compressed(kept, codes)
        made._sources[node] = width
        return made

    @property
    def sources(self) -> Mapping[int, int]:
        """For each node, how many of its channels are there."""
        if not self._sources and self.codes.size:
            self._sources.update(_count_distinct([self.codes]))
        return self._sources

    def spread(self, axes: Sequence[int], shape: Sequence[int]) -> Codes:
        """The codes over more ``axes`` (ascending, among them all of its own) of ``shape``."""
        index = tuple(slice(None) if axis in self.axes else None for axis in axes)
        return np.broadcast_to(self.codes[index], tuple(shape[axis] for axis in axes))

    def moved(self, axes: Sequence[int]) -> ChannelMap:
        """The same origins, the n-th axis now standing at ``axes[n]``, still ascending."""
        return ChannelMap(tuple(axes), self.codes, self.is_gate, self._sources)

    def permuted(self, order: Sequence[int]) -> ChannelMap:
        """The same origins, the tensor's axis ``order[n]`` now standing at ``n``."""
        axes = tuple(new for new, old in enumerate(order) if old in self.axes)
        codes = self.codes.transpose([self.axes.index(order[new]) for new in axes])
        return ChannelMap(axes, codes, self.is_gate, self._sources)

    def as_gate(self, is_gate: bool = True) -> ChannelMap:
        """The same origins, as those of a gate or not."""
        return ChannelMap(self.axes, self.codes, is_gate, self._sources)

    def picked(self, axis: int, index: int) -> ChannelMap:
        """The origins at one ``index`` of ``axis``, over the other axes as they are numbered."""
        if axis not in self.axes:
            return self
        place = self.axes.index(axis)
        codes: Codes = np.moveaxis(self.codes, place, 0)[index]
        return ChannelMap((*self.axes[:place], *self.axes[place + 1 :]), codes, self.is_gate)

    def same_origins(self, other: ChannelMap) -> bool:
        """Every element has the same origin in both."""
        same = self.codes is other.codes or np.array_equal(self.codes, other.codes)
        return self.axes == other.axes and same


def count_sources(maps: Sequence[ChannelMap]) -> dict[int, int]:
    """For each node, in ascending order, how many distinct channels of it the maps hold."""
    counts: dict[int, int] = {}
    for given in maps:
        if not counts.keys().isdisjoint(given.sources):
            return _count_distinct([one.codes for one in maps])
        counts.update(given.sources)
    return dict(sorted(counts.items()))


def _count_distinct(arrays: Sequence[Codes]) -> dict[int, int]:
    distinct = np.unique(np.concatenate([array.ravel() for array in arrays]))
    nodes, counts = np.unique(distinct[distinct != NO_ORIGIN] >> BITS, return_counts=True)
    return dict(zip(nodes.tolist(), counts.tolist(), strict=True))


def _labels(axis: int, size: int, alike: Sequence[ChannelMap]) -> tuple[Codes, int]:
    """For each position of an axis the number of its channel, and how many channels there are."""
    columns = [
        np.moveaxis(given.codes, given.axes.index(axis), 0).reshape(size, -1)
        for given in alike
        if axis in given.axes and given.codes.shape[given.axes.index(axis)] == size
    ]
    # Mostly the first element tells all positions apart.
    if any(len(np.unique(column[:, 0])) == size for column in columns) or not columns:
        return np.arange(size, dtype=np.int64), size
    _, labels = np.unique(np.concatenate(columns, 1), axis=0, return_inverse=True)
    labels = labels.reshape(-1).astype(np.int64)
    return labels, int(labels.max()) + 1


def compressed(axes: Sequence[int], codes: Codes, *, is_gate: bool = False) -> ChannelMap:
    """The map with these codes, without the axes along which they do not differ."""
    kept = list(axes)
    for axis in reversed(range(codes.ndim)):
        first = codes.take([0], axis)
        if codes.shape[axis] == 1 or (codes == first).all():
            codes = first.squeeze(axis)
            del kept[axis]
    return ChannelMap(tuple(kept), codes, is_gate)


def reshaped(given: ChannelMap, old: Sequence[int], new: Sequence[int]) -> ChannelMap | None:
    """The map after a reshape from the shape ``old`` to ``new``; ``None`` if it is too large.

    Axes are matched in groups of equal size; origins spread over the groups that hold them.
    """
    inside, outside = list[int](), list[int]()
    for olds, news in _groups(old, new):
        if any(axis in given.axes for axis in olds):
            inside += olds
            outside += news
    sizes = tuple(new[axis] for axis in outside)
    if prod(sizes) > TOO_MANY:
        return None
    codes = given.spread(inside, old).reshape(sizes)
    return compressed(outside, codes, is_gate=given.is_gate)


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Runs of axes of both shapes that hold the same elements; axes of length 1 are left out."""
    groups = []
    left = [axis for axis, size in enumerate(old) if size != 1]
    right = [axis for axis, size in enumerate(new) if size != 1]
    while left and right:
        olds, news = [left.pop(0)], [right.pop(0)]
        have, want = old[olds[0]], new[news[0]]
        while have != want:
            if have < want:
                olds.append(left.pop(0))
                have *= old[olds[-1]]
            else:
                news.append(right.pop(0))
                want *= new[news[-1]]
        groups.append((olds, news))
    return groups
