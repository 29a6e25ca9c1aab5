"""Many dense MLPs of one width and depth as one: their weights side by side in one flat tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nnmass.nets import DenseMLPNet

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each network's weights lie in a flat tensor.

    A layer's matrix has one column for each row that it reads, then columns that read zeros (as
    many as its widest network needs), and last the bias, which reads ones.

    Attributes:
        shapes: Of each layer: (networks, outputs, columns).
    """

    shapes: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, nets: Sequence[DenseMLPNet]) -> Layout:
        """The layout of these networks, in this order."""
        shapes = []
        for same in zip(*map(linear_layers, nets), strict=True):
            most = max(layer.in_features for layer in same)
            shapes.append((len(nets), same[0].out_features, most + 1))
        return cls(tuple(shapes))

    @property
    def size(self) -> int:
        """Numbers in the flat tensor."""
        return sum(n * out * columns for n, out, columns in self.shapes)

    def views(self, flat: Tensor) -> list[Tensor]:
        """The layers of a flat tensor, each (networks, outputs, columns)."""
        sizes = [n * out * columns for n, out, columns in self.shapes]
        return [p.view(s) for p, s in zip(flat.split(sizes), self.shapes, strict=True)]

    def gathered(self, nets: Sequence[DenseMLPNet], flat: Tensor) -> Tensor:
        """``flat``, filled with the weights of the networks."""
        flat.zero_()
        for row, net in enumerate(nets):
            for view, layer in zip(self.views(flat), linear_layers(net), strict=True):
                view[row, :, : layer.in_features].copy_(layer.weight.detach())
                view[row, :, -1].copy_(layer.bias.detach())
        return flat

    def hand_back(self, flat: Tensor, row: int, net: DenseMLPNet) -> None:
        """Put the weights of one network of ``flat`` into its module."""
        for view, layer in zip(self.views(flat), linear_layers(net), strict=True):
            layer.weight.data.copy_(view[row, :, : layer.in_features])
            layer.bias.data.copy_(view[row, :, -1])

    def bias_free(self, flat: Tensor, value: float) -> Tensor:
        """``flat``, filled with ``value`` at weights and with zeros at biases."""
        flat.fill_(value)
        for view in self.views(flat):
            view[:, :, -1] = 0
        return flat


def linear_layers(net: DenseMLPNet) -> list[nn.Linear]:
    """The layers of a network, the classifier last."""
    return [layer for layer in net.layers if isinstance(layer, nn.Linear)]


def transfer(
    source: tuple[Layout, Tensor], rows: Tensor, target: tuple[Layout, Tensor], to: Tensor
) -> None:
    """Copy the networks ``rows`` of one flat tensor to the places ``to`` of another."""
    pairs = zip(source[0].views(source[1]), target[0].views(target[1]), strict=True)
    for old, new in pairs:
        # Columns beyond the narrower of the two read zeros, and hold zeros.
        n = min(old.shape[2], new.shape[2]) - 1
        chosen = old[rows]
        new[to, :, :n] = chosen[:, :, :n]
        new[to, :, -1] = chosen[:, :, -1]


@dataclass(frozen=True, slots=True)
class Routes:
    """Which row of the activations every layer of every network reads, and the way back.

    The activations of all networks are rows of one tensor: layer by layer, network by network,
    channel by channel, then a row of zeros and one of ones. What the layers read are rows of
    another: layer by layer, network by network, column by column.

    Attributes:
        reads: For each layer after the first, the rows it reads, of all networks: int64
            (networks * columns,).
        starts: Where each layer's part of the rows that are read begins, and the end.
        active: For each layer that others read, the rows that read its channels after their
            activation, and where each channel's readers begin and end: a CSR list.
        plain: The same for readers that read before the activation (``legacy`` wiring).
    """

    reads: list[Tensor]
    starts: list[int]
    active: list[tuple[Tensor, Tensor]]
    plain: list[tuple[Tensor, Tensor]]

    @classmethod
    def of(
        cls,
        nets: Sequence[DenseMLPNet],
        layout: Layout,
        *,
        device: torch.device,
    ) -> Routes:
        """The routes of networks in this order."""
        depth, width = len(layout.shapes), layout.shapes[0][1]
        n_rows = (depth - 1) * len(nets) * width
        reads = [_rows_read(nets, layer, layout) for layer in range(1, depth)]
        starts = [0, *np.cumsum([rows.size for rows in reads]).tolist()]
        is_plain = [is_plain_reader(nets[0], layer) for layer in range(1, depth)]

        def back(*, plain: bool) -> list[tuple[Tensor, Tensor]]:
            chosen = [index for index, flag in enumerate(is_plain) if flag == plain]
            sources = np.concatenate([np.empty(0, np.int64), *(reads[i] for i in chosen)])
            readers = np.concatenate(
                [np.empty(0, np.int64), *(np.arange(starts[i], starts[i + 1]) for i in chosen)]
            )
            lists = _readers(sources, readers, n_rows, step=len(nets) * width)
            return [(_on(rows, device), _on(bounds, device)) for rows, bounds in lists]

        return cls(
            reads=[_on(rows, device) for rows in reads],
            starts=starts,
            active=back(plain=False),
            plain=back(plain=True),
        )


def is_plain_reader(net: DenseMLPNet, layer: int) -> bool:
    """The layer reads what is stored, not its activation (two layers of ``legacy`` wiring)."""
    return net.is_legacy and layer in (1, len(net.layers) - 1)


def _on(array: Index, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _rows_read(nets: Sequence[DenseMLPNet], layer: int, layout: Layout) -> Index:
    """Rows of the activations, (networks * columns,)."""
    depth, width = len(layout.shapes), layout.shapes[0][1]
    n_rows = (depth - 1) * len(nets) * width
    rows = np.full((len(nets), layout.shapes[layer][2]), n_rows, dtype=np.int64)
    rows[:, -1] = n_rows + 1
    for index, net in enumerate(nets):
        before = np.arange(width) + (layer - 1) * width
        channels = np.concatenate([before, net.links.wiring[layer]])
        source, channel = np.divmod(channels, width)
        rows[index, : channels.size] = (source * len(nets) + index) * width + channel
    return rows.ravel()


def _readers(
    sources: Index, readers: Index, n_rows: int, *, step: int
) -> list[tuple[Index, Index]]:
    """For each ``step`` rows of the activations: their readers, row after row, and the bounds."""
    is_real = sources < n_rows
    sources, readers = sources[is_real], readers[is_real]
    order = np.argsort(sources, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=n_rows))])
    lists = []
    for first, end in pairwise(range(0, n_rows + 1, step)):
        mine = bounds[first : end + 1]
        lists.append((readers[order[mine[0] : mine[-1]]], (mine - mine[0]).astype(np.int64)))
    return lists
