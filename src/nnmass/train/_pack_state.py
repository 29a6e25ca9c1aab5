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
from nnmass.train._rows import Rows


@dataclass(slots=True, kw_only=True)
class PackState:
    """Networks side by side, those of one seed next to each other.

    Attributes:
        nets: The networks; their own weights stay as they were built.
        layout: Of the flat tensors.
        routes: Of the links.
        flat: The weights.
        weights: The same, layer by layer.
        grads: Their gradients, views of one flat tensor as well.
        group_of: The group of each network; a group shares its seed.
        optimiser: Of all weights at once.
        decay: The weight decay of each weight; None where there is none.
        recipe: How they are trained.
        workspaces: By batch size and whether a backward pass follows.
    """

    nets: Sequence[DenseMLPNet]
    layout: Layout
    routes: Routes
    flat: Tensor
    weights: Sequence[Tensor]
    grads: Sequence[Tensor]
    group_of: Tensor
    optimiser: torch.optim.Optimizer
    decay: Tensor | None
    recipe: Recipe
    workspaces: dict[tuple[int, bool], Workspace] = field(default_factory=dict)

    @classmethod
    def of(cls, nets: Sequence[DenseMLPNet], recipe: Recipe, *, like: Tensor) -> PackState:
        """The networks as they were built; ``like`` gives the number format and the device."""
        layout = Layout.of(nets)
        flat = layout.gathered(nets, like.new_empty(layout.size))
        flat.grad = torch.zeros_like(flat)
        decay = None
        if recipe.weight_decay:
            decay = layout.bias_free(torch.empty_like(flat), recipe.weight_decay)
        return cls(
            nets=nets,
            layout=layout,
            routes=Routes.of(nets, layout, device=like.device),
            flat=flat,
            weights=layout.views(flat),
            grads=layout.views(flat.grad),
            group_of=torch.tensor(_group_of(nets), device=like.device),
            optimiser=_optimiser(flat, recipe),
            decay=decay,
            recipe=recipe,
        )

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
                groups=torch.bincount(self.group_of).tolist(),
                batch_size=batch_size,
                like=self.flat,
                is_training=is_training,
            )
        return self.workspaces[key]

    def step(self, rows: Rows, part: Tensor, *, lr: float) -> tuple[Tensor, Tensor]:
        """One step of every network.

        Args:
            rows: The images.
            part: Which of them each group takes: int64 (groups, batch).
            lr: Learning rate.

        Returns:
            Mean loss and images told right, of each network, before the step.
        """
        work = self.workspace(part.shape[1], is_training=True)
        labels = self.load(work, rows, part)
        losses, slopes, correct = losses_and_slopes(
            work.forward(self.weights), labels, label_smoothing=self.recipe.label_smoothing
        )
        work.backward(self.weights, slopes, self.grads)
        if self.decay is not None:
            assert self.flat.grad is not None
            self.flat.grad.addcmul_(self.flat, self.decay)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        return losses, correct

    def load(self, work: Workspace, rows: Rows, part: Tensor) -> Tensor:
        """Put images into ``work``; their labels, int64 (networks, batch).

        Args:
            work: Of this pack.
            rows: The images.
            part: Which of them, int64 (groups, batch), or (1, batch) for all groups.
        """
        rows.fill(work.images[0], part[0])
        for group, images in enumerate(work.images[1:], start=1):
            if len(part) == 1:
                images.copy_(work.images[0])
            else:
                rows.fill(images, part[group])
        return rows.labels[part].expand(len(work.images), -1).index_select(0, self.group_of)

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


def _group_of(nets: Sequence[DenseMLPNet]) -> list[int]:
    same = groupby(nets, key=lambda net: net.seed)
    return [group for group, (_, members) in enumerate(same) for _ in members]


def _optimiser(flat: Tensor, recipe: Recipe) -> torch.optim.Optimizer:
    # Weight decay is added to the gradient by the step: biases have none.
    if recipe.optimiser == "adam":
        return torch.optim.Adam([flat], lr=recipe.lr, fused=True)
    return torch.optim.SGD(
        [flat], lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    )
