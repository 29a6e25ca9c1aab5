"""NN-Mass of any graph by brute force: every path and every way is written out.

Nothing here knows torch or how a network is traced. A graph is plain data; the cells come from
removing nodes one at a time, the chain from listing all paths, the links from listing all ways.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

SINK = -1


@dataclass(frozen=True)
class Node:
    """``kind`` is "input", "layer" or "join"; ``side`` is ``None`` for linear layers."""

    kind: str
    width: int
    side: int | None = None
    is_depthwise: bool = False
    name: str = ""


@dataclass
class Graph:
    """Nodes by number (0 is the network input) and channels by (from, to); `SINK` is the output."""

    nodes: list[Node] = field(default_factory=list)
    edges: dict[tuple[int, int], int] = field(default_factory=dict)

    def add(self, node, channels=()):
        """A node that reads these (node, channel) pairs; a pair read twice counts once."""
        self.nodes.append(node)
        self.read(len(self.nodes) - 1, channels)
        return len(self.nodes) - 1

    def read(self, number, channels):
        for source, count in Counter(u for u, _ in {c for c in channels if c}).items():
            self.edges[source, number] = count

    def without(self, node):
        return {edge for edge in self.edges if node not in edge}

    def kept(self):
        """The same graph with only what lies on some way from input to output."""
        alive = reached(self.edges, 0) & reached({(v, u) for u, v in self.edges}, SINK)
        edges = {e: n for e, n in self.edges.items() if alive.issuperset(e)}
        return Graph(self.nodes, edges), alive

    def readers(self, node):
        return sorted(v for u, v in self.edges if u == node)

    def reads(self, node):
        return sorted(u for u, v in self.edges if v == node)

    def is_layer(self, node):
        return node != SINK and self.nodes[node].kind == "layer"

    def is_join(self, node):
        return node != SINK and self.nodes[node].kind == "join"


def reached(edges, start):
    seen, todo = {start}, deque([start])
    while todo:
        at = todo.popleft()
        new = {v for u, v in edges if u == at} - seen
        seen |= new
        todo.extend(new)
    return seen


def all_paths(graph, start, end):
    if start == end:
        yield (end,)
        return
    for after in graph.readers(start):
        for rest in all_paths(graph, after, end):
            yield (start, *rest)


@dataclass(frozen=True)
class OracleCell:
    """What a cell must be. ``links`` holds (source, target, has_layer, channels), summed up."""

    kind: str
    widths: tuple[int, ...]
    links: frozenset[tuple[int, int, bool, int]]
    is_ratio_one: bool
    names: tuple[str | None, ...]
    unclear: tuple[str, ...] = ()

    def mass(self, *, count_projections=True, ratio_one="released"):
        widths = self.widths
        if self.is_ratio_one and ratio_one == "released":
            widths = (widths[0], *widths)
        n = len(widths)
        candidates = sum(sum(widths[: i - 1]) for i in range(2, n))
        if not candidates:
            return Fraction(0)
        drops = self.kind == "addition" and not count_projections
        links = sum(count for *_, has_layer, count in self.links if not (drops and has_layer))
        if self.kind == "addition":
            return Fraction(links, candidates) * sum(widths[:-1])
        return Fraction(links, candidates) * n * Fraction(sum(widths[:-1]), n - 1)


@dataclass(frozen=True)
class OracleTopology:
    """For each cell the answers that the rule allows (more than one only where paths tie)."""

    cells: tuple[frozenset[OracleCell], ...]
    depth: int
    n_nodes: int
    n_edges: int


def solve(graph):
    graph, alive = graph.kept()
    order = [*sorted(alive - {SINK}), SINK]
    cuts = [n for n in order if n in (0, SINK) or SINK not in reached(graph.without(n), 0)]
    cells = []
    for p, q in pairwise(cuts):
        inside = [n for n in order if order.index(p) < order.index(n) < order.index(q)]
        if inside:
            cells.append(frozenset(cells_between(graph, p, q)))
    longest = {SINK: 0}
    for node in reversed(order[:-1]):
        longest[node] = graph.is_layer(node) + max(longest[v] for v in graph.readers(node))
    return OracleTopology(
        cells=tuple(cells),
        depth=longest[0],
        n_nodes=len(alive) - 1,
        n_edges=sum(v != SINK for _, v in graph.edges),
    )


def cells_between(graph, p, q):
    def score(path):
        layers = [n for n in path[1:] if graph.is_layer(n)]
        return len(layers), sum(graph.nodes[n].width for n in layers)

    paths = list(all_paths(graph, p, q))
    best = max(map(score, paths))
    inside = {n for path in paths for n in path[1:-1]}
    for path in paths:
        if score(path) == best:
            yield one_cell(graph, path, inside)


def one_cell(graph, path, inside):
    p, q = path[0], path[-1]
    unclear = []
    positions = [[p]]  # the graph nodes of each position, the last one gives the width
    for node in path[1:]:
        if node == SINK:
            continue
        if graph.is_layer(node):
            positions.append([node])
        elif len(positions) > 1:
            positions[-1].append(node)
        elif node == q:
            unclear.append("no layer before the join")
    kind = "addition"
    layers = [n for n in inside if graph.is_layer(n)]
    is_read = any(len(graph.reads(n)) > 1 for n in layers)
    is_added = any(map(graph.is_join, inside))
    if graph.is_layer(q) or (q == SINK and (is_read or not is_added)):
        kind = "concatenation"
        positions = extended(graph, positions)
        positions = merged(graph, positions, unclear)
    links = all_links(graph, path, positions)
    return OracleCell(
        kind=kind,
        widths=tuple(graph.nodes[group[-1]].width for group in positions),
        links=frozenset((*key, n) for key, n in links.items()),
        is_ratio_one=kind == "addition" and ratio_one(graph, positions, links, unclear),
        names=tuple(graph.nodes[g[0]].name if len(g) == 1 else None for g in positions),
        unclear=tuple(unclear),
    )


def all_links(graph, path, positions):
    """Channels by (source, target, has_layer)."""
    place = {node: i for i, group in enumerate(positions) for node in group}
    links: Counter = Counter()
    for node, i in place.items():
        if graph.is_layer(node):
            for u in graph.reads(node):
                if u in place and place[u] <= i - 2:
                    links[place[u], i, False] += graph.edges[u, node]
        elif graph.is_join(node) and node in path[1:]:
            own = path[path.index(node) - 1]
            for u in set(graph.reads(node)) - {own}:
                widest: dict[int, tuple[int, bool]] = {}
                for start, has_layer, carried in ways_back(graph, place, u, node):
                    s = place[start]
                    widest[s] = max(widest.get(s, (0, False)), (carried, not has_layer))
                for s, (carried, is_plain) in widest.items():
                    if s <= i - 2:
                        links[s, i, not is_plain] += carried
    return within_widths(links, [graph.nodes[group[-1]].width for group in positions])


def within_widths(links, widths):
    """No pair of nodes is linked by more channels than the earlier one has; bare ways first."""
    kept = Counter()
    for s, i in {(s, i) for s, i, _ in links}:
        bare = min(links[s, i, False], widths[s])
        kept[s, i, False] = bare
        kept[s, i, True] = min(links[s, i, True], widths[s] - bare)
    return +kept


def ways_back(graph, place, u, node):
    """Every way from a chain node over ``u`` into ``node``: start, has a layer, channels."""
    carried = min(graph.edges[u, node], graph.nodes[u].width)
    if u in place:
        yield u, False, carried
        return
    for before in graph.reads(u):
        for start, has_layer, channels in ways_back(graph, place, before, u):
            yield start, has_layer or graph.is_layer(u), min(channels, carried)


def extended(graph, positions):
    positions = list(positions)
    while True:
        v = positions[0][0]
        reads = graph.reads(v)
        if not graph.is_layer(v) or len(reads) != 1:
            return positions
        u = reads[0]
        if not graph.is_layer(u) or graph.readers(u) != [v] or len(graph.reads(u)) != 1:
            return positions
        sides = {graph.nodes[u].side, graph.nodes[v].side}
        if None not in sides and len(sides) > 1:
            return positions
        positions.insert(0, [u])


def merged(graph, positions, unclear):
    groups = [positions[0]]
    for before, group in pairwise(positions):
        u, v = before[-1], group[0]
        is_alone = graph.reads(v) == [u] and graph.readers(u) == [v]
        is_depthwise = any(graph.nodes[n].is_depthwise for n in (*before, *group))
        if any(graph.nodes[n].is_depthwise for n in group):  # one to a place
            is_depthwise = not any(graph.nodes[n].is_depthwise for n in groups[-1])
        if is_alone and is_depthwise and len(before) + len(group) > 2:
            unclear.append("a depthwise layer beside a join")
        if is_alone and is_depthwise:
            groups[-1] = [*groups[-1], *group]
        else:
            groups.append(group)
    return groups


def ratio_one(graph, positions, links, unclear):
    if len(positions) != 3 or not graph.nodes[positions[1][0]].is_depthwise:
        return False
    p, end = positions[0][0], positions[2][-1]
    if not links or any(has_layer for _, _, has_layer in links):
        return False
    is_plain = graph.edges.get((p, end)) == graph.nodes[p].width == graph.nodes[end].width
    is_only = len(links) == 1 and sorted(graph.reads(end)) == sorted({p, positions[2][0]})
    if not (is_plain and is_only) or graph.nodes[positions[2][0]].is_depthwise:
        unclear.append("not plainly an inverted residual")
    return is_plain and is_only
