"""Forward and backward pass of a pack, written out: no graph, no new tensors of the large kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nnmass.nets import DenseMLPNet
from nnmass.train._pack import Layout, Routes, is_plain_reader


def _elu_slope(grad: Tensor, out: Tensor) -> Tensor:
    return grad.addcmul_(grad, out.clamp(max=0))  # exp(z) = elu(z) + 1 where z <= 0


def _relu_slope(grad: Tensor, out: Tensor) -> Tensor:
    return grad.mul_(out > 0)


def _tanh_slope(grad: Tensor, out: Tensor) -> Tensor:
    return grad.addcmul_(grad * out, out, value=-1)


_ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": lambda z: F.elu(z, inplace=True),
    "relu": torch.relu_,
    "tanh": torch.tanh_,
}
"""In place."""

_SLOPE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "elu": _elu_slope,
    "relu": _relu_slope,
    "tanh": _tanh_slope,
}
"""A gradient times the slope, in place, from what the activation gave."""


class Workspace:
    """The buffers of one batch size.

    Networks that share a seed share their images; they lie next to each other, a group.

    Args:
        nets: The networks, group by group.
        layout: Of their weights.
        routes: Of their links.
        groups: Networks of each group.
        batch_size: Images of a batch.
        like: Gives the number format and the device.
        is_training: False keeps no more than a forward pass needs.
    """

    def __init__(
        self,
        nets: Sequence[DenseMLPNet],
        layout: Layout,
        routes: Routes,
        *,
        groups: Sequence[int],
        batch_size: int,
        like: Tensor,
        is_training: bool,
    ) -> None:
        self.layout, self.routes, self.batch_size = layout, routes, batch_size
        self.is_legacy = nets[0].is_legacy
        activation = str(nets[0].spec.values()["act"])
        self.activate, self.slope = _ACTIVATE[activation], _SLOPE[activation]
        self.is_plain = [is_plain_reader(nets[0], layer) for layer in range(len(layout.shapes))]
        n, self.width, _ = layout.shapes[0]
        self.bounds = [0, *torch.tensor(groups).mul(self.width).cumsum(0).tolist()]
        self.block = n * self.width
        n_rows = (len(layout.shapes) - 1) * self.block
        # What is read plainly differs from what is read activated in legacy wiring alone.
        self.active = _rows_of_activations(like, n_rows, batch_size)
        self.stored = (
            _rows_of_activations(like, n_rows, batch_size) if self.is_legacy else self.active
        )
        n_read = routes.starts[-1] if is_training else max(map(len, routes.reads))
        self.read = like.new_empty(n_read, batch_size)
        self.grad_read = like.new_empty(n_read if is_training else 0, batch_size)
        self.logits = like.new_empty(n, layout.shapes[-1][1], batch_size)
        self.is_training = is_training

    def _block(self, rows: Tensor, layer: int) -> Tensor:
        """Rows of one layer, (networks * width, batch)."""
        return rows[layer * self.block : (layer + 1) * self.block]

    def _part(self, rows: Tensor, layer: int) -> Tensor:
        """What one layer after the first reads, (networks * columns, batch)."""
        if not self.is_training:
            return rows[: len(self.routes.reads[layer - 1])]
        return rows[self.routes.starts[layer - 1] : self.routes.starts[layer]]

    def forward(self, flat: Tensor, images: Sequence[Tensor]) -> Tensor:
        """Logits (networks, classes, batch).

        Args:
            flat: The weights.
            images: Of each group, (batch, inputs + 1), the last column ones.
        """
        weights = self.layout.views(flat)
        n, last = self.layout.shapes[0][0], len(weights) - 1
        first, out = weights[0].view(self.block, -1), self._block(self.stored, 0)
        for group, x in enumerate(images):
            mine = slice(self.bounds[group], self.bounds[group + 1])
            torch.mm(first[mine], x.t(), out=out[mine])
        if self.is_legacy:
            self.activate(out)
        self._activate(0)
        for layer in range(1, last + 1):
            read = self._part(self.read, layer)
            source = self.stored if self.is_plain[layer] else self.active
            torch.index_select(source, 0, self.routes.reads[layer - 1], out=read)
            x = read.view(n, -1, self.batch_size)
            if layer == last:
                break
            out = self._block(self.stored, layer)
            torch.bmm(weights[layer], x, out=out.view(n, self.width, self.batch_size))
            self._activate(layer)
        return torch.bmm(weights[last], x, out=self.logits)

    def _activate(self, layer: int) -> None:
        out = self._block(self.active, layer)
        if self.is_legacy:
            out.copy_(self._block(self.stored, layer))
        self.activate(out)

    def backward(
        self, flat: Tensor, images: Sequence[Tensor], grad_logits: Tensor, grad: Tensor
    ) -> None:
        """Fill ``grad``, of the layout of ``flat``, after `forward` with the same arguments."""
        weights, grads = self.layout.views(flat), self.layout.views(grad)
        n = self.layout.shapes[0][0]
        upper = grad_logits
        for layer in range(len(weights) - 1, 0, -1):
            read = self._part(self.read, layer).view(n, -1, self.batch_size)
            grad_read = self._part(self.grad_read, layer).view(n, -1, self.batch_size)
            torch.bmm(upper, read.transpose(1, 2), out=grads[layer])
            torch.bmm(weights[layer].transpose(1, 2), upper, out=grad_read)
            lower = self._grad_stored(layer - 1)
            upper = lower.view(n, self.width, self.batch_size)
        first = grads[0].view(self.block, -1)
        if self.is_legacy:
            lower = self.slope(lower, self._block(self.stored, 0))
        for group, x in enumerate(images):
            mine = slice(self.bounds[group], self.bounds[group + 1])
            torch.mm(lower[mine], x, out=first[mine])

    def _grad_stored(self, layer: int) -> Tensor:
        """The gradient of what a layer stored: the sum over all that read it."""
        grad = self._sum(self.routes.active[layer])
        grad = self.slope(grad, self._block(self.active, layer))
        return grad.add_(self._sum(self.routes.plain[layer])) if self.is_legacy else grad

    def _sum(self, readers: tuple[Tensor, Tensor]) -> Tensor:
        rows, bounds = readers
        return F.embedding_bag(rows, self.grad_read, bounds, mode="sum", include_last_offset=True)


def _rows_of_activations(like: Tensor, n_rows: int, batch_size: int) -> Tensor:
    rows = like.new_zeros(n_rows + 2, batch_size)
    rows[-1] = 1
    return rows


def losses_and_slopes(
    logits: Tensor, labels: Tensor, *, label_smoothing: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean cross entropy of each network, its gradient, and how many images are told right.

    Args:
        logits: (networks, classes, batch).
        labels: int64 (networks, batch).
        label_smoothing: In [0, 1).

    Returns:
        (networks,), (networks, classes, batch), (networks,).
    """
    n_classes, batch_size = logits.shape[1:]
    log_p = torch.log_softmax(logits, 1)
    index = labels.unsqueeze(1)
    picked = log_p.gather(1, index).squeeze(1)
    losses = picked.mean(1).neg_()
    # argmax over a middle dimension is slower than all else here; ties count as right.
    correct = (picked >= log_p.amax(1)).sum(1)
    if label_smoothing:
        losses.mul_(1 - label_smoothing).sub_(log_p.mean((1, 2)), alpha=label_smoothing)
    slopes = log_p.exp_()
    if label_smoothing:
        slopes.sub_(label_smoothing / n_classes)
    slopes.scatter_add_(
        1, index, slopes.new_full((1, 1, 1), label_smoothing - 1).expand(index.shape)
    )
    return losses, slopes.div_(batch_size), correct
