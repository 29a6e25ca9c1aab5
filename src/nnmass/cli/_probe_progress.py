"""Progress of probes, on stderr: a line that moves on a terminal, one now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from nnmass.cli._errors import say

if TYPE_CHECKING:
    from rich.progress import Progress

_EVERY_S = 10.0  # where lines pile up, so seldom does one tell where a long network is


class Watch(Protocol):
    """Shows where the probes are."""

    def at(self, name: str, place: str) -> None:
        """The network ``name`` is at ``place``, such as a layer; it begins with none."""

    def done(self, name: str, outcome: str) -> None:
        """The network ``name`` is done."""


@contextmanager
def watching_probes(total: int, *, quiet: bool) -> Iterator[Watch]:
    """A watch over ``total`` networks that suits stderr."""
    if quiet:
        yield _Silent()
    elif sys.stderr.isatty():
        with _progress(total) as progress:
            yield _Bar(progress, total)
    else:
        yield _Lines(total)


class _Silent:
    def at(self, name: str, place: str) -> None:
        """Show nothing."""

    def done(self, name: str, outcome: str) -> None:
        """Show nothing."""


class _Lines:
    def __init__(self, total: int) -> None:
        self.total, self.n_done, self.told = total, 0, time.monotonic()

    def at(self, name: str, place: str) -> None:
        """Tell it if nothing was told for a while."""
        if time.monotonic() > self.told + _EVERY_S:
            self._say(f"[{self.n_done + 1}/{self.total}] {name}: {place}")

    def done(self, name: str, outcome: str) -> None:
        """Tell it, unless it is the only one."""
        self.n_done += 1
        if self.total > 1:
            self._say(f"[{self.n_done}/{self.total}] {name}: {outcome}")

    def _say(self, text: str) -> None:
        say(text)
        self.told = time.monotonic()


def _progress(total: int) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    # Names give way, and are cut, before the numbers do.
    label = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)
    )
    console = Console(stderr=True)
    if total == 1:
        return Progress(label, TimeElapsedColumn(), console=console, transient=True)
    columns = (BarColumn(16), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    return Progress(label, *columns, TextColumn("left"), console=console, transient=True)


class _Bar:
    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.task = progress, progress.add_task("", total=total)

    def at(self, name: str, place: str) -> None:
        """Show it."""
        # The place first: what moves must be seen, and a name may be cut.
        self.progress.update(self.task, description=f"{place}  {name}" if place else name)

    def done(self, name: str, outcome: str) -> None:
        """Move the bar."""
        self.progress.update(self.task, description=name, advance=1)
