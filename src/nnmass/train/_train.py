"""The doors of the training loop: a network of a spec, or any module."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from nnmass.data import ImageData
from nnmass.errors import CheckpointError, SpecError
from nnmass.nets import build
from nnmass.runs import read_record
from nnmass.specs import Spec, parse
from nnmass.train._augment import parse_augment
from nnmass.train._batches import check_fit, check_logits, split
from nnmass.train._checkpoint import has_checkpoint
from nnmass.train._device import resolve_device
from nnmass.train._loop import Session, Step
from nnmass.train._objective import CrossEntropy, Objective
from nnmass.train._recipe import Recipe
from nnmass.train._record import TrainResult
from nnmass.train._subject import Subject


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
    check_fit(spec, data.info)
    job = _Job(
        data=data,
        recipe=recipe or Recipe(),
        seed=seed,
        folder=Path(folder) if folder is not None else None,
        device=device,
        on_step=on_step,
    )
    return job.run(
        lambda where: build(spec, seed, device=where),
        subject=Subject.of_spec(spec),
        objective=CrossEntropy(),
        resume=resume,
    )


def train_module(
    net: nn.Module,
    data: ImageData,
    *,
    subject: Subject | str,
    objective: Objective | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    on_step: Callable[[Step], None] | None = None,
) -> TrainResult:
    """Train a copy of any network on ``data``, from the weights that it has.

    Split, order, random changes, resume points and the one read of the test images are those of
    `train`; ``net`` is left as it was. With ``folder`` the best weights are written as
    ``best/model.safetensors``, which has no spec beside it: build the network, then load them.

    Args:
        net: Any module from inputs (N, ..) to logits (N, classes), not on the meta device.
        data: From `nnmass.data.load_dataset`.
        subject: What the record calls the network and its sizes; or a name alone, and the sizes are
            traced.
        objective: What is minimised and validated; cross entropy unless told.
        recipe: As in `train`.
        seed: Of all but the first weights.
        folder: As in `train`.
        resume: The same; ``net`` must be as it was when the run began.
        device: The same.
        on_step: The same.

    Returns:
        The copy with the weights of the best epoch in evaluation mode, the record and the curve.

    Raises:
        SpecError: The network does not take the data or give logits of their classes, or a value is
            out of range.
        TraceError: Sizes are to be traced, and the network cannot be.
        CheckpointError: As in `train`.
        StoreError: The same.
        DeviceError: The same.
        TrainingError: The same.

    Source:
        Ours.

    Example:
        >>> from nnmass.data import load_dataset, take
        >>> digits = take(load_dataset("digits"), n_train=200, n_test=100)
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        >>> result = train_module(net, digits, subject="one layer", recipe=Recipe(epochs=2))
        >>> result.record.spec, result.record.macs, result.record.epochs_done
        ('one layer', 640, 2)
    """
    copied = _copy(net)
    objective = CrossEntropy() if objective is None else objective
    if not isinstance(objective, Objective):
        raise SpecError(f"objective must be a nnmass.train.Objective, got {objective!r:.80}")
    if not isinstance(subject, Subject):
        subject = Subject.of_module(copied, data.info.shape, name=subject)
    subject = replace(subject, spec=None)
    check_logits(copied, data.info, name=subject.name)
    job = _Job(
        data=data,
        recipe=recipe or Recipe(),
        seed=seed,
        folder=Path(folder) if folder is not None else None,
        device=device,
        on_step=on_step,
    )
    return job.run(
        copied.to,
        subject=subject,
        objective=objective,
        resume=resume,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a training of a spec and one of a module have in common."""

    data: ImageData
    recipe: Recipe
    seed: int
    folder: Path | None
    device: str
    on_step: Callable[[Step], None] | None

    def run(
        self,
        net_on: Callable[[torch.device], nn.Module],
        *,
        subject: Subject,
        objective: Objective,
        resume: bool,
    ) -> TrainResult:
        """Check the rest, put everything on the device, and train."""
        recipe, info = self.recipe, self.data.info
        parse_augment(recipe.augment).check_fit(info.shape, info.name)
        where = resolve_device(self.device, precision=recipe.precision)
        _check_folder(self.folder, resume=resume)
        splits = split(
            self.data, validation_share=recipe.validation_share, seed=self.seed, device=where
        )
        net = net_on(where)
        session = Session(
            net=net,
            subject=subject,
            objective=objective,
            optimiser=_optimiser(net, recipe),
            splits=splits,
            recipe=recipe,
            seed=self.seed,
            device=where,
            dataset=info.name,
            folder=self.folder,
            on_step=self.on_step,
        )
        return session.run(resume=resume)


def _copy(net: nn.Module) -> nn.Module:
    if not isinstance(net, nn.Module):
        raise SpecError(
            f"train_module needs a torch.nn.Module, got {net!r}; for a spec use nnmass.train.train"
        )
    if any(tensor.is_meta for tensor in (*net.parameters(), *net.buffers())):
        raise SpecError(
            f"this {type(net).__name__} is on the meta device, where it has no weights to train: "
            "build it on another device"
        )
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise SpecError(f"this {type(net).__name__} has no parameter that requires a gradient")
    return copy.deepcopy(net)


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


def _optimiser(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
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
