"""The links of a cell: what skips ahead of its chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nnmass.tracing._cell import Link
from nnmass.tracing._chain import Chain
from nnmass.tracing._graph import Node
from nnmass.tracing._regions import Region


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """A way beside the chain; the larger, the more it carries.

    Attributes:
        channels: The smallest width on it, its start included.
        layers: Weight layers on it, negative: of equal ways the barest is the larger.
    """

    channels: int
    layers: int = 0

    def then(self, channels: int, node: Node) -> Way:
        """The way, gone on through ``channels`` channels into ``node``."""
        carried = min(self.channels, channels, node.width)
        return Way(carried, self.layers - (node.kind == "layer"))


Ways = Mapping[int, Mapping[int, Way]]
"""For each node beside the chain, the widest way to it from each place of the chain."""


def links_of(region: Region, chain: Chain, ways: Ways) -> tuple[Link, ...]:
    """The links, in the order of their targets, then of their sources.

    Into a layer: the channels that it reads from chain nodes two or more back. Into an addition:
    every other way into it that begins at such a node; where ways fork and meet again before
    they come in, the widest. All links from one node to another carry at most the channels
    that there are, so that a density is never above 1.
    """
    widths = {node.index: node.width for node in region.nodes}
    links = list[Link]()
    for node in region.nodes:
        target = chain.place.get(node.index)
        if target is None or target < 2:
            continue
        if node.kind == "layer":
            links += _into_layer(node, target, chain)
        elif node.kind == "join":
            links += _into_join(node, target, chain, ways, widths)
    return _within_widths(links, chain)


def _within_widths(links: Sequence[Link], chain: Chain) -> tuple[Link, ...]:
    left: dict[tuple[int, int], int] = {}
    kept = []
    for link in sorted(links, key=lambda x: (x.target, x.source, x.has_layer, -x.channels)):
        pair = (link.source, link.target)
        room = left.get(pair, chain.heads[link.source].width)
        carried = min(link.channels, room)
        left[pair] = room - carried
        if carried:
            kept.append(replace(link, channels=carried))
    return tuple(kept)


def _into_layer(node: Node, target: int, chain: Chain) -> Iterator[Link]:
    for source, channels in node.sources.items():
        place = chain.place.get(source)
        if place is not None and place <= target - 2:
            yield Link(source=place, target=target, channels=channels)


def _into_join(
    node: Node, target: int, chain: Chain, ways: Ways, widths: Mapping[int, int]
) -> Iterator[Link]:
    for source, channels in node.sources.items():
        if source == chain.previous[node.index]:
            continue
        for start, way in _starts(source, chain, ways, widths).items():
            if start <= target - 2:
                carried = min(way.channels, channels)
                has_layer = way.layers < 0
                yield Link(source=start, target=target, channels=carried, has_layer=has_layer)


def _starts(source: int, chain: Chain, ways: Ways, widths: Mapping[int, int]) -> Mapping[int, Way]:
    """The places of the chain from which one comes to ``source``, and how."""
    if source in chain.place:
        return {chain.place[source]: Way(widths[source])}
    return ways.get(source, {})


def ways_beside(region: Region, chain: Chain) -> dict[int, dict[int, Way]]:
    """For each node beside the chain: the widest way to it from each place of the chain."""
    widths = {node.index: node.width for node in region.nodes}
    ways: dict[int, dict[int, Way]] = {}
    for node in region.nodes:
        if node.index in chain.place:
            continue
        mine = ways[node.index] = dict[int, Way]()
        for source, channels in node.sources.items():
            for start, way in _starts(source, chain, ways, widths).items():
                longer = way.then(channels, node)
                mine[start] = max(mine.get(start, longer), longer)
    return ways
