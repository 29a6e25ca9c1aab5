"""What a training minimises: how a batch gives gradients, and what is validated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.train._device import autocast
from nnmass.train._recipe import Recipe

Figures = Mapping[str, float | int | None]
"""Numbers of one level by their names, such as ``macs``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a step stands in its training.

    Attributes:
        recipe: Of the training.
        seed: The same.
        device: The same.
        epoch: From 1.
        step: Within the epoch, from 1.
        steps: Of an epoch.
    """

    recipe: Recipe
    seed: int
    device: torch.device
    epoch: int
    step: int
    steps: int

    @property
    def steps_before(self) -> int:
        """Steps of the training before this one."""
        return (self.epoch - 1) * self.steps + self.step - 1

    @property
    def lr(self) -> float:
        """The learning rate of the step."""
        return self.recipe.lr_at(self.steps_before, steps_per_epoch=self.steps)

    @property
    def share_done(self) -> float:
        """Share of the training's steps that lie behind, this one included; in (0, 1]."""
        return (self.steps_before + 1) / (self.recipe.epochs * self.steps)

    def autocast(self) -> torch.autocast:
        """The number format of the recipe; forward passes run in it, backward passes do not."""
        return autocast(self.device, precision=self.recipe.precision)


class Objective(ABC):
    """What a training minimises; the loop does all else.

    The randomness of a step must follow from its `Moment` alone, and what it remembers from one
    step to the next must be in `state`: a training that is killed and resumed then ends as if it
    had not been.
    """

    @abstractmethod
    def backward(
        self, net: nn.Module, images: Tensor, labels: Tensor, moment: Moment
    ) -> tuple[Tensor, Tensor]:
        """Add the gradients of one batch to the parameters, which have none before.

        Args:
            net: In training mode.
            images: A batch as the network reads it, (N, C, H, W).
            labels: Whole numbers, (N,).
            moment: Where the training is.

        Returns:
            The loss (a scalar) and the logits (N, classes) that the curve's accuracy is of.
        """

    def step(self, net: nn.Module, optimiser: torch.optim.Optimizer, moment: Moment) -> None:
        """Move the weights along the gradients.

        Args:
            net: With gradients.
            optimiser: Of all its parameters.
            moment: Where the training is.
        """
        optimiser.step()

    def end_epoch(self, net: nn.Module, moment: Moment) -> None:
        """Called after the last step of an epoch, before it is validated.

        Args:
            net: As the last step left it.
            moment: Of that step.
        """
        return

    def is_reached(self) -> bool:
        """What was sought is found: no epoch is to follow."""
        return False

    def levels(self, net: nn.Module) -> Mapping[str, Figures]:
        """What is validated and tested one by one, with figures for the record; empty: the net."""
        return {}

    def at_level(self, net: nn.Module, index: int) -> AbstractContextManager[object]:
        """A block in which ``net`` is its level ``index``.

        Args:
            net: What is trained.
            index: Of the level, from 0, in the order of `levels`.
        """
        return nullcontext()

    def to_dict(self) -> dict[str, object]:
        """The settings as JSON values; a resumed training must have the same."""
        return {}

    def state(self) -> dict[str, object]:
        """What is remembered from step to step, as JSON values."""
        return {}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on from what `state` gave."""
        return


class CrossEntropy(Objective):
    """Cross entropy with the recipe's label smoothing.

    Example:
        >>> CrossEntropy().levels(nn.Linear(2, 2))
        {}
    """

    def backward(
        self, net: nn.Module, images: Tensor, labels: Tensor, moment: Moment
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the mean loss of the batch."""
        with moment.autocast():
            logits = net(images)
            loss = F.cross_entropy(
                logits.float(), labels, label_smoothing=moment.recipe.label_smoothing
            )
        loss.backward()
        return loss, logits
