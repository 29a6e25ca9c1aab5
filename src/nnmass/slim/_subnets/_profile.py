"""Measuring the levels of a family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import nn

from nnmass.design import TableSetting
from nnmass.errors import SpecError, whole_number
from nnmass.probes import BatchLatency, Latency, Stopwatch, latency
from nnmass.runs import this_machine
from nnmass.slim._subnets._subnet_table import SubnetTable, SubnetTime

_LEAST_RUNS = 5  # of `nnmass.probes.latency`
_TURN = 20  # runs of one level before the next has its turn
_IMAGE_DIMS = 3  # channels, height, width


class Level(Protocol):
    """What a family tells of one level."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def macs(self) -> int:
        """Multiply-adds of one image."""

    @property
    def params(self) -> int:
        """Trainable parameters."""


class Family(Protocol):
    """What profiling and serving ask of a family; `SubnetFamily` has it."""

    @property
    def subnets(self) -> Sequence[Level]:
        """The levels, the largest first."""

    @property
    def input_shape(self) -> Sequence[int]:
        """Of one image."""

    def export(self, level: int, /) -> nn.Module:
        """A plain module for serving."""


def profile_subnets(
    family: Family,
    *,
    batch_size: int = 1,
    n_repeats: int = 100,
    warm_up: int = 10,
    device: str = "cpu",
    threads: int | None = None,
    accuracies: Sequence[float] | None = None,
    stopwatch: Stopwatch | None = None,
) -> SubnetTable:
    """Time every level of ``family`` as it is served: exported, batch norms folded.

    The levels take turns, a few runs each, so that a machine whose speed drifts slows all alike.

    Args:
        family: A `SubnetFamily`.
        batch_size: Images in one run.
        n_repeats: Timed runs of each level, 5 or more.
        warm_up: Runs before each turn's, which do not count.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: That one operation on the CPU may use; as many as there are now unless told.
        accuracies: In [0, 1], one for each level; by them levels are picked, else by size.
        stopwatch: Makes a run and gives its milliseconds, in place of the device's clock.

    Returns:
        The table, with median and 95th percentile for each level.

    Raises:
        SpecError: An argument is wrong.
        DeviceError: The device is not there.

    Source:
        Ours.
    """
    n_repeats = whole_number(n_repeats, "n_repeats", low=_LEAST_RUNS)
    n_levels, shape = len(family.subnets), tuple(family.input_shape)
    shares = _checked_accuracies(accuracies, n_levels)
    exports = [family.export(level) for level in range(n_levels)]
    runs: list[tuple[float, ...]] = [()] * n_levels
    while len(runs[-1]) < n_repeats:
        for level, export in enumerate(exports):
            found = latency(
                export,
                shape,
                batch_sizes=(batch_size,),
                n_repeats=max(_LEAST_RUNS, min(_TURN, n_repeats - len(runs[level]))),
                warm_up=warm_up,
                device=device,
                threads=threads,
                channels_last=len(shape) == _IMAGE_DIMS,
                stopwatch=stopwatch,
            )
            runs[level] += found.batches[0].times_ms
    times = zip(range(n_levels), family.subnets, runs, shares, strict=True)
    return SubnetTable(
        setting=_setting(found, batch_size),
        input_shape=shape,
        times=tuple(_time(*one) for one in times),
    )


def _time(
    level: int, subnet: Level, times_ms: tuple[float, ...], accuracy: float | None
) -> SubnetTime:
    pooled = BatchLatency(batch_size=1, times_ms=times_ms)
    return SubnetTime(
        level=level,
        name=subnet.name,
        macs=subnet.macs,
        params=subnet.params,
        median_ms=pooled.median_ms,
        p95_ms=pooled.p95_ms,
        n_runs=pooled.n_runs,
        accuracy=accuracy,
    )


def _setting(found: Latency, batch_size: int) -> TableSetting:
    return TableSetting(
        machine=this_machine(),
        device=found.device,
        threads=found.threads,
        dtype=found.dtype,
        batch_size=batch_size,
        torch=torch.__version__,
    )


def _checked_accuracies(
    accuracies: Sequence[float] | None, n_levels: int
) -> Sequence[float] | list[None]:
    if accuracies is None:
        return [None] * n_levels
    if len(accuracies) != n_levels or not all(0 <= share <= 1 for share in accuracies):
        raise SpecError(
            f"accuracies must be one number from 0 to 1 for each of {n_levels} levels, got "
            f"{accuracies!r}"
        )
    return [float(share) for share in accuracies]
