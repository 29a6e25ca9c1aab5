"""How long a study still takes, from what it took so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft:
    """Seconds that are left, as two ways of reckoning tell.

    Attributes:
        low: The smaller one.
        high: The larger one.
    """

    low: float
    high: float

    def __str__(self) -> str:
        """As people say it.

        Example:
            >>> str(TimeLeft(low=40, high=50)), str(TimeLeft(low=50, high=400))
            ('40 to 50 s', '1 to 7 min')
        """
        unit, name = (1, "s") if self.high < 100 else (60, "min")
        if self.high >= 100 * 60:
            unit, name = 3600, "h"
        digits = 1 if name == "h" else 0
        low, high = (f"{value / unit:.{digits}f}" for value in (self.low, self.high))
        return f"{high} {name}" if low == high else f"{low} to {high} {name}"


def time_left(
    done: Sequence[tuple[float, float]],
    left: Sequence[float],
    *,
    workers: int,
    elapsed_s: float,
) -> TimeLeft | None:
    """Time until the last trial ends, or None where nothing is known yet.

    Two ways that rarely agree bound it: every trial takes the mean time of those that ended; or
    time grows with the multiply-adds. Small networks are nearer to the first, large ones to the
    second. Both are scaled by how much of the workers' time went into the trials so far: the rest
    is what they wait for.

    Args:
        done: Multiply-adds and seconds of each trial that this run has ended, not those that
            failed.
        left: Multiply-adds of each trial that is left.
        workers: Trials at once.
        elapsed_s: Since the first trial began.

    Source:
        Ours.

    Example:
        >>> str(time_left([(1e9, 10.0), (3e9, 20.0)], [3e9, 3e9], workers=2, elapsed_s=15))
        '15 to 22 s'
        >>> time_left([], [1e9], workers=2, elapsed_s=3) is None
        True
    """
    if not left:
        return TimeLeft(low=0.0, high=0.0)
    seconds = sum(spent for _, spent in done)
    macs = sum(cost for cost, _ in done)
    if not done or seconds <= 0 or macs <= 0:
        return None
    by_trial = seconds / len(done) * len(left)
    by_macs = seconds / macs * sum(left)
    longest = max(seconds / macs * cost for cost in left)  # no trial is shared among workers
    at_once = min(workers, len(left))
    slowness = max(1.0, elapsed_s * min(workers, len(done)) / seconds)
    bounds = [max(work / at_once, longest * 0.5) * slowness for work in (by_trial, by_macs)]
    return TimeLeft(low=min(bounds), high=max(bounds))
