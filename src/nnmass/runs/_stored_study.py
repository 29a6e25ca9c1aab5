"""Reading a study's store."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nnmass.errors import StoreError
from nnmass.runs._store_schema import STORE_FILE, open_for_reading
from nnmass.runs._trial import STATUSES, Trial, TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStudy:
    """A study as its store holds it at one moment.

    Attributes:
        name: Of the study.
        folder: Of the store.
        text: The TOML file that it was asked for with.
        options: What was chosen beside the file.
        results: All trials in the order of the study.
    """

    name: str
    folder: Path
    text: str
    options: dict[str, object]
    results: tuple[TrialResult, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Trials of each status."""
        found = Counter(result.status for result in self.results)
        return {status: found[status] for status in STATUSES}

    @property
    def is_finished(self) -> bool:
        """No trial is left to run."""
        return not (self.counts["pending"] or self.counts["running"])

    def to_rows(self) -> list[dict[str, object]]:
        """The table: one dict of `TRIAL_COLUMNS` a trial."""
        return [result.to_row() for result in self.results]

    @classmethod
    def of(cls, connection: sqlite3.Connection, folder: Path) -> StoredStudy:
        """What the open file holds.

        Args:
            connection: To the store's file.
            folder: Of the study.

        Raises:
            StoreError: It is damaged, or holds no study yet.
        """
        try:
            about = dict(connection.execute("SELECT key, value FROM about"))
            results = read_rows(connection)
            return cls(
                name=about["name"],
                folder=folder,
                text=about["text"],
                options=json.loads(about["options"]),
                results=results,
            )
        except KeyError:
            raise StoreError(
                f"{folder} holds no study yet: run it again, `nnmass study run FILE --out {folder}`"
            ) from None
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise StoreError(
                f"{folder / STORE_FILE} is damaged ({error}); put back a copy of the folder"
            ) from error


def read_rows(connection: sqlite3.Connection) -> tuple[TrialResult, ...]:
    """All trials in the order of the study."""
    rows = connection.execute("SELECT status, trial, outcome FROM trials ORDER BY position")
    return tuple(_result(*row) for row in rows)


def _result(status: str, trial: str, outcome: str | None) -> TrialResult:
    values = {**json.loads(outcome or "{}"), "status": status}
    return TrialResult(trial=Trial.from_dict(json.loads(trial)), **values)


def read_study(folder: str | Path) -> StoredStudy:
    """The study in ``folder``, also while it runs; nothing is changed.

    Raises:
        StoreError: There is none, it is damaged, or a newer nnmass wrote it.
    """
    folder = Path(folder)
    connection = open_for_reading(folder / STORE_FILE)
    try:
        connection.execute("BEGIN")  # one moment for all that is read
        return StoredStudy.of(connection, folder)
    finally:
        connection.close()
