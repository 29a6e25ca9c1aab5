"""The store of a study: one folder, one writer, any number of readers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from nnmass.errors import StoreError
from nnmass.runs._atomic import write_atomic
from nnmass.runs._event_log import LOG_FILE, EventLog
from nnmass.runs._store_schema import STORE_FILE, open_for_writing, rolled_back
from nnmass.runs._stored_study import StoredStudy, read_rows
from nnmass.runs._trial import Trial, TrialResult
from nnmass.runs._writer_lock import WriterLock

STUDY_FILE = "study.toml"


class StudyStore:
    """A study's folder, open for writing by this process alone.

    The folder holds ``study.sqlite`` (the truth), ``study.toml`` (the study as it was asked for),
    ``log.jsonl`` (one line an event) and ``writer.lock``; it can be copied as a whole. A result is
    on the disk when `record` returns, or is kept here and written with the next one.

    Args:
        folder: Made where it is missing.
        wait_s: How long to wait for another writer, in seconds.

    Raises:
        StoreError: Another process writes it, it is no store, one of a newer schema, or cannot be
            written.

    Example:
        >>> import tempfile
        >>> trial = Trial(spec="dense-mlp(w=8,d=4,t=1)", seed=0, recipe={}, data="digits")
        >>> with tempfile.TemporaryDirectory() as folder, StudyStore(folder) as store:
        ...     store.plan("name", text="", options={}, trials=[trial])
        ...     store.record(TrialResult(trial=trial, status="done", accuracy=0.9))
        ...     [result.accuracy for result in store.results()]
        True
        [0.9]
    """

    def __init__(self, folder: str | Path, *, wait_s: float = 0.0) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot make the folder {folder}: {error.strerror}; choose another one"
            ) from error
        self._lock = WriterLock(self.folder, wait_s=wait_s)
        try:
            self._connection = open_for_writing(self.folder / STORE_FILE)
        except BaseException:
            self._lock.close()
            raise
        self._log = EventLog(self.folder / LOG_FILE)
        self._unwritten: list[TrialResult] = []

    def __enter__(self) -> StudyStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def n_unwritten(self) -> int:
        """Results that the disk has not taken yet."""
        return len(self._unwritten)

    @property
    def is_planned(self) -> bool:
        """Whether it holds a study."""
        n_entries = self._connection.execute("SELECT count(*) FROM about").fetchone()[0]
        return bool(n_entries)

    def plan(
        self, name: str, *, text: str, options: Mapping[str, object], trials: Sequence[Trial]
    ) -> None:
        """Write the study and its trials, all of them or nothing.

        A study that is there already must have the same trials; then nothing but the trials that a
        dead run left behind changes: they are pending again.

        Args:
            name: Of the study.
            text: Its TOML file.
            options: What was chosen beside the file, JSON-ready; kept for resuming.
            trials: In the order of the table, no two alike.

        Raises:
            StoreError: The folder holds another study, or could not be written.
        """
        if self.is_planned:
            self._check_same(name, trials)
            self._begin_again()
        else:
            about = {"name": name, "text": text, "options": json.dumps(dict(options))}
            rows = [
                (position, trial.id, trial.spec, trial.seed, "pending", json.dumps(trial.to_dict()))
                for position, trial in enumerate(trials)
            ]
            self._write(
                [
                    ("INSERT INTO about VALUES (?, ?)", list(about.items())),
                    ("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, NULL)", rows),
                ]
            )
        if text and not (self.folder / STUDY_FILE).exists():
            write_atomic(self.folder / STUDY_FILE, text)

    def retry_failed(self) -> int:
        """Make failed trials pending; how many there were."""
        n_failed = sum(result.status == "failed" for result in self.results())
        again = "UPDATE trials SET status = 'pending', outcome = NULL WHERE status = 'failed'"
        self._write([(again, [()])])
        return n_failed

    def start(self, trials: Iterable[Trial]) -> None:
        """Say that these are running; readers see it. What cannot be written is left out."""
        ids = [(trial.id,) for trial in trials]
        running = "UPDATE trials SET status = 'running' WHERE id = ? AND status = 'pending'"
        with suppress(StoreError):
            self._write([(running, ids)])
        self.log("started", trials=[key for (key,) in ids])

    def record(self, result: TrialResult) -> bool:
        """Write the result of a trial, once; a second one of the same trial changes nothing.

        Returns:
            Whether it is on the disk. Where the disk is full or fails it is kept here, and written
            with the next result or by `flush`.
        """
        self._unwritten.append(result)
        values = {"trial": result.trial.id, **result.outcome()}
        self.log("finished", **values)
        try:
            self.flush()
        except StoreError as error:
            self.log("unwritten", trial=result.trial.id, reason=str(error))
            return False
        return True

    def flush(self) -> None:
        """Write what could not be written before.

        Raises:
            StoreError: It still cannot.
        """
        rows = [
            (result.status, json.dumps(result.outcome()), result.trial.id)
            for result in self._unwritten
        ]
        finish = (
            "UPDATE trials SET status = ?, outcome = ? WHERE id = ? "
            "AND status IN ('pending', 'running')"
        )
        if rows:
            self._write([(finish, rows)])
        self._unwritten = []

    def results(self) -> tuple[TrialResult, ...]:
        """All trials in the order of the study."""
        return read_rows(self._connection)

    def stored(self) -> StoredStudy:
        """The study as a reader sees it."""
        return StoredStudy.of(self._connection, self.folder)

    def log(self, event: str, **values: object) -> None:
        """Append a line to ``log.jsonl``."""
        self._log.write(event, values)

    def close(self) -> None:
        """Write what is left if the disk takes it, and give the folder back."""
        with suppress(StoreError):
            self.flush()
        with suppress(StoreError):
            self._begin_again()
        self._log.close()
        self._connection.close()
        self._lock.close()

    def _begin_again(self) -> None:
        """Nothing runs that another process began: this is the only writer."""
        self._write([("UPDATE trials SET status = 'pending' WHERE status = 'running'", [()])])

    def _check_same(self, name: str, trials: Sequence[Trial]) -> None:
        here = [
            row[0] for row in self._connection.execute("SELECT id FROM trials ORDER BY position")
        ]
        if here == [trial.id for trial in trials]:
            return
        about = dict(self._connection.execute("SELECT key, value FROM about"))
        raise StoreError(
            f"{self.folder} holds another study, {about.get('name')!r} with {len(here)} trials; "
            f"{name!r} has {len(trials)}, and they are not the same. Go on with what is there "
            f"(`nnmass study resume {self.folder}`), or choose another folder with --out"
        )

    def _write(self, statements: Iterable[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        """All statements in one transaction, or none."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                connection.executemany(statement, rows)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            rolled_back(connection)
            raise StoreError(
                f"cannot write {self.folder / STORE_FILE}: {error}; what is in it is whole. Free "
                "some space, then `nnmass study resume`"
            ) from error
        except BaseException:
            rolled_back(connection)
            raise
