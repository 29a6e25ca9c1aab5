"""One writer at a time: a lock that a dead holder cannot keep."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from nnmass.errors import StoreError

LOCK_FILE = "writer.lock"
_PAUSE_S = 0.05


class WriterLock:
    """The right to write into a folder, held by one process.

    The system holds it for the process, so it ends with the process, however that ends. The file
    says who has it, for the message to others.

    Args:
        folder: It must exist.
        wait_s: How long to wait for another writer, in seconds.

    Raises:
        StoreError: Another process still holds it, or the folder takes no lock.
    """

    def __init__(self, folder: Path, *, wait_s: float = 0.0) -> None:
        self._folder = folder
        try:
            self._stream = (folder / LOCK_FILE).open("a+", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"cannot write into {folder}: {error.strerror}; choose another folder"
            ) from error
        try:
            self._acquire(wait_s)
        except BaseException:
            self._stream.close()
            raise

    def close(self) -> None:
        """Give it back."""
        with suppress(OSError):
            self._stream.truncate(0)
        self._stream.close()

    def _acquire(self, wait_s: float) -> None:
        end = time.monotonic() + wait_s
        while not _try_lock(self._stream):
            if time.monotonic() >= end:
                raise StoreError(
                    f"{self._folder} is being written by {self._holder()}; wait until it ends, "
                    "stop it, or choose another folder. Reading (show, ls, export) works meanwhile"
                )
            time.sleep(_PAUSE_S)
        with suppress(OSError):  # who it is helps others; on a full disk the lock holds as well
            self._stream.truncate(0)
            self._stream.write(json.dumps(_this_process()))
            self._stream.flush()

    def _holder(self) -> str:
        try:
            self._stream.seek(0)
            holder = json.loads(self._stream.read())
            return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def _this_process() -> dict[str, object]:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"pid": os.getpid(), "host": platform.node(), "since": since}


def _try_lock(stream: TextIO) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            stream.seek(2**30)  # beyond the text, which others must be able to read
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreError(
            f"{stream.name} cannot be locked: {error.strerror}; choose a folder on a disk of this "
            "machine"
        ) from error
    return True
