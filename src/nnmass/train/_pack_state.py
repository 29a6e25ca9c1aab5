"""The networks of a pack that still train: weights, optimiser state, buffers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from nnmass.nets import DenseMLPNet
from nnmass.train._pack import Layout, Routes, transfer
from nnmass.train._pack_step import Workspace, losses_and_slopes
from nnmass.train._recipe import Recipe


@dataclass(slots=True, kw_only=True)
class PackState:
    """Networks side by side, those of one seed next to each other.

    Attributes:
        nets: The networks; their own weights stay as they were built.
        layout: Of the flat tensors.
        routes: Of the links.
        flat: The weights.
        grad: Their gradients.
        optimiser: Of all weights at once.
        decay: The weight decay of each weight; None where there is none.
        recipe: How they are trained.
        workspaces: By batch size and whether a backward pass follows.
    """

    nets: Sequence[DenseMLPNet]
    layout: Layout
    routes: Routes
    flat: Tensor
    grad: Tensor
    optimiser: torch.optim.Optimizer
    decay: Tensor | None
    recipe: Recipe
    workspaces: dict[tuple[int, bool], Workspace] = field(default_factory=dict)

    @classmethod
    def of(cls, nets: Sequence[DenseMLPNet], recipe: Recipe, *, like: Tensor) -> PackState:
        """The networks as they were built; ``like`` gives the number format and the device."""
        layout = Layout.of(nets)
        flat = layout.gathered(nets, like.new_empty(layout.size))
        grad = torch.zeros_like(flat)
        flat.grad = grad
        decay = None
        if recipe.weight_decay:
            decay = layout.bias_free(torch.empty_like(flat), recipe.weight_decay)
        return cls(
            nets=nets,
            layout=layout,
            routes=Routes.of(nets, layout, device=like.device),
            flat=flat,
            grad=grad,
            optimiser=_optimiser(flat, recipe),
            decay=decay,
            recipe=recipe,
        )

    @property
    def groups(self) -> list[int]:
        """How many networks share each seed."""
        return [len(list(same)) for _, same in groupby(self.nets, key=lambda net: net.seed)]

    @property
    def seeds(self) -> list[int]:
        """The seed of each group."""
        return [seed for seed, _ in groupby(self.nets, key=lambda net: net.seed)]

    def workspace(self, batch_size: int, *, is_training: bool) -> Workspace:
        """The buffers for batches of this size."""
        key = (batch_size, is_training)
        if key not in self.workspaces:
            self.workspaces[key] = Workspace(
                self.nets,
                self.layout,
                self.routes,
                groups=self.groups,
                batch_size=batch_size,
                like=self.flat,
                is_training=is_training,
            )
        return self.workspaces[key]

    def step(self, images: Sequence[Tensor], labels: Tensor, *, lr: float) -> tuple[Tensor, Tensor]:
        """One step of every network.

        Args:
            images: Of each group, (batch, inputs + 1), the last column ones.
            labels: int64 (networks, batch).
            lr: Learning rate.

        Returns:
            Mean loss and images told right, of each network, before the step.
        """
        work = self.workspace(labels.shape[1], is_training=True)
        logits = work.forward(self.flat, images)
        losses, slopes, correct = losses_and_slopes(
            logits, labels, label_smoothing=self.recipe.label_smoothing
        )
        work.backward(self.flat, images, slopes, self.grad)
        if self.decay is not None:
            self.grad.addcmul_(self.flat, self.decay)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        return losses, correct

    def narrowed(self, rows: Sequence[int]) -> PackState:
        """Some of the networks, where they are."""
        less = PackState.of([self.nets[row] for row in rows], self.recipe, like=self.flat)
        index = torch.tensor(rows, device=self.flat.device)
        to = torch.arange(len(rows), device=self.flat.device)

        def moved(old: Tensor, new: Tensor) -> Tensor:
            transfer((self.layout, old), index, (less.layout, new), to)
            return new

        moved(self.flat, less.flat)
        # Every number of a weight moves with it; what has another shape, such as the count of
        # steps, is common to all.
        less.optimiser.state[less.flat] = {
            key: moved(value, torch.zeros_like(less.flat))
            if isinstance(value, Tensor) and value.shape == self.flat.shape
            else value
            for key, value in self.optimiser.state[self.flat].items()
        }
        return less


def _optimiser(flat: Tensor, recipe: Recipe) -> torch.optim.Optimizer:
    # Weight decay is added to the gradient by the step: biases have none.
    if recipe.optimiser == "adam":
        return torch.optim.Adam([flat], lr=recipe.lr, fused=True)
    return torch.optim.SGD(
        [flat], lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    )
