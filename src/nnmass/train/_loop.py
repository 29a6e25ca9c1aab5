"""The training loop: resumable, deterministic under a seed, one read of the test set."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.errors import CheckpointError
from nnmass.nets import Net, generator_for, save, save_weights
from nnmass.runs import RunRecord, read_record, write_curve, write_record
from nnmass.train._augment import Augment, parse_augment
from nnmass.train._batches import Batches, Splits
from nnmass.train._checkpoint import (
    LAST_FILE,
    Point,
    Progress,
    check_terms,
    has_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from nnmass.train._device import autocast, private_randomness
from nnmass.train._levels import Results, level_figures, mean_of, with_test_levels
from nnmass.train._objective import Moment, Objective
from nnmass.train._recipe import Recipe
from nnmass.train._record import TrainResult, diverged, record_of
from nnmass.train._subject import Subject

BEST_FOLDER = "best"
_EVALUATION_BATCH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a training is, for whoever watches it.

    Attributes:
        epoch: From 1.
        epochs: In all.
        step: Within the epoch, from 1.
        steps: Of an epoch.
        curve: One point for each finished epoch.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    curve: tuple[Point, ...]


@dataclass(slots=True, kw_only=True)
class Session:
    """One training: everything that the functions of the loop share."""

    net: nn.Module
    subject: Subject
    objective: Objective
    optimiser: torch.optim.Optimizer
    splits: Splits
    recipe: Recipe
    seed: int
    device: torch.device
    dataset: str
    folder: Path | None
    on_step: Callable[[Step], None] | None

    @property
    def augment(self) -> Augment | None:
        """Random changes of the training images, if there are any."""
        augment = parse_augment(self.recipe.augment)
        return None if augment == Augment() else augment

    @property
    def n_steps(self) -> int:
        """Steps of an epoch."""
        return self.splits.train.n_steps(self.recipe.batch_size)

    def run(self, *, resume: bool) -> TrainResult:
        earlier = read_record(self.folder) if self.folder is not None and resume else None
        progress = self._begin(earlier, resume=resume)
        if earlier is not None and earlier.status == "finished":
            self.net.load_state_dict(progress.best)
            return TrainResult(net=self.net.eval(), record=earlier, curve=tuple(progress.curve))
        while not self._is_over(progress):
            start = time.perf_counter()
            point = self._epoch(progress)
            self._account(point, progress)
            self._tell(progress, progress.epochs_done, step=self.n_steps)
            progress.seconds += time.perf_counter() - start
            self._store(progress)
        return self._finish(progress)

    def _is_over(self, progress: Progress) -> bool:
        return self.objective.is_reached() or self.recipe.is_over(
            epochs_done=progress.epochs_done, best_epoch=progress.best_epoch
        )

    def _begin(self, earlier: RunRecord | None, *, resume: bool) -> Progress:
        fresh = Progress(curve=[], best={})
        if self.folder is None:
            return fresh
        if resume and has_checkpoint(self.folder):
            progress = read_checkpoint(
                self.folder, self.net, self.optimiser, spec=self.subject.spec, terms=self._terms()
            )
            self.objective.restore(progress.objective)
            if earlier is None or earlier.status != "finished":
                # A kill may have come between the resume point and what is derived from it.
                self._write_derived(progress)
            return progress
        if earlier is not None and earlier.epochs_done:
            raise CheckpointError(
                f"{self.folder} holds a {earlier.status} run of {earlier.spec} with "
                f"{earlier.epochs_done} epochs, but its resume point {LAST_FILE} is missing: put "
                "it back, or start afresh in another folder"
            )
        if earlier is not None:
            check_terms(_terms_of(earlier), self._terms(), where=self.folder)
        write_record(self._record(fresh), self.folder)
        return fresh

    def _epoch(self, progress: Progress) -> Point:
        epoch = progress.epochs_done + 1
        total = torch.zeros((), device=self.device)
        correct = torch.zeros((), device=self.device)
        seen = 0
        self.net.train()
        seed = generator_for(self.seed, f"dropout:{epoch}").initial_seed()
        with private_randomness(self.device, seed):
            batches = self.splits.train.shuffled(
                self.recipe.batch_size, seed=self.seed, epoch=epoch, augment=self.augment
            )
            for index, (images, labels) in enumerate(batches):
                moment = self._moment(epoch, index + 1)
                loss, logits = self._step(images, labels, moment)
                total += loss.detach() * len(labels)
                correct += (logits.detach().argmax(1) == labels).sum()
                seen += len(labels)
                self._tell(progress, epoch, step=index + 1)
            self.objective.end_epoch(self.net, moment)
        mean = total.item() / seen
        self._check_loss("loss", mean, epoch)
        return {
            "epoch": epoch,
            "lr": moment.lr,
            "train_loss": mean,
            "train_accuracy": correct.item() / seen,
        }

    def _check_loss(self, name: str, value: float, epoch: int) -> None:
        if not math.isfinite(value):
            raise diverged(name, value, net=self.subject.name, epoch=epoch, recipe=self.recipe)

    def _tell(self, progress: Progress, epoch: int, *, step: int) -> None:
        if self.on_step is None:
            return
        self.on_step(
            Step(
                epoch=epoch,
                epochs=self.recipe.epochs,
                step=step,
                steps=self.n_steps,
                curve=tuple(progress.curve),
            )
        )

    def _moment(self, epoch: int, step: int) -> Moment:
        return Moment(
            recipe=self.recipe,
            seed=self.seed,
            device=self.device,
            epoch=epoch,
            step=step,
            steps=self.n_steps,
        )

    @torch.enable_grad()
    def _step(self, images: Tensor, labels: Tensor, moment: Moment) -> tuple[Tensor, Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = moment.lr
        self.optimiser.zero_grad(set_to_none=True)
        loss, logits = self.objective.backward(self.net, images, labels, moment)
        self.objective.step(self.net, self.optimiser, moment)
        return loss, logits

    def _account(self, point: Point, progress: Progress) -> None:
        """Validate, add the epoch to the curve, and keep its weights if they are the best."""
        found = self._results(self.splits.validation)
        loss, accuracy = mean_of(found)
        self._check_loss("validation loss", loss, progress.epochs_done + 1)
        point |= {"validation_loss": loss, "validation_accuracy": accuracy}
        point |= level_figures(found, "validation")
        if progress.add(point):
            progress.best = {
                key: value.detach().cpu().clone() for key, value in self.net.state_dict().items()
            }

    def _results(self, batches: Batches) -> Results:
        """Mean loss and accuracy of every level; of the network alone, named "", without any."""
        names = list(self.objective.levels(self.net))
        if not names:
            return {"": self._evaluate(batches)}
        found = {}
        for index, name in enumerate(names):
            with self.objective.at_level(self.net, index):
                found[name] = self._evaluate(batches)
        return found

    @torch.no_grad()
    def _evaluate(self, batches: Batches) -> tuple[float, float]:
        """Mean loss and accuracy in evaluation mode."""
        self.net.eval()
        total, correct = 0.0, 0
        for images, labels in batches.in_order(_EVALUATION_BATCH):
            with autocast(self.device, precision=self.recipe.precision):
                logits = self.net(images).float()
            total += F.cross_entropy(logits, labels, reduction="sum").item()
            correct += int((logits.argmax(1) == labels).sum())
        return total / len(batches), correct / len(batches)

    def _store(self, progress: Progress) -> None:
        if self.folder is None:
            return
        progress.objective = self.objective.state()
        write_checkpoint(
            self.folder,
            self.net,
            self.optimiser,
            spec=self.subject.spec,
            progress=progress,
            terms=self._terms(),
        )
        self._write_derived(progress)

    def _write_derived(self, progress: Progress) -> None:
        """What is read by people; the resume point holds it all."""
        assert self.folder is not None
        write_curve(progress.curve, self.folder)
        if progress.best_epoch == progress.epochs_done:
            self._save_best()
        write_record(self._record(progress), self.folder)

    def _save_best(self) -> None:
        assert self.folder is not None
        if self.subject.spec is None:
            save_weights(self.net, self.folder / BEST_FOLDER, name=self.subject.name)
        else:
            assert isinstance(self.net, Net)  # built from the spec
            save(self.net, self.folder / BEST_FOLDER)

    def _finish(self, progress: Progress) -> TrainResult:
        last = self._results(self.splits.test)
        self.net.load_state_dict(progress.best)
        best = self._results(self.splits.test)
        record = replace(
            with_test_levels(self._record(progress), best=best, last=last),
            status="finished",
            test_accuracy=mean_of(best)[1],
            last_test_accuracy=mean_of(last)[1],
        )
        if self.folder is not None:
            self._save_best()
            write_record(record, self.folder)
        return TrainResult(net=self.net, record=record, curve=tuple(progress.curve))

    def _terms(self) -> Mapping[str, object]:
        """What a resume must agree on."""
        return _terms_of(self._record(Progress(curve=[], best={})))

    def _record(self, progress: Progress) -> RunRecord:
        return record_of(
            self.subject,
            progress,
            dataset=self.dataset,
            sizes=self.splits.sizes,
            seed=self.seed,
            recipe=self.recipe,
            device=self.device,
            objective=self.objective.to_dict(),
            levels=self.objective.levels(self.net),
        )


def _terms_of(record: RunRecord) -> Mapping[str, object]:
    names = ("spec", "recipe", "dataset", "sizes", "seed", "objective")
    return {name: getattr(record, name) for name in names}
