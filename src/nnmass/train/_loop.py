"""The training loop: resumable, deterministic under a seed, one read of the test set."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from nnmass.data import ImageData
from nnmass.errors import CheckpointError, SpecError
from nnmass.nets import Net, build, generator_for, save
from nnmass.runs import RunRecord, read_record, write_curve, write_record
from nnmass.specs import Spec, parse
from nnmass.train._augment import Augment, parse_augment
from nnmass.train._batches import Batches, Splits, check_fit, split
from nnmass.train._checkpoint import (
    LAST_FILE,
    Point,
    Progress,
    check_terms,
    has_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from nnmass.train._device import private_randomness, resolve_device
from nnmass.train._recipe import Recipe
from nnmass.train._record import TrainResult, diverged, record_of

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


def train(
    spec: Spec | str,
    data: ImageData,
    *,
    recipe: Recipe | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    on_step: Callable[[Step], None] | None = None,
) -> TrainResult:
    """Train the network of ``spec`` on ``data``.

    A share of the training images is kept apart to choose the best epoch (the highest accuracy on
    them, and among equals the lowest loss); the test images are read once, at the end, for the
    best weights and for the last ones. Links, first weights, the split, the order of the images,
    their random changes and dropout all follow from ``seed``; no global generator is left changed.

    Args:
        spec: A spec or a spec string; its inputs and classes must be those of the data.
        data: From `nnmass.data.load_dataset`.
        recipe: How to train; the defaults of `Recipe` unless told.
        seed: At least 0.
        folder: Where to write ``run.json``, ``curve.jsonl``, the resume point
            ``last.safetensors`` and the best network ``best/``, after every epoch. Without it
            nothing is written.
        resume: Go on after the last finished epoch of ``folder``, to the same result as without
            the interruption (on the same machine, with the same number of threads). A finished
            run is returned as it is; a folder without a run is begun.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        on_step: Called after every step, and once more after an epoch's validation.

    Returns:
        The network of the best epoch in evaluation mode, the record (accuracies in [0, 1], time
        in seconds) and the curve.

    Raises:
        SpecError: The network does not fit the data, or a value is out of range.
        CheckpointError: ``folder`` holds a run already (without ``resume``), or one of another
            spec, recipe, data or seed (with it).
        StoreError: Something could not be written; the last resume point is whole.
        DeviceError: The device is not there.
        TrainingError: The loss is no longer a number.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    if not isinstance(spec, Spec):
        raise SpecError(f"train needs a spec or a spec string, got {spec!r}")
    recipe = recipe or Recipe()
    check_fit(spec, data.info)
    parse_augment(recipe.augment).check_fit(data.info.shape, data.info.name)
    where = resolve_device(device, precision=recipe.precision)
    target = Path(folder) if folder is not None else None
    _check_folder(target, resume=resume)
    splits = split(data, validation_share=recipe.validation_share, seed=seed, device=where)
    net = build(spec, seed, device=where)
    session = _Session(
        net=net,
        optimiser=_optimiser(net, recipe),
        splits=splits,
        recipe=recipe,
        seed=seed,
        device=where,
        dataset=data.info.name,
        folder=target,
        on_step=on_step,
    )
    return session.run(resume=resume)


def _check_folder(folder: Path | None, *, resume: bool) -> None:
    if folder is None or resume:
        return
    record = read_record(folder)
    if record is not None or has_checkpoint(folder):
        what = f"a {record.status} run of {record.spec}" if record else "a checkpoint"
        raise CheckpointError(
            f"{folder} holds {what} already: go on with it (resume, --resume), or choose another "
            "folder"
        )


def _optimiser(net: Net, recipe: Recipe) -> torch.optim.Optimizer:
    decayed = [p for p in net.parameters() if p.ndim > 1]
    free = [p for p in net.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "adam":
        return torch.optim.Adam(groups, lr=recipe.lr)
    is_nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=is_nesterov)


