"""Progress of trainings, on stderr: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from nnmass.cli._errors import say

if TYPE_CHECKING:
    from rich.progress import Progress

    from nnmass.train import Step


class Watcher(Protocol):
    """Shows where one or several trainings are."""

    def __call__(self, label: str, step: Step, *, done: int, total: int) -> None:
        """One step of the training called ``label``, number ``done`` (from 0) of ``total``."""


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watcher]:
    """A watcher that suits stderr."""
    if quiet:
        yield _silent
    elif sys.stderr.isatty():
        with _bar() as progress:
            yield _Bar(progress)
    else:
        yield _Lines()


def _silent(label: str, step: Step, *, done: int, total: int) -> None:
    """Show nothing."""


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
    )


class _Bar:
    """One bar over all trainings, with an estimate of the time left."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task = progress.add_task("", total=1.0, state="", left="")
        self.start = time.monotonic()
        self.first: float | None = None

    def __call__(self, label: str, step: Step, *, done: int, total: int) -> None:
        """Move the bar."""
        within = (step.epoch - 1 + step.step / step.steps) / step.epochs
        share = (done + within) / total
        if self.first is None:  # a resumed training does not begin at 0
            self.first = share
        self.progress.update(
            self.task,
            completed=share,
            description=label,
            state=f"epoch {step.epoch}/{step.epochs}{_accuracy(step)}",
            left=self._left(share),
        )

    def _left(self, share: float) -> str:
        moved = share - (self.first or 0.0)
        if moved < 0.02:
            return ""
        seconds = (time.monotonic() - self.start) * (1 - share) / moved
        return (
            f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"
        )


class _Lines:
    """One line for each finished epoch."""

    def __call__(self, label: str, step: Step, *, done: int, total: int) -> None:
        """Print once an epoch is validated."""
        if len(step.curve) == step.epoch:
            say(f"[{done + 1}/{total}] {label}: epoch {step.epoch}/{step.epochs}{_accuracy(step)}")


def _accuracy(step: Step) -> str:
    if not step.curve:
        return ""
    return f", validation {100 * step.curve[-1]['validation_accuracy']:.1f} %"
