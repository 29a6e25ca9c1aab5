"""What a study found, network by network."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from nnmass.runs import TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSummary:
    """All seeds of one network on one data set.

    Attributes:
        spec: Canonical spec string.
        data: Name of the data set.
        mass: NN-Mass.
        params: Trainable parameters.
        macs: Multiply-adds of one image.
        n_done: Trials that are done.
        n_failed: Trials that failed.
        n_left: Trials that are pending or running.
        accuracy: Mean test accuracy over seeds, in [0, 1]; None where none is done.
        accuracy_std: Standard deviation over seeds (of a sample); None below 2.
        validation_accuracy: Mean, as above.
        ldi_mean: Mean over seeds, where it was measured.
        ldi_std: Mean over seeds.
    """

    spec: str
    data: str
    mass: float
    params: int
    macs: int
    n_done: int
    n_failed: int
    n_left: int
    accuracy: float | None
    accuracy_std: float | None
    validation_accuracy: float | None
    ldi_mean: float | None
    ldi_std: float | None

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {name: getattr(self, name) for name in type(self).__slots__}


def summarise(results: Iterable[TrialResult]) -> tuple[NetworkSummary, ...]:
    """Means over the seeds, one entry a network and data set, in their order."""
    groups: dict[tuple[str, str], list[TrialResult]] = {}
    for result in results:
        groups.setdefault((result.trial.data, result.trial.spec), []).append(result)
    return tuple(_summary(group) for group in groups.values())


def _summary(group: list[TrialResult]) -> NetworkSummary:
    trial, done = group[0].trial, [result for result in group if result.status == "done"]
    n_failed = sum(result.status == "failed" for result in group)
    accuracies = _known(result.accuracy for result in done)
    facts = {name: trial.facts.get(name) for name in ("mass", "params", "macs")}
    return NetworkSummary(
        spec=trial.spec,
        data=trial.data,
        **facts,  # type: ignore[arg-type]
        n_done=len(done),
        n_failed=n_failed,
        n_left=len(group) - len(done) - n_failed,
        accuracy=_mean(accuracies),
        accuracy_std=statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        validation_accuracy=_mean(_known(result.validation_accuracy for result in done)),
        ldi_mean=_mean(_known(result.ldi_mean for result in done)),
        ldi_std=_mean(_known(result.ldi_std for result in done)),
    )


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
