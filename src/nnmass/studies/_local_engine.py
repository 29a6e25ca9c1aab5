"""The local engine: processes on this machine that share its cores."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

from nnmass.errors import EngineError, whole_number
from nnmass.runs import Trial, TrialResult
from nnmass.studies._engine import (
    Event,
    JobContext,
    JobEnded,
    JobLost,
    JobStarted,
    NextJob,
    TrialEnded,
    cores_here,
    thread_variables,
)
from nnmass.studies._job import Job


class LocalEngine:
    """Worker processes on this machine; the cores are shared out among them.

    Args:
        workers: How many at once; as many as cores unless told.
        threads: CPU threads of each; cores / workers unless told, at least 1.

    Raises:
        SpecError: One of them is no whole number of at least 1.

    Example:
        >>> engine = LocalEngine(workers=2, threads=1)
        >>> engine.n_workers, engine.name
        (2, 'local')
    """

    name = "local"

    def __init__(self, *, workers: int | None = None, threads: int | None = None) -> None:
        cores = cores_here()
        self._workers = cores if workers is None else whole_number(workers, "workers", low=1)
        share = max(1, cores // self._workers)
        self.threads = share if threads is None else whole_number(threads, "threads", low=1)

    @property
    def n_workers(self) -> int:
        """Processes at once."""
        return self._workers

    def check(self) -> None:
        """Processes can be had on every machine."""

    def run(self, next_job: NextJob, context: JobContext) -> Iterator[Event]:
        """Events of all jobs; the processes end with the iterator.

        Args:
            next_job: Gives the next job, or ``None`` where there is none left.
            context: What every job needs.
        """
        with contextlib.ExitStack() as afterwards:
            selector = afterwards.enter_context(selectors.DefaultSelector())
            idle: list[_Worker] = []
            n_busy = 0
            while True:
                while n_busy < self._workers and (job := next_job()) is not None:
                    worker = idle.pop() if idle else self._begin(selector, afterwards)
                    worker.give(job, context)
                    n_busy += 1
                    yield JobStarted(job=job, worker=str(worker.pid))
                if not n_busy:
                    return
                for key, _ in selector.select():
                    worker = key.data
                    for event in worker.events():
                        if isinstance(event, JobLost):
                            selector.unregister(key.fileobj)
                            n_busy -= 1
                        elif isinstance(event, JobEnded):
                            idle.append(worker)
                            n_busy -= 1
                        yield event
                    if worker.is_dead and worker in idle:
                        idle.remove(worker)
                        selector.unregister(key.fileobj)

    def _begin(self, selector: selectors.BaseSelector, afterwards: contextlib.ExitStack) -> _Worker:
        worker = _Worker(self.threads)
        afterwards.callback(worker.stop)
        selector.register(worker.output, selectors.EVENT_READ, worker)
        return worker


class _Worker:
    """One process, and what it is doing."""

    def __init__(self, threads: int) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`
        paths = os.pathsep.join(path for path in sys.path if path)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nnmass.studies._worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **thread_variables(threads), "PYTHONPATH": paths},
                start_new_session=True,  # Ctrl-C is for the one that writes the store
            )
        except OSError as error:
            raise EngineError(
                f"cannot start a worker process: {error.strerror}; give fewer --workers"
            ) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self.output = self._process.stdin, self._process.stdout
        self._job: Job | None = None
        self._trials: dict[str, Trial] = {}
        self._rest = b""
        self.is_dead = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def give(self, job: Job, context: JobContext) -> None:
        self._job = job
        self._trials = {trial.id: trial for trial in job.trials}
        data_dir = None if context.data_dir is None else str(context.data_dir)
        message = {"job": job.to_dict(), "data_dir": data_dir, "device": context.device}
        with contextlib.suppress(OSError):  # a dead worker is found when its output ends
            self._input.write(json.dumps(message).encode() + b"\n")
            self._input.flush()

    def events(self) -> Iterator[Event]:
        """What the process has said since; its death ends the job that it had."""
        data = os.read(self.output.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            job = self._job
            if job is None:
                continue
            if message.get("ended"):
                self._job = None
                yield JobEnded(job=job)
            else:
                trial = self._trials[message["trial"]]
                yield TrialEnded(result=TrialResult(trial=trial, **message["outcome"]))
        if not data:
            self.is_dead = True
            job, self._job = self._job, None
            if job is not None:
                yield JobLost(job=job, reason=self._death())

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for stream in (self._input, self.output, self._errors):
            with contextlib.suppress(OSError):
                stream.close()

    def _death(self) -> str:
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            hint = " (killed from outside, or out of memory)" if name == "SIGKILL" else ""
            return f"its worker process died of {name}{hint}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        return f"its worker process ended with exit code {code}: {last.strip()[:300]}"
