"""Which nodes of a network share their channels, and which must keep all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from torch import nn

from nnmass.nets import PadShortcut
from nnmass.tracing import ChannelList, ChannelReading, ChannelUse


class Components:
    """Sets of nodes that share channel indices, found in one pass over the uses of channels.

    Attributes:
        why: For the root of each set that must stay whole, the reason.
        shortcuts: For each padded shortcut its path, the node that it reads, the node that it is
            added to, and the zero channels before.
    """

    def __init__(self, reading: ChannelReading, modules: Mapping[str, nn.Module]) -> None:
        self._modules = modules
        self._odd = _odd_weights(modules)
        self._widths = reading.widths
        self._parent = list(range(len(reading.widths)))
        self._calls = Counter(
            use.path for use in reading.uses if use.kind in ("convolution", "linear", "norm")
        )
        self._pads: dict[int, list[ChannelUse]] = {}
        self.why: dict[int, str] = {}
        self.shortcuts: list[tuple[str, int, int, int]] = []
        for node in reading.inputs:
            self.keep(node, "they are the input of the network")
        for use in reading.uses:
            self._take(use)

    def root(self, node: int) -> int:
        """The node that stands for the set of ``node``."""
        while self._parent[node] != node:
            self._parent[node] = self._parent[self._parent[node]]
            node = self._parent[node]
        return node

    def keep(self, node: int, why: str) -> None:
        """The channels of ``node`` must all stay; the first reason is told."""
        self.why.setdefault(self.root(node), why)

    def _tie(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        if low != high:
            self._parent[high] = low
            reason = self.why.pop(high, None)
            if reason is not None:
                self.why.setdefault(low, reason)

    def _take(self, use: ChannelUse) -> None:
        if use.kind in ("convolution", "linear"):
            self._take_layer(use)
        elif use.kind == "norm":
            self._take_norm(use)
        elif use.kind == "elementwise":
            self._take_elementwise(use)
        elif use.kind == "pad":
            self._pads.setdefault(use.touched[0], []).append(use)
        elif use.kind == "output":
            self._keep_all(use, "they are the output of the network")
        else:
            self._keep_all(use, f"{use.operation} in {_place(use)} mixes or moves channels")

    def _keep_all(self, use: ChannelUse, why: str) -> None:
        for node in (*use.touched, *(() if use.node is None else (use.node,))):
            self.keep(node, why)

    def _take_layer(self, use: ChannelUse) -> None:
        module = self._modules.get(use.path)
        expected = nn.Linear if use.kind == "linear" else nn.Conv1d | nn.Conv2d | nn.Conv3d
        kind = type(module).__name__
        if not isinstance(module, expected):
            self._keep_all(
                use, f"the weights of {_place(use)} ({kind}) are used in a way of its own"
            )
        elif use.path in self._odd:
            self._keep_all(use, f"{use.path} ({kind}) {self._odd[use.path]}")
        elif self._calls[use.path] > 1:
            self._keep_all(use, f"{use.path} ({kind}) is called more than once")
        elif not self._is_whole(use.reads[0]):
            self._keep_all(
                use, f"{use.path} ({kind}) reads some of these channels, or in another order"
            )
        elif use.groups > 1:
            self._take_grouped(use, kind)

    def _take_grouped(self, use: ChannelUse, kind: str) -> None:
        assert use.node is not None and use.reads[0] is not None  # a layer makes a node
        node = self._single(use.reads[0])
        if node is not None and use.groups == self._widths[node] == self._widths[use.node]:
            self._tie(node, use.node)
        else:
            why = f"{use.path} ({kind}) works in {use.groups} groups, which are not narrowed"
            self._keep_all(use, why)

    def _take_norm(self, use: ChannelUse) -> None:
        module = self._modules.get(use.path)
        kind = type(module).__name__
        if not isinstance(module, nn.modules.batchnorm._BatchNorm):
            self._keep_all(use, f"{_place(use)} ({kind}) has statistics over several channels")
        elif use.path in self._odd:
            self._keep_all(use, f"{use.path} ({kind}) {self._odd[use.path]}")
        elif self._calls[use.path] > 1:
            self._keep_all(use, f"{use.path} ({kind}) is called more than once")
        elif not self._is_whole(use.reads[0]):
            self._keep_all(
                use, f"{use.path} ({kind}) reads some of these channels, or in another order"
            )

    def _take_elementwise(self, use: ChannelUse) -> None:
        """Summands, factors and gates have the same channels, position by position."""
        if use.with_weights and self._adds_bias(use):
            return
        if use.with_weights:
            self._keep_all(use, f"{_place(use)} has numbers of its own for each of them")
            return
        nodes = list[int]()
        for read in use.reads:
            node = self._single(read)
            if node is None and read is not None and self._take_shortcut(use, read):
                continue
            if node is None:
                self._keep_all(
                    use, f"{use.operation} in {_place(use)} joins channels of different places"
                )
                return
            if len(read or ()) == 1 or self._widths[node] > 1:
                nodes.append(node)
        nodes += [] if use.node is None else [use.node]
        for node in nodes[1:]:
            self._tie(nodes[0], node)

    def _adds_bias(self, use: ChannelUse) -> bool:
        """A linear layer over more than two axes adds its bias by itself."""
        is_sum = use.operation == "add" and len(use.reads) == 1
        return is_sum and isinstance(self._modules.get(use.path), nn.Linear)

    def _take_shortcut(self, use: ChannelUse, read: ChannelList) -> bool:
        """A padded shortcut of ours is made afresh for every width."""
        real = np.flatnonzero(read.nodes >= 0)
        if not len(real) or use.node is None:
            return False
        node = int(read.nodes[real[0]])
        inside = ChannelList(read.nodes[real], read.channels[real])
        is_run = real[-1] - real[0] + 1 == len(real)
        pads = [pad for pad in self._pads.get(node, ()) if self._is_ours(pad)]
        for pad in pads:
            if is_run and self._single(inside) == node and use.path.startswith(_parent(pad.path)):
                self.shortcuts.append((pad.path, node, use.node, int(real[0])))
                self._pads[node].remove(pad)
                return True
        return False

    def _is_ours(self, pad: ChannelUse) -> bool:
        return isinstance(self._modules.get(pad.path), PadShortcut)

    def _single(self, read: ChannelList | None) -> int | None:
        """The node whose channels, all of them and in order, ``read`` is; or a single channel."""
        if read is None or not len(read) or read.nodes[0] < 0:
            return None
        node, width = int(read.nodes[0]), self._widths[int(read.nodes[0])]
        if (read.nodes != node).any():
            return None
        if width == 1 and not read.channels.any():
            return node
        return node if np.array_equal(read.channels, np.arange(width)) else None

    def _is_whole(self, read: ChannelList | None) -> bool:
        """Nodes one after the other, each with all channels in order, each channel k times."""
        if read is None or (read.nodes < 0).any():
            return False
        starts = np.flatnonzero(np.diff(read.nodes, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(read)], strict=True):
            width = self._widths[int(read.nodes[start])]
            times, rest = divmod(int(end - start), width)
            expected = np.repeat(np.arange(width), times)
            if rest or not self._is_repeated(read.channels[start:end], expected, width, times):
                return False
        return True

    @staticmethod
    def _is_repeated(
        channels: np.ndarray[tuple[int], np.dtype[np.int64]],
        expected: np.ndarray[tuple[int], np.dtype[np.int64]],
        width: int,
        times: int,
    ) -> bool:
        """Channel by channel (flattened), or the whole node again (concatenated with itself)."""
        tiled = np.tile(np.arange(width), times)
        return np.array_equal(channels, expected) or np.array_equal(channels, tiled)


def _odd_weights(modules: Mapping[str, nn.Module]) -> dict[str, str]:
    """Why the weights of a module, by its path, cannot be cut where they lie."""
    kinds = (nn.Linear, nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm)
    users = Counter(
        id(tensor) for module in modules.values() for tensor in module._parameters.values()
    )
    odd = {}
    for path, module in modules.items():
        if isinstance(module, kinds) and "weight" not in module._parameters:
            odd[path] = "computes its weights from others"
        shared = (t for t in module._parameters.values() if t is not None and users[id(t)] > 1)
        if next(shared, None) is not None:
            odd[path] = "shares its weights with another module"
    return odd


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _place(use: ChannelUse) -> str:
    return use.path or "the network itself"
