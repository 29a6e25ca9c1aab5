"""Progress through a list of names, on stderr: a bar on a terminal, a line each elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nnmass.cli._errors import say

Tell = Callable[[str, str], None]
"""Called with a name and ``""`` when it begins, with the outcome when it is done."""


@contextmanager
def counting(total: int, *, quiet: bool) -> Iterator[Tell]:
    """What to tell that the next of ``total`` names begins or is done; silent for one name."""
    if quiet or total < 2:
        yield _silent
    elif sys.stderr.isatty():
        with _bar(total) as tell:
            yield tell
    else:
        yield _lines(total)


def _silent(name: str, outcome: str) -> None:
    """Show nothing."""


def _lines(total: int) -> Tell:
    n_done = 0

    def tell(name: str, outcome: str) -> None:
        nonlocal n_done
        if outcome:
            n_done += 1
            say(f"[{n_done}/{total}] {name}: {outcome}")

    return tell


@contextmanager
def _bar(total: int) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    # A name gives way, and is cut, before the numbers do.
    label = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)
    )
    console = Console(stderr=True)
    columns = (BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    with Progress(label, *columns, TextColumn("left"), console=console, transient=True) as progress:
        task = progress.add_task("", total=total)

        def tell(name: str, outcome: str) -> None:
            progress.update(task, description=name, advance=1 if outcome else 0, refresh=True)

        yield tell
