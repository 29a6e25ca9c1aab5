"""Training and measuring the trials of a job, in the process of a worker."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from nnmass.data import ImageData, cache_folder, load_dataset, take
from nnmass.errors import NNMassError
from nnmass.nets import build
from nnmass.probes import ldi, sample_images
from nnmass.runs import Trial, TrialResult
from nnmass.specs import parse
from nnmass.studies._job import Job
from nnmass.train import Recipe, TrainResult, is_for_many, train, train_many

_LONGEST_REASON = 500


def run_job(
    job: Job, *, data_dir: str | Path | None = None, device: str = "cpu"
) -> Iterator[TrialResult]:
    """The results of a job's wanted trials, each as soon as it is there.

    A trial that cannot be trained, whatever the reason, is one result with the status ``failed``;
    the others go on.

    Args:
        job: From `jobs_of`.
        data_dir: Folder of the data sets.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    """
    _warm_up()
    for trials in _trained_at_once(job):
        _load(trials[0], data_dir)
        started = time.perf_counter()
        outcomes = _outcomes(trials, data_dir=data_dir, device=device)
        seconds = (time.perf_counter() - started) / len(trials)
        for trial, outcome in zip(trials, outcomes, strict=True):
            if trial.id in job.wanted:
                yield _result(trial, outcome, seconds, data_dir=data_dir)


@lru_cache(maxsize=1)
def _warm_up() -> None:
    """What the first training of a process would pay for all: seconds of imports by torch."""
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])


def _load(trial: Trial, data_dir: str | Path | None) -> None:
    """Read the data outside of the time of a trial; what goes wrong is told by the trial."""
    with suppress(Exception):
        trial_data(trial, data_dir=data_dir)


def _trained_at_once(job: Job) -> list[tuple[Trial, ...]]:
    """The trials of one call of the training.

    Those that are trained side by side are all of the job, wanted or not: which networks are beside
    it decides on the last digits of a result, and a resumed study has those of an undisturbed one.
    """
    if job.is_together and is_for_many(Recipe(**job.trials[0].recipe)):  # type: ignore[arg-type]
        return [job.trials]
    return [(trial,) for trial in job.wanted_trials]


def _outcomes(
    trials: Sequence[Trial], *, data_dir: str | Path | None, device: str
) -> Sequence[TrainResult | Exception]:
    """Of each trial its training, or why there is none."""
    try:
        data = trial_data(trials[0], data_dir=data_dir)
        recipe = Recipe(**trials[0].recipe)  # type: ignore[arg-type]
        return _trainings(trials, data, recipe, device)
    except Exception as error:  # a poisoned trial is a result, not the end of the study
        if len(trials) == 1:
            return [error]
        # together they may have been too many for the memory, or one may have spoilt it for all
        return [
            outcome
            for trial in trials
            for outcome in _outcomes([trial], data_dir=data_dir, device=device)
        ]


def _trainings(
    trials: Sequence[Trial], data: ImageData, recipe: Recipe, device: str
) -> Sequence[TrainResult | Exception]:
    """The only place where a training is called."""
    if len(trials) == 1:
        [trial] = trials
        return [train(trial.spec, data, recipe=recipe, seed=trial.seed, device=device)]
    return train_many(
        [trial.spec for trial in trials],
        data,
        seeds=[trial.seed for trial in trials],
        recipe=recipe,
        device=device,
    )


def trial_data(trial: Trial, *, data_dir: str | Path | None) -> ImageData:
    """The images that a trial trains on and is tested with."""
    n_train, n_test = trial.extra.get("n_train"), trial.extra.get("n_test")
    return open_data(trial.data, n_train, n_test, None if data_dir is None else str(data_dir))


@lru_cache(maxsize=2)
def open_data(name: str, n_train: object, n_test: object, data_dir: str | None) -> ImageData:
    """A data set, or the part of it that a study asks for; the last ones are kept."""
    # One decoded copy of an image folder, on the disk, for the check and for all workers.
    data = load_dataset(name, data_dir=data_dir, cache_dir=cache_folder())
    if n_train is None and n_test is None:
        return data
    return take(data, n_train=n_train, n_test=n_test)  # type: ignore[arg-type]


def _result(
    trial: Trial,
    outcome: TrainResult | Exception,
    seconds: float,
    *,
    data_dir: str | Path | None,
) -> TrialResult:
    started = time.perf_counter()
    try:
        if isinstance(outcome, Exception):
            raise outcome
        values = {**_accuracies(outcome), **_ldi(trial, data_dir)}
    except Exception as error:  # as above
        return TrialResult(
            trial=trial,
            status="failed",
            reason=reason_of(error),
            seconds=round(seconds, 4),
            torch=str(torch.__version__),
        )
    seconds += time.perf_counter() - started
    return TrialResult(
        trial=trial,
        status="done",
        seconds=round(seconds, 4),
        torch=str(torch.__version__),
        **values,
    )


def _accuracies(training: TrainResult) -> dict[str, Any]:
    record = training.record
    best = training.curve[(record.best_epoch or 1) - 1]
    values = {
        "accuracy": record.test_accuracy,
        "last_accuracy": record.last_test_accuracy,
        "validation_accuracy": record.validation_accuracy,
        "loss": best["validation_loss"],
    }
    _check_finite(values)
    return values


def _ldi(trial: Trial, data_dir: str | Path | None) -> dict[str, Any]:
    """LDI of the network as the training found it, on some of its training images."""
    n_images = trial.extra.get("ldi_images")
    if not isinstance(n_images, int) or not n_images:
        return {}
    spec = parse(trial.spec)
    data = trial_data(trial, data_dir=data_dir)
    images, _ = sample_images(data, n_images, input_shape=spec.input_shape)
    flow = ldi(build(spec, trial.seed), images)
    values = {"ldi_mean": flow.mean, "ldi_std": flow.std}
    _check_finite(values)
    return values


def _check_finite(values: Mapping[str, float | None]) -> None:
    for name, value in values.items():
        if value is None or not math.isfinite(value):
            raise NNMassError(f"{name} is {value}")


def reason_of(error: BaseException) -> str:
    """One line that says why a trial failed."""
    text = " ".join(str(error).split())
    kind = "" if isinstance(error, NNMassError) and text else f"{type(error).__name__}: "
    return f"{kind}{text}"[:_LONGEST_REASON]
