"""From the graph of a network to its cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from nnmass.tracing._cell import CellKind, Link, TracedCell
from nnmass.tracing._chain import Chain, chain_of, extended, longest_way, merged
from nnmass.tracing._graph import Node
from nnmass.tracing._links import Ways, links_of, ways_beside
from nnmass.tracing._regions import Region, regions


def cells_of(nodes: Sequence[Node]) -> tuple[TracedCell, ...]:
    """The cells of a network, from input to output.

    Args:
        nodes: All on some way from the first to the last, in topological order.
    """
    by_index = {node.index: node for node in nodes}
    readers = Counter(source for node in nodes for source in node.sources)
    return tuple(_cell(region, by_index, readers) for region in regions(nodes))


def _cell(region: Region, nodes: Mapping[int, Node], readers: Mapping[int, int]) -> TracedCell:
    kind = _kind(region)
    chain = chain_of(longest_way(region))
    if kind == "concatenation":
        chain = merged(extended(chain, nodes, readers), readers)
    ways = ways_beside(region, chain)
    links = links_of(region, chain, ways)
    return TracedCell(
        kind=kind,
        chain=tuple(node.name for node in chain.heads),
        widths=tuple(node.width for node in chain.heads),
        link_list=links,
        is_ratio_one=kind == "addition" and _is_ratio_one(region, chain, links),
        flags=_flags(region, chain, kind, ways),
        unread=tuple(f"{node.why} in {node.name}" for node in _unread(region, chain, nodes)),
    )


def _kind(region: Region) -> CellKind:
    if region.end.kind == "join":
        return "addition"
    reads_several = any(len(node.sources) > 1 for node in region.nodes[1:] if node.kind == "layer")
    has_join = any(node.kind == "join" for node in region.nodes[1:])
    return "concatenation" if reads_several or not has_join else "addition"


def _is_ratio_one(region: Region, chain: Chain, links: Sequence[Link]) -> bool:
    """An inverted residual without its expansion: depthwise, pointwise, plus the input."""
    is_small = len(region.nodes) == 4 and len(chain.layers) == 3 and len(links) == 1
    if not is_small or not chain.layers[1].is_depthwise or chain.layers[2].is_depthwise:
        return False
    return links[0].channels == chain.heads[0].width == chain.heads[-1].width


def _unread(region: Region, chain: Chain, nodes: Mapping[int, Node]) -> list[Node]:
    """What was not followed within the cell, or hides its first node."""
    own = [node for node in region.nodes if node.kind == "unread"]
    first = chain.layers[0]
    if region.end.kind == "join" or first.kind != "layer":
        return own
    # The chain might have been extended further back, but for what was not followed there.
    before = (nodes[source] for source in first.sources)
    return [*(node for node in before if node.kind == "unread"), *own]


def _of_kind(region: Region, kind: str) -> list[Node]:
    return [node for node in region.nodes[1:] if node.kind == kind]


def _flags(region: Region, chain: Chain, kind: CellKind, ways: Ways) -> tuple[str, ...]:
    """Why NN-Mass was not made for this cell; nothing for what it was made for."""
    flags = list(dict.fromkeys(node.why for node in _of_kind(region, "mix")))
    places = {chain.place.get(node.index) for node in _of_kind(region, "join")}
    if kind == "addition" and len(places) > 1:
        flags.append("nested additions")
    reads_several = [
        node
        for node in _of_kind(region, "layer")
        if node.index in chain.place and len(node.sources) > 1
    ]
    if kind == "addition" and reads_several:
        flags.append("concatenation inside an addition cell")
    if kind == "concatenation" and places:
        flags.append("addition inside a concatenation cell")
    beside = [node for node in _of_kind(region, "layer") if node.index not in chain.place]
    longest = max((-way.layers for way_to in ways.values() for way in way_to.values()), default=0)
    if beside and (kind == "concatenation" or longest > 1):
        flags.append("parallel branches with weight layers")
    return tuple(flags)
