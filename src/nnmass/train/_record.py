"""What a training gives back, whichever loop trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nnmass._device import describe
from nnmass.errors import TrainingError
from nnmass.runs import RunRecord, environment
from nnmass.train._checkpoint import Point, Progress
from nnmass.train._levels import with_validation
from nnmass.train._objective import Figures
from nnmass.train._recipe import Recipe
from nnmass.train._subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training gave.

    Attributes:
        net: The network with the weights of the best epoch, in evaluation mode.
        record: Accuracies, sizes, seed, recipe, environment.
        curve: One point for each epoch.
    """

    net: nn.Module
    record: RunRecord
    curve: tuple[Point, ...]


def record_of(
    subject: Subject,
    progress: Progress,
    *,
    dataset: str,
    sizes: Mapping[str, int],
    seed: int,
    recipe: Recipe,
    device: torch.device,
    objective: Mapping[str, object] | None = None,
    levels: Mapping[str, Figures] | None = None,
) -> RunRecord:
    """The record of a running training; the test accuracies are still to come."""
    best = progress.best_point
    return RunRecord(
        spec=subject.name,
        mass=subject.mass,
        params=subject.params,
        macs=subject.macs,
        dataset=dataset,
        sizes=sizes,
        seed=seed,
        recipe=recipe.to_dict(),
        status="running",
        epochs_done=progress.epochs_done,
        best_epoch=progress.best_epoch,
        validation_accuracy=best["validation_accuracy"] if best else None,
        train_seconds=progress.seconds,
        environment=environment(describe(device)),
        objective=objective or {},
        levels=with_validation(levels or {}, best),
    )


def diverged(name: str, value: float, *, net: str, epoch: int, recipe: Recipe) -> TrainingError:
    """The error for a loss that is no longer a number."""
    return TrainingError(
        f"the {name} of {net} became {value} in epoch {epoch} (lr {recipe.lr:g}, "
        f"{recipe.precision}): try a lower lr or a longer warmup_epochs"
    )
