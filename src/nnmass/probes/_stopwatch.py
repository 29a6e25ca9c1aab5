"""Timing calls: how long one takes, and how often to make it."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

Stopwatch = Callable[[Callable[[], object]], float]
"""Makes the call and gives the milliseconds that it took."""

LEAST_RUNS = 5
"""Fewer tell no spread; so many are made however long they take."""


def stopwatch_for(device: torch.device) -> Stopwatch:
    """The clock of ``device``."""
    return _time_on_cuda if device.type == "cuda" else _time_on_cpu


def timed_runs(
    call: Callable[[], object],
    stopwatch: Stopwatch,
    *,
    n_repeats: int,
    warm_up: int,
    max_seconds: float,
) -> tuple[float, ...]:
    """Milliseconds of each run of ``call``, after a warm-up that does not count.

    Args:
        call: What is timed.
        stopwatch: Makes a run.
        n_repeats: Runs, if the time allows.
        warm_up: Runs before them, which end after ``max_seconds`` as well.
        max_seconds: After so much time in timed runs no other is begun, once there are
            `LEAST_RUNS`.

    Example:
        >>> timed_runs(list, lambda call: 400.0, n_repeats=50, warm_up=1, max_seconds=2.2)
        (400.0, 400.0, 400.0, 400.0, 400.0, 400.0)
    """
    left_ms = 1000 * max_seconds
    for _ in range(warm_up):
        left_ms -= stopwatch(call)
        if left_ms <= 0:
            break
    times = list[float]()
    while len(times) < n_repeats:
        if len(times) >= LEAST_RUNS and sum(times) >= 1000 * max_seconds:
            break
        times.append(stopwatch(call))
    return tuple(times)


def _time_on_cpu(call: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began) / 1e6


def _time_on_cuda(call: Callable[[], object]) -> float:
    """From an idle device to an idle device, by its own clock."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    call()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end))