@dataclass(slots=True, kw_only=True)
class _Session:
    """One training: everything that the functions of the loop share."""

    net: Net
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
        while not self.recipe.is_over(
            epochs_done=progress.epochs_done, best_epoch=progress.best_epoch
        ):
            start = time.perf_counter()
            point = self._epoch(progress)
            self._account(point, progress)
            self._tell(progress, progress.epochs_done, step=self.n_steps)
            progress.seconds += time.perf_counter() - start
            self._store(progress)
        return self._finish(progress)

    def _begin(self, earlier: RunRecord | None, *, resume: bool) -> Progress:
        fresh = Progress(curve=[], best={})
        if self.folder is None:
            return fresh
        if resume and has_checkpoint(self.folder):
            progress = read_checkpoint(self.folder, self.net, self.optimiser, terms=self._terms())
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
                lr = self.recipe.lr_at(
                    (epoch - 1) * self.n_steps + index, steps_per_epoch=self.n_steps
                )
                loss, logits = self._step(images, labels, lr=lr)
                total += loss.detach() * len(labels)
                correct += (logits.detach().argmax(1) == labels).sum()
                seen += len(labels)
                self._tell(progress, epoch, step=index + 1)
        mean = total.item() / seen
        self._check_loss("loss", mean, epoch)
        return {
            "epoch": epoch,
            "lr": lr,
            "train_loss": mean,
            "train_accuracy": correct.item() / seen,
        }

    def _check_loss(self, name: str, value: float, epoch: int) -> None:
        if not math.isfinite(value):
            raise diverged(name, value, spec=self.net.spec, epoch=epoch, recipe=self.recipe)

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

    @torch.enable_grad()
    def _step(self, images: Tensor, labels: Tensor, *, lr: float) -> tuple[Tensor, Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.zero_grad(set_to_none=True)
        with self._autocast():
            logits = self.net(images)
            loss = F.cross_entropy(
                logits.float(), labels, label_smoothing=self.recipe.label_smoothing
            )
        loss.backward()
        self.optimiser.step()
        return loss, logits

    def _autocast(self) -> torch.autocast:
        enabled = self.recipe.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def _account(self, point: Point, progress: Progress) -> None:
        """Validate, add the epoch to the curve, and keep its weights if they are the best."""
        loss, accuracy = self._evaluate(self.splits.validation)
        self._check_loss("validation loss", loss, progress.epochs_done + 1)
        point |= {"validation_loss": loss, "validation_accuracy": accuracy}
        if progress.add(point):
            progress.best = {
                key: value.detach().cpu().clone() for key, value in self.net.state_dict().items()
            }

    @torch.no_grad()
    def _evaluate(self, batches: Batches) -> tuple[float, float]:
        """Mean loss and accuracy in evaluation mode."""
        self.net.eval()
        total, correct = 0.0, 0
        for images, labels in batches.in_order(_EVALUATION_BATCH):
            with self._autocast():
                logits = self.net(images).float()
            total += F.cross_entropy(logits, labels, reduction="sum").item()
            correct += int((logits.argmax(1) == labels).sum())
        return total / len(batches), correct / len(batches)

    def _store(self, progress: Progress) -> None:
        if self.folder is None:
            return
        terms = self._terms()
        write_checkpoint(self.folder, self.net, self.optimiser, progress=progress, terms=terms)
        self._write_derived(progress)

    def _write_derived(self, progress: Progress) -> None:
        """What is read by people; the resume point holds it all."""
        assert self.folder is not None
        write_curve(progress.curve, self.folder)
        if progress.best_epoch == progress.epochs_done:
            save(self.net, self.folder / BEST_FOLDER)
        write_record(self._record(progress), self.folder)

    def _finish(self, progress: Progress) -> TrainResult:
        _, last = self._evaluate(self.splits.test)
        self.net.load_state_dict(progress.best)
        _, best = self._evaluate(self.splits.test)
        record = replace(
            self._record(progress), status="finished", test_accuracy=best, last_test_accuracy=last
        )
        if self.folder is not None:
            save(self.net, self.folder / BEST_FOLDER)
            write_record(record, self.folder)
        return TrainResult(net=self.net, record=record, curve=tuple(progress.curve))

    def _terms(self) -> Mapping[str, object]:
        """What a resume must agree on."""
        return _terms_of(self._record(Progress(curve=[], best={})))

    def _record(self, progress: Progress) -> RunRecord:
        return record_of(
            self.net.spec,
            progress,
            dataset=self.dataset,
            sizes=self.splits.sizes,
            seed=self.seed,
            recipe=self.recipe,
            device=self.device,
        )


def _terms_of(record: RunRecord) -> Mapping[str, object]:
    names = ("spec", "recipe", "dataset", "sizes", "seed")
    return {name: getattr(record, name) for name in names}
