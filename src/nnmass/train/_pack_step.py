"""Forward and backward pass of a pack, written out: no graph, no new tensors of the large kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from nnmass.nets import DenseMLPNet
from nnmass.train._pack import Layout, Routes, is_plain_reader


def _elu(z: Tensor, out: Tensor, spare: Tensor) -> None:
    # Twice as fast as PyTorch's elu: exp is cheaper than expm1. exp(z) - 1 >= z, so the larger one
    # is elu; what is not a number stays so.
    torch.clamp(z, max=0, out=spare)
    torch.maximum(z, spare.exp_().sub_(1), out=out)


def _elu_slope(grad: Tensor, out: Tensor, spare: Tensor) -> None:
    torch.clamp(out, max=0, out=spare)  # exp(z) = elu(z) + 1 where z <= 0
    grad.addcmul_(grad, spare)


def _relu(z: Tensor, out: Tensor, spare: Tensor) -> None:
    torch.clamp(z, min=0, out=out)


def _relu_slope(grad: Tensor, out: Tensor, spare: Tensor) -> None:
    grad.mul_(torch.sign(out, out=spare))


def _tanh(z: Tensor, out: Tensor, spare: Tensor) -> None:
    torch.tanh(z, out=out)


def _tanh_slope(grad: Tensor, out: Tensor, spare: Tensor) -> None:
    torch.mul(grad, out, out=spare)
    grad.addcmul_(spare, out, value=-1)


_InPlace = Callable[[Tensor, Tensor, Tensor], None]

_ACTIVATE: dict[str, _InPlace] = {"elu": _elu, "relu": _relu, "tanh": _tanh}
"""From z into ``out``, which may be z itself; the last tensor holds what is in between."""

_SLOPE: dict[str, _InPlace] = {"elu": _elu_slope, "relu": _relu_slope, "tanh": _tanh_slope}
"""A gradient times the slope, in place, from what the activation gave."""


class Workspace:
    """The buffers of one batch size, and the views of them that a step needs.

    New tensors of this size would be fetched from the system and given back at every step, which
    costs more than the arithmetic. What a layer reads is gathered again on the way back: that is
    faster than to keep it for all layers, which no cache holds.

    Args:
        nets: The networks, group by group: those of one seed share their images.
        layout: Of their weights.
        routes: Of their links.
        groups: Networks of each group.
        batch_size: Images of a batch.
        like: Gives the number format and the device.
        is_training: False has no buffers for a backward pass.
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
        self.routes, self.is_legacy = routes, nets[0].is_legacy
        activation = str(nets[0].spec.values()["act"])
        self.activate, self.slope = _ACTIVATE[activation], _SLOPE[activation]
        n, width, n_columns = layout.shapes[0]
        bounds = [0, *accumulate(size * width for size in groups)]
        self.groups = [slice(a, b) for a, b in pairwise(bounds)]
        self.images = [like.new_ones(batch_size, n_columns) for _ in groups]
        block, last = n * width, len(layout.shapes) - 1

        def activations() -> Tensor:
            rows = like.new_zeros(last * block + 2, batch_size)
            rows[-1] = 1
            return rows

        # What is read before its activation is kept in legacy wiring alone.
        active = activations()
        stored = activations() if self.is_legacy else active
        self.active = list(active[:-2].split(block))
        self.stored = list(stored[:-2].split(block))
        self.spare = like.new_empty(block, batch_size)
        self.sources = [
            stored if is_plain_reader(nets[0], layer) else active for layer in range(last + 1)
        ]
        self.logits = like.new_empty(n, layout.shapes[-1][1], batch_size)
        read = like.new_empty(max(map(len, routes.reads)), batch_size)
        self.read = [read[: len(rows)] for rows in routes.reads]
        self.read_by_network = [_by_network(part, n) for part in self.read]
        self.stored_by_network = [_by_network(part, n) for part in self.stored]
        self.grad_read = like.new_empty(routes.starts[-1] if is_training else 0, batch_size)
        parts = self.grad_read.split([len(rows) for rows in routes.reads] * is_training)
        self.grad_by_network = [_by_network(part, n) for part in parts]

    def forward(self, weights: Sequence[Tensor]) -> Tensor:
        """Logits (networks, classes, batch) of ``images``.

        The images of each group are (batch, inputs + 1), their last column ones.

        Args:
            weights: Of each layer, from `Layout.views`.
        """
        last = len(weights) - 1
        first = weights[0].flatten(0, 1)
        for mine, x in zip(self.groups, self.images, strict=True):
            torch.mm(first[mine], x.t(), out=self.stored[0][mine])
        if self.is_legacy:
            self.activate(self.stored[0], self.stored[0], self.spare)
        self.activate(self.stored[0], self.active[0], self.spare)
        for layer in range(1, last):
            torch.bmm(weights[layer], self._gathered(layer), out=self.stored_by_network[layer])
            self.activate(self.stored[layer], self.active[layer], self.spare)
        return torch.bmm(weights[last], self._gathered(last), out=self.logits)

    def _gathered(self, layer: int) -> Tensor:
        """What a layer after the first reads, (networks, columns, batch)."""
        read, index = self.read[layer - 1], self.routes.reads[layer - 1]
        torch.index_select(self.sources[layer], 0, index, out=read)
        return self.read_by_network[layer - 1]

    def backward(
        self, weights: Sequence[Tensor], grad_logits: Tensor, grads: Sequence[Tensor]
    ) -> None:
        """Fill ``grads``, of the shapes of ``weights``, after `forward` with the same weights."""
        n, upper = len(weights[0]), grad_logits
        for layer in range(len(weights) - 1, 0, -1):
            torch.bmm(upper, self._gathered(layer).transpose(1, 2), out=grads[layer])
            lower = self.grad_by_network[layer - 1]
            torch.bmm(weights[layer].transpose(1, 2), upper, out=lower)
            grad = self._grad_stored(layer - 1)
            upper = _by_network(grad, n)
        if self.is_legacy:
            self.slope(grad, self.stored[0], self.spare)
        first = grads[0].flatten(0, 1)
        for mine, x in zip(self.groups, self.images, strict=True):
            torch.mm(grad[mine], x, out=first[mine])

    def _grad_stored(self, layer: int) -> Tensor:
        """The gradient of what a layer stored: the sum over all that read it."""
        grad = self._sum(self.routes.active[layer])
        self.slope(grad, self.active[layer], self.spare)
        return grad.add_(self._sum(self.routes.plain[layer])) if self.is_legacy else grad

    def _sum(self, readers: tuple[Tensor, Tensor]) -> Tensor:
        rows, bounds = readers
        return F.embedding_bag(rows, self.grad_read, bounds, mode="sum", include_last_offset=True)


def _by_network(rows: Tensor, n: int) -> Tensor:
    return rows.view(n, -1, rows.shape[1])


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
