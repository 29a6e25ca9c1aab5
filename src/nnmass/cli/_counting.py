"""Progress through a list of names, on stderr: a bar on a terminal, a line each elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic

from nnmass.cli._errors import say

Tell = Callable[[str, str], None]
"""Called with a name and ``""`` when it begins, with the outcome when it is done."""

Tick = Callable[[str, int, int], None]
"""Called with what was done, how many are, and how many there are in all."""

SAID_EVERY_S = 5.0


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


@contextmanager
def ticking(*, quiet: bool) -> Iterator[Tick]:
    """What to tell how many of many small steps are done: a bar, or a line every few seconds."""
    if quiet:
        yield _still
    elif sys.stderr.isatty():
        with ExitStack() as stack:
            yield _bar_tick(stack)
    else:
        yield _line_tick()


def _still(name: str, done: int, total: int) -> None:
    """Show nothing."""


def _bar_tick(stack: ExitStack) -> Tick:
    tells = list[Tell]()

    def tick(name: str, done: int, total: int) -> None:
        if not tells:  # how many there are is known with the first; some may be done already
            tells.append(stack.enter_context(_bar(total - done + 1)))
        tells[0](_cut(name), "done")

    return tick


def _cut(name: str) -> str:
    """So much of ``name`` that bar, numbers and time have room on the line."""
    room = max(8, shutil.get_terminal_size().columns - 46)
    return name if len(name) <= room else name[: room - 2] + ".."


def _line_tick() -> Tick:
    said = monotonic()

    def tick(name: str, done: int, total: int) -> None:
        nonlocal said
        if monotonic() > said + SAID_EVERY_S:
            say(f"[{done}/{total}] {name}")
            said = monotonic()

    return tick


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
