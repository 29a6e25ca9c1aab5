"""A log of lines that is never in the way of what it tells about."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

LOG_FILE = "log.jsonl"


class EventLog:
    """JSON lines, appended; where they cannot be written they are left out."""

    def __init__(self, file: Path) -> None:
        self._stream: TextIO | None = None
        with suppress(OSError):
            self._stream = file.open("a+", encoding="utf-8")
            self._end_torn_line(file)

    def write(self, event: str, values: Mapping[str, object]) -> None:
        """One line: the time in UTC, the event, its values."""
        if self._stream is None:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with suppress(OSError):
            self._stream.write(json.dumps({"time": now, "event": event, **values}) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Nothing is written after it."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.close()

    def _end_torn_line(self, file: Path) -> None:
        """A kill may have come in the middle of a line; the next one must begin a new one."""
        assert self._stream is not None
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            if size and stream.seek(size - 1) is not None and stream.read(1) != b"\n":
                self._stream.write("\n")
