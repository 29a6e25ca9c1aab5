"""Cut nodes, and what lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nnmass.tracing._graph import Node


@dataclass(frozen=True, slots=True)
class Region:
    """The nodes between two consecutive cut nodes, both included, where there are any between.

    Attributes:
        nodes: In topological order.
    """

    nodes: tuple[Node, ...]

    @property
    def start(self) -> Node:
        """The cut node at which all ways begin."""
        return self.nodes[0]

    @property
    def end(self) -> Node:
        """The cut node at which all ways end."""
        return self.nodes[-1]


def on_the_way(nodes: Sequence[Node]) -> list[Node]:
    """The nodes on some way from the input (the first node) to the output (the last).

    Their sources are cut down to such nodes too. Linear in nodes and edges.
    """
    reached = {nodes[0].index}
    for node in nodes:
        if not reached.isdisjoint(node.sources):
            reached.add(node.index)
    needed = {nodes[-1].index} & reached
    for node in reversed(nodes):
        if node.index in needed:
            needed.update(source for source in node.sources if source in reached)
    kept = []
    for node in nodes:
        if node.index in needed:
            sources = {source: n for source, n in node.sources.items() if source in needed}
            kept.append(_with_sources(node, sources))
    return kept


def _with_sources(node: Node, sources: dict[int, int]) -> Node:
    if len(sources) == len(node.sources):
        return node
    return replace(node, sources=sources)


def cut_places(nodes: Sequence[Node]) -> list[int]:
    """Places in ``nodes`` of the nodes that lie on every way from the first to the last.

    ``nodes`` are in topological order and all on some way. So a node is on every way exactly if
    no edge leads over it: a way that avoids it must jump over its place, and an edge that jumps
    over it can be completed to a way.
    """
    place = {node.index: position for position, node in enumerate(nodes)}
    farthest = [0] * len(nodes)
    for position, node in enumerate(nodes):
        for source in node.sources:
            farthest[place[source]] = max(farthest[place[source]], position)
    cuts, reach = [], 0
    for position in range(len(nodes)):
        if reach <= position:
            cuts.append(position)
        reach = max(reach, farthest[position])
    return cuts


def regions(nodes: Sequence[Node]) -> list[Region]:
    """The stretches between consecutive cut nodes that have more than one way through."""
    cuts = cut_places(nodes)
    return [
        Region(tuple(nodes[start : end + 1])) for start, end in pairwise(cuts) if end > start + 1
    ]


def count_layers(nodes: Sequence[Node]) -> int:
    """Weight layers on the way that has the most of them."""
    depth: dict[int, int] = {}
    for node in nodes:
        before = max((depth[source] for source in node.sources), default=0)
        depth[node.index] = before + (node.kind == "layer")
    return max(depth.values(), default=0)
