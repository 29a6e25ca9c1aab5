"""The graph of nodes that a recording builds: weight layers, additions, and what mixes channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nnmass.tracing._weight_layer import LayerShape

NodeKind = Literal["input", "layer", "join", "mix", "unread", "output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the graph.

    Attributes:
        index: Its number; sources have smaller ones.
        kind: ``input``; ``layer`` (convolution or linear, with weights); ``join`` (an addition);
            ``mix`` (channels are mixed by something else: attention, a product or a mean of
            channels); ``unread`` (an operation without a rule); ``output``.
        name: Module path of where it happened.
        width: Channels that it gives.
        sources: For each node that it reads, how many distinct channels of it.
        size: Spatial size of its output; ``None`` where there is none (linear layers).
        is_depthwise: A layer that reads, for each channel, that channel alone.
        why: For ``mix`` and ``unread``: what happened there.
        shape: Of a weight layer.
    """

    index: int
    kind: NodeKind
    name: str
    width: int
    sources: Mapping[int, int]
    size: tuple[int, ...] | None = None
    is_depthwise: bool = False
    why: str = ""
    shape: LayerShape | None = None


class Graph:
    """Nodes in the order in which they came to be."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._names: Counter[str] = Counter()

    def add(
        self,
        kind: NodeKind,
        name: str,
        *,
        width: int,
        sources: Mapping[int, int] | None = None,
        size: Sequence[int] | None = None,
        is_depthwise: bool = False,
        why: str = "",
        shape: LayerShape | None = None,
    ) -> int:
        """Add a node and return its number; a name that was there before gets ``#2``, ``#3``, .."""
        self._names[name] += 1
        times = self._names[name]
        node = Node(
            index=len(self.nodes),
            kind=kind,
            name=f"{name}#{times}" if times > 1 else name,
            width=width,
            sources=sources or {},
            size=None if size is None else tuple(size),
            is_depthwise=is_depthwise,
            why=why,
            shape=shape,
        )
        self.nodes.append(node)
        return node.index
