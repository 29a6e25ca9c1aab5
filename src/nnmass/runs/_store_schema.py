"""The tables of a study's SQLite file, and opening one of another age."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from nnmass.errors import StoreError

STORE_FILE = "study.sqlite"
STORE_SCHEMA = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trials (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    seed INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'done', 'failed')),
    trial TEXT NOT NULL,
    outcome TEXT
);
"""


def open_for_writing(file: Path) -> sqlite3.Connection:
    """The file with its tables, made where it is missing; in WAL mode, every commit on the disk.

    Raises:
        StoreError: It is no store, one of a newer schema, or cannot be written.
    """
    try:
        # Transactions are ours to begin; the first statement would begin one otherwise.
        connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreError(f"cannot open {file}: {error}; choose another folder") from error
    try:
        check_schema(connection, file)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {STORE_SCHEMA}; COMMIT;")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(
            f"cannot write {file}: {error}; free some space or choose another folder"
        ) from error
    except StoreError:
        connection.close()
        raise
    return connection


def open_for_reading(file: Path) -> sqlite3.Connection:
    """The file for reading, also while another process writes it.

    Raises:
        StoreError: There is none, it is no store, or one of a newer schema.
    """
    if not file.is_file():
        raise StoreError(
            f"no study in {file.parent}: it has no {STORE_FILE}. `nnmass study run FILE --out "
            f"{file.parent}` begins one"
        )
    connection = _connect_to_read(file)
    try:
        check_schema(connection, file)
    except StoreError:
        connection.close()
        raise
    return connection


def _connect_to_read(file: Path) -> sqlite3.Connection:
    address = file.resolve().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=30)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # A folder that cannot be written has no room for the index of the log; nobody writes.
        connection.close()
        connection = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True)
    except sqlite3.DatabaseError:
        pass  # told by `check_schema`
    return connection


def check_schema(connection: sqlite3.Connection, file: Path) -> None:
    """Refuse what is no store, and what a later version wrote.

    Raises:
        StoreError: It is one of them.
    """
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{file} is no store of a study ({error}); move it away or choose another folder"
        ) from error
    if version > STORE_SCHEMA:
        raise StoreError(
            f"{file} has schema {version}, written by a newer nnmass; this one reads up to "
            f"{STORE_SCHEMA}. Update nnmass, or choose another folder"
        )
    if version == 0 and tables:
        raise StoreError(
            f"{file} is a SQLite file, but no store of a study; move it away or choose another "
            "folder"
        )


def rolled_back(connection: sqlite3.Connection) -> None:
    """End a transaction that went wrong, if one is open."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.rollback()
