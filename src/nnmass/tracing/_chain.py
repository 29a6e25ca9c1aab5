"""The chain of a cell: the way through it with the most weight layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nnmass.tracing._graph import Node
from nnmass.tracing._regions import Region


@dataclass(frozen=True, slots=True)
class Chain:
    """The nodes v_0, v_1, .. of a cell.

    Attributes:
        layers: The first graph node at each place: the cut node, then weight layers.
        heads: The graph node that gives each place its name and width: the layer, or an addition
            that took its place.
        place: The place of every graph node on the way.
        previous: For each graph node on the way but the first, the one before it.
    """

    layers: tuple[Node, ...]
    heads: tuple[Node, ...]
    place: Mapping[int, int]
    previous: Mapping[int, int]


def longest_way(region: Region) -> list[Node]:
    """The way with the most weight layers after the start.

    Of several, that of most channels; of these, that with the most additions.
    """
    best: dict[int, tuple[int, int, int]] = {region.start.index: (0, 0, 0)}
    before: dict[int, int] = {}
    for node in region.nodes[1:]:
        # Of equal ways the source that came first, so that the result is the same on every run.
        source = max(sorted(node.sources), key=lambda index: best[index])
        layers, width, joins = best[source]
        is_layer, is_join = node.kind == "layer", node.kind == "join"
        best[node.index] = (layers + is_layer, width + is_layer * node.width, joins + is_join)
        before[node.index] = source
    by_index = {node.index: node for node in region.nodes}
    way = [region.end]
    while way[-1].index in before:
        way.append(by_index[before[way[-1].index]])
    return way[::-1]


def chain_of(way: Sequence[Node]) -> Chain:
    """Weight layers as nodes of the chain; an addition takes the place of the layer before it."""
    layers, heads = [way[0]], [way[0]]
    place = {way[0].index: 0}
    for node in way[1:]:
        if node.kind == "layer":
            layers.append(node)
            heads.append(node)
        elif node.kind == "join" and len(layers) > 1:
            heads[-1] = node
        place[node.index] = len(layers) - 1
    previous = {node.index: before.index for before, node in pairwise(way)}
    return Chain(tuple(layers), tuple(heads), place, previous)


def extended(chain: Chain, nodes: Mapping[int, Node], readers: Mapping[int, int]) -> Chain:
    """The chain with the plain layers before it whose output has the same spatial size.

    Sparse random links do not always reach the first layer of a cell.

    Args:
        chain: Of a cell with concatenations.
        nodes: The whole graph, by index.
        readers: How many nodes read each node.
    """
    added: list[Node] = []
    first = chain.layers[0]
    while first.kind == "layer" and len(first.sources) == 1:
        before = nodes[next(iter(first.sources))]
        is_plain = before.kind == "layer" and len(before.sources) == 1
        has_size = first.size is not None and before.size is not None
        if not is_plain or readers[before.index] != 1 or (has_size and first.size != before.size):
            break
        added.insert(0, before)
        first = before
    place = {index: n + len(added) for index, n in chain.place.items()}
    place |= {node.index: n for n, node in enumerate(added)}
    return Chain((*added, *chain.layers), (*added, *chain.heads), place, chain.previous)


def merged(chain: Chain, readers: Mapping[int, int]) -> Chain:
    """The chain with every depthwise convolution merged into the plain layers beside it.

    Alone it mixes no channels: with its neighbours it is one (separable) convolution. So no place
    gets two of them; of a row, each takes the layers behind it.
    """
    layers, heads = [chain.layers[0]], [chain.heads[0]]
    new_place = [0]
    last_layer, has_depthwise = layers[0], layers[0].is_depthwise
    for layer, head in zip(chain.layers[1:], chain.heads[1:], strict=True):
        last = heads[-1]
        is_plain = set(layer.sources) == {last.index} and readers[last.index] == 1
        is_separable = not has_depthwise if layer.is_depthwise else last_layer.is_depthwise
        if is_plain and last.kind == "layer" and is_separable:
            heads[-1] = head
            has_depthwise |= layer.is_depthwise
        else:
            layers.append(layer)
            heads.append(head)
            has_depthwise = layer.is_depthwise
        last_layer = layer
        new_place.append(len(heads) - 1)
    place = {index: new_place[n] for index, n in chain.place.items()}
    return Chain(tuple(layers), tuple(heads), place, chain.previous)
