"""Progress of a fetch, on stderr: a bar on a terminal, a line a file elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nnmass.cli._errors import say

if TYPE_CHECKING:
    from nnmass.data import FetchProgress


@contextmanager
def watching_fetch(*, quiet: bool) -> Iterator[Callable[[FetchProgress], None]]:
    """A watcher of a fetch that suits stderr."""
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bars() as watch:
            yield watch
    else:
        yield _Lines()


@contextmanager
def _bars() -> Iterator[Callable[[FetchProgress], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(progress: FetchProgress) -> None:
            if progress.file not in tasks:
                tasks[progress.file] = bars.add_task(progress.file, total=progress.total_bytes)
            bars.update(tasks[progress.file], completed=progress.done_bytes)

        yield watch


class _Lines:
    """One line when a file begins, one at each tenth of it."""

    def __init__(self) -> None:
        self.last: tuple[str, int] | None = None

    def __call__(self, progress: FetchProgress) -> None:
        total = progress.total_bytes
        tenth = 10 * progress.done_bytes // total if total else 0
        if (progress.file, tenth) == self.last:
            return
        self.last = (progress.file, tenth)
        of = f" of {total:,}" if total else ""
        say(f"{progress.file}: {progress.done_bytes:,}{of} bytes")
