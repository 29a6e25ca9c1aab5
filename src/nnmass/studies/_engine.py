"""What every engine does: takes jobs, gives events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nnmass.runs import TrialResult
from nnmass.studies._job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted:
    """A worker took a job.

    Attributes:
        job: Which.
        worker: Its process id, or what the engine calls it.
    """

    job: Job
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnded:
    """A trial is done, or failed with its reason.

    Attributes:
        result: With the figures, or the reason.
    """

    result: TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """A worker is through with a job.

    Attributes:
        job: Which.
    """

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLost:
    """The worker died (killed, out of memory, its machine gone) before it was through with a job.

    Attributes:
        job: Which; some of its trials may have ended.
        reason: What is known of the death.
    """

    job: Job
    reason: str


Event = JobStarted | TrialEnded | JobEnded | JobLost

NextJob = Callable[[], Job | None]
"""The next job, or None where there is none just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """What every job of a study needs.

    Attributes:
        data_dir: Folder of the data sets, on every machine that has workers.
        device: Of the trainings.
    """

    data_dir: Path | None = None
    device: str = "cpu"


class Engine(Protocol):
    """Runs jobs somewhere."""

    name: str

    @property
    def n_workers(self) -> int:
        """Jobs that run at once."""

    def check(self) -> None:
        """Find out whether workers can be had; nothing is left running.

        Raises:
            EngineError: They cannot.
            MissingExtraError: A package is missing.
        """

    def run(self, next_job: NextJob, context: JobContext) -> Iterator[Event]:
        """Take jobs until there are none left and none runs; workers end with the iterator.

        Args:
            next_job: Gives the next job, or ``None`` where there is none left.
            context: What every job needs.
        """


def cores_here() -> int:
    """CPU cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def thread_variables(threads: int) -> dict[str, str]:
    """Environment that keeps a worker's numeric libraries at so many threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return dict.fromkeys(names, str(threads))
