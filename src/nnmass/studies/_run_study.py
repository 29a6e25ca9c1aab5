"""Running a study: jobs to an engine, its results to the store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nnmass.errors import EngineError, StoreError
from nnmass.runs import STUDY_FILE, StoredStudy, StudyStore, Trial, TrialResult, read_study
from nnmass.studies._check_study import StudyPlan, check_study
from nnmass.studies._engine import (
    Engine,
    Event,
    JobContext,
    JobLost,
    JobStarted,
    TrialEnded,
)
from nnmass.studies._job import Job, jobs_of
from nnmass.studies._make_engine import make_engine
from nnmass.studies._study import Study
from nnmass.studies._study_file import parse_study, read_study_file

_FLUSH_TRIES = 3
_FLUSH_PAUSE_S = 1.0
_MOST_LOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStarted:
    """The first event of a run.

    Attributes:
        plan: What the study comes to.
        folder: Of the store.
        left: Trials that this run will train.
        n_workers: Jobs that run at once.
    """

    plan: StudyPlan
    folder: Path
    left: tuple[Trial, ...]
    n_workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultUnwritten:
    """The disk did not take a result; it is kept in memory and written later.

    Attributes:
        result: Which.
        n_unwritten: How many are waiting.
    """

    result: TrialResult
    n_unwritten: int


StudyEvent = StudyStarted | ResultUnwritten | Event
OnEvent = Callable[[StudyEvent], None]


def run_study(
    study: Study | str | Path,
    *,
    out: str | Path | None = None,
    engine: Engine | None = None,
    quick: bool = False,
    device: str | None = None,
    data_dir: str | Path | None = None,
    wait_s: float = 0.0,
    on_event: OnEvent | None = None,
) -> StoredStudy:
    """Run a study, or what is left of it; what is finished is never trained again.

    Everything is checked before anything is started. Killed at any moment, the same call (or
    `resume_study`) goes on: at most the running trials are lost, and the table in the end is that
    of an undisturbed run, but for ``seconds``. A trial that fails is recorded with its reason, and
    the rest goes on. A job whose worker dies is run once more as it was; then each of its trials
    alone; one that loses its worker alone as well has failed.

    Args:
        study: From `read_study_file`, or the file.
        out: Folder of the store; ``NAME``, or ``NAME-quick``, in this folder unless told.
        engine: Where to run it; what the file says unless told.
        quick: Make the changes of the file's ``[quick]``; only where ``study`` is a file.
        device: Of the trainings; what the file says unless told.
        data_dir: Folder of the data sets.
        wait_s: How long to wait for another run on the same folder, in seconds.
        on_event: Told all that happens, in this process.

    Returns:
        The study as its store holds it.

    Raises:
        SpecError, DataError, DeviceError, EngineError, MissingExtraError: As `check_study`.
        StoreError: Another process runs on the folder, it holds another study, or it could not be
            written.
    """
    if not isinstance(study, Study):
        study = read_study_file(study, quick=quick)
    study = _on_device(study, device)
    engine = engine or make_engine(study.engine)
    plan = check_study(study, data_dir=data_dir, engine=engine)
    folder = Path(out) if out is not None else default_folder(study)
    with StudyStore(folder, wait_s=wait_s) as store:
        options = {"quick": study.is_quick, "data_dir": str(data_dir) if data_dir else None}
        store.plan(study.name, text=study.text, options=options, trials=plan.trials)
        return _Run(plan, store, engine, data_dir, on_event).run()


def resume_study(
    folder: str | Path,
    *,
    engine: Engine | None = None,
    device: str | None = None,
    data_dir: str | Path | None = None,
    retry_failed: bool = False,
    wait_s: float = 0.0,
    on_event: OnEvent | None = None,
) -> StoredStudy:
    """Go on with the study in a folder, as it was asked for; as `run_study`.

    Args:
        folder: Of the store.
        engine: Where to run it; what its file says unless told.
        device: Of the trainings; what its file says unless told.
        data_dir: Folder of the data sets; as before unless told.
        retry_failed: Train those that failed as well.
        wait_s: How long to wait for another run on the same folder, in seconds.
        on_event: Told all that happens, in this process.
    """
    stored = read_study(folder)
    study = _on_device(study_of(stored), device)
    known = stored.options.get("data_dir")
    data_dir = data_dir if data_dir is not None else (known if isinstance(known, str) else None)
    engine = engine or make_engine(study.engine)
    plan = check_study(study, data_dir=data_dir, engine=engine)
    with StudyStore(folder, wait_s=wait_s) as store:
        store.plan(study.name, text=study.text, options={}, trials=plan.trials)
        if retry_failed:
            store.retry_failed()
        return _Run(plan, store, engine, data_dir, on_event).run()


def study_of(stored: StoredStudy) -> Study:
    """The study as it was asked for, ``[quick]`` included.

    Raises:
        SpecError: Its file is none for this version of nnmass.
    """
    is_quick = stored.options.get("quick") is True
    return parse_study(stored.text, where=str(stored.folder / STUDY_FILE), quick=is_quick)


def _on_device(study: Study, device: str | None) -> Study:
    if device is None:
        return study
    return replace(study, engine=replace(study.engine, device=device))


def default_folder(study: Study) -> Path:
    """``NAME``, or ``NAME-quick``: the two never mix."""
    return Path(study.name + ("-quick" if study.is_quick else ""))


class _Run:
    """One run of a study: which jobs are left, and what becomes of their events."""

    def __init__(
        self,
        plan: StudyPlan,
        store: StudyStore,
        engine: Engine,
        data_dir: str | Path | None,
        on_event: OnEvent | None,
    ) -> None:
        self._plan, self._store, self._engine = plan, store, engine
        self._data_dir = Path(data_dir).absolute() if data_dir is not None else None
        self._tell = on_event or _say_nothing
        ended = {r.trial.id for r in store.results() if r.status in ("done", "failed")}
        self._left = {trial.id: trial for trial in plan.trials if trial.id not in ended}
        self._n_ended = self._n_lost = 0
        self._jobs = deque(jobs_of(plan.trials, done=ended))

    def run(self) -> StoredStudy:
        """Run what is left."""
        started = StudyStarted(
            plan=self._plan,
            folder=self._store.folder,
            left=tuple(self._left.values()),
            n_workers=self._engine.n_workers,
        )
        self._store.log("run", engine=self._engine.name, left=len(self._left))
        self._tell(started)
        if self._jobs:
            context = JobContext(data_dir=self._data_dir, device=self._plan.study.engine.device)
            events = self._engine.run(self._next_job, context)
            try:
                for event in events:
                    self._take(event)
            finally:
                # workers end now, not when the garbage collector comes
                getattr(events, "close", _say_nothing_more)()
        self._flush()
        self._store.log("end", left=len(self._left))
        return self._store.stored()

    def _next_job(self) -> Job | None:
        return self._jobs.popleft() if self._jobs else None

    def _take(self, event: Event) -> None:
        if isinstance(event, JobStarted):
            self._store.start(event.job.wanted_trials)
        elif isinstance(event, TrialEnded):
            self._n_ended += 1
            self._record(event.result)
        elif isinstance(event, JobLost):
            self._lost(event)
        self._tell(event)

    def _record(self, result: TrialResult) -> None:
        self._left.pop(result.trial.id, None)
        if not self._store.record(result):
            self._tell(ResultUnwritten(result=result, n_unwritten=self._store.n_unwritten))

    def _lost(self, event: JobLost) -> None:
        job, reason = event.job, event.reason
        self._store.log("lost", trials=sorted(job.wanted), reason=reason)
        self._n_lost += 1
        if not self._n_ended and self._n_lost >= _MOST_LOST * self._engine.n_workers:
            raise EngineError(
                f"{self._n_lost} workers died before a single trial ended, the last one so: "
                f"{reason}. Try --workers 1, or smaller networks; what failed is tried again with "
                "--retry-failed"
            )
        wanted = frozenset(key for key in job.wanted if key in self._left)
        if not wanted:
            return
        if not job.losses:
            self._jobs.appendleft(replace(job, wanted=wanted, losses=1))
        elif job.is_together:
            for trial in job.trials:
                if trial.id in wanted:
                    alone = Job(trials=(trial,), wanted=frozenset({trial.id}), losses=1)
                    self._jobs.appendleft(alone)
        else:
            trial = job.trials[0]
            failed = TrialResult(trial=trial, status="failed", reason=f"{reason}, twice")
            self._record(failed)
            self._tell(TrialEnded(result=failed))

    def _flush(self) -> None:
        """Write what the disk has not taken so far; wait a little for room."""
        for attempt in range(_FLUSH_TRIES):
            try:
                return self._store.flush()
            except StoreError as error:
                if attempt + 1 == _FLUSH_TRIES:
                    n_lost = self._store.n_unwritten
                    raise StoreError(
                        f"{error}: {n_lost} results could not be written and will be trained again"
                    ) from error
                time.sleep(_FLUSH_PAUSE_S)
        return None


def _say_nothing(_event: StudyEvent) -> None:
    """Nobody asked."""


def _say_nothing_more() -> None:
    """An engine whose events cannot be closed."""
