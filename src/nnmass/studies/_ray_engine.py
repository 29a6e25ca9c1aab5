"""The Ray engine: workers on the machines of a cluster, or on a local one of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

from nnmass.errors import EngineError, MissingExtraError, whole_number
from nnmass.runs import TrialResult
from nnmass.studies._engine import (
    Event,
    JobContext,
    JobEnded,
    JobLost,
    JobStarted,
    NextJob,
    TrialEnded,
    thread_variables,
)
from nnmass.studies._job import Job

_CONNECT_S = 5.0
_POLL_S = 1.0


class RayEngine:
    """Workers of a Ray cluster.

    nnmass, and the data folder under the same path, must be on every machine of the cluster.

    Args:
        address: ``HOST:PORT`` of the head, ``ray://HOST:PORT``, or ``auto`` for the cluster that
            this machine belongs to; None starts one on this machine, which ends with the run.
        workers: Jobs at once; as many as the CPUs of the cluster give unless told.
        threads: CPUs of each job.

    Raises:
        SpecError: A number is no whole number of at least 1.
    """

    name = "ray"

    def __init__(
        self, address: str | None = None, *, workers: int | None = None, threads: int = 1
    ) -> None:
        self.address = address
        self.threads = whole_number(threads, "threads", low=1)
        self._asked = None if workers is None else whole_number(workers, "workers", low=1)
        self._n_workers = self._asked or 1

    @property
    def n_workers(self) -> int:
        """Jobs at once, as far as the cluster was seen."""
        return self._n_workers

    def check(self) -> None:
        """Whether Ray is installed and the cluster answers.

        Raises:
            MissingExtraError: Ray is not installed.
            EngineError: Nothing answers at the address.
        """
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError.of("the engine ray", package="ray", extra="ray")
        if self.address not in (None, "auto", "local"):
            _knock(str(self.address))

    def run(self, next_job: NextJob, context: JobContext) -> Iterator[Event]:
        """Events of all jobs.

        Args:
            next_job: Gives the next job, or ``None`` where there is none left.
            context: What every job needs.
        """
        self.check()
        import ray

        with _connected(ray, self.address, self._asked, self.threads):
            total = ray.cluster_resources().get("CPU", 0)
            self._n_workers = self._asked or max(1, int(total) // self.threads)
            yield from self._run(ray, next_job, context)

    def _run(self, ray: Any, next_job: NextJob, context: JobContext) -> Iterator[Event]:
        task = ray.remote(num_cpus=self.threads, max_retries=0, num_returns="streaming")(_work)
        data_dir = None if context.data_dir is None else str(context.data_dir)
        running: dict[Any, Job] = {}
        while True:
            while len(running) < self._n_workers and (job := next_job()) is not None:
                stream = task.remote(job.to_dict(), data_dir, context.device, self.threads)
                running[stream] = job
                yield JobStarted(job=job, worker="ray")
            if not running:
                return
            ready, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_S, fetch_local=False)
            for stream in ready:
                job = running[stream]
                event = _next_event(ray, stream, job)
                if isinstance(event, JobEnded | JobLost):
                    del running[stream]
                yield event


def _next_event(ray: Any, stream: Any, job: Job) -> Event:
    try:
        message = ray.get(next(stream))
    except StopIteration:
        return JobEnded(job=job)
    except ray.exceptions.RayError as error:
        return JobLost(job=job, reason=f"its Ray worker was lost ({_first_line(error)})")
    trial = next(trial for trial in job.trials if trial.id == message["trial"])
    return TrialEnded(result=TrialResult(trial=trial, **message["outcome"]))


def _work(
    values: dict[str, Any], data_dir: str | None, device: str, threads: int
) -> Iterator[dict[str, object]]:
    """What runs in a worker of the cluster."""
    import torch

    from nnmass.studies._run_job import run_job

    torch.set_num_threads(threads)
    for result in run_job(Job.from_dict(values), data_dir=data_dir, device=device):
        yield {"trial": result.trial.id, "outcome": result.outcome()}


@contextlib.contextmanager
def _connected(ray: Any, address: str | None, workers: int | None, threads: int) -> Iterator[None]:
    """A connection to the cluster, or a cluster of our own; a connection that is there stays."""
    if ray.is_initialized():
        yield
        return
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address in (None, "local"):
        paths = os.pathsep.join(path for path in sys.path if path)
        variables = {"PYTHONPATH": paths, **thread_variables(threads)}
        settings |= {
            "address": "local",
            "include_dashboard": False,
            "runtime_env": {"env_vars": variables},
        }
        if workers is not None:
            settings["num_cpus"] = workers * threads
    else:
        settings["address"] = address
    try:
        ray.init(**settings)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = "on this machine" if address is None else f"at {address!r}"
        raise EngineError(
            f"there is no Ray cluster {where}: {_first_line(error)}. Start one with `ray start "
            "--head`, leave the address out to use this machine, or take --engine local"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself tries a dead address for a minute and says little."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not host or not port.isdigit():
        raise EngineError(
            f"Ray address must be HOST:PORT, ray://HOST:PORT or auto, got {address!r}"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"nothing answers at the Ray address {address!r} ({error}): start a cluster there with "
            "`ray start --head`, leave the address out to use this machine, or take --engine local"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).split("\n") if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
