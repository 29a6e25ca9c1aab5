"""Progress of a study, on stderr: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nnmass.cli._errors import say

if TYPE_CHECKING:
    from rich.progress import Progress

    from nnmass.runs import TrialResult
    from nnmass.studies import StudyEvent, StudyStarted

_LINES_ALL = 60
_LINE_EVERY_S = 5.0


@contextmanager
def watching_study(*, quiet: bool) -> Iterator[Callable[[StudyEvent], None]]:
    """A watcher that suits stderr."""
    if quiet:
        yield lambda _event: None
    elif sys.stderr.isatty():
        with _bar() as progress:
            yield _Bar(progress)
    else:
        yield _Lines()


class _Count:
    """What has ended so far, and how long the rest will take."""

    def __init__(self, started: StudyStarted) -> None:
        self.started = started
        self.total = len(started.plan.trials)
        self.left = {trial.id: started.plan.cost(trial) for trial in started.left}
        self.spent: list[tuple[float, float]] = []
        self.n_failed = 0
        self._begin: float | None = None

    @property
    def n_ended(self) -> int:
        """Those of earlier runs included."""
        return self.total - len(self.left)

    def add(self, result: TrialResult) -> None:
        """One more."""
        cost = self.left.pop(result.trial.id, 0.0)
        if self._begin is None:  # processes that start once say nothing of what is left
            self._begin = time.monotonic() - (result.seconds or 0.0)
        if result.status == "failed":
            self.n_failed += 1
        elif result.seconds:
            self.spent.append((cost, result.seconds))

    def time_left(self) -> str:
        """In words."""
        from nnmass.studies import time_left

        if not self.left:
            return ""
        now = time.monotonic()
        found = time_left(
            self.spent,
            list(self.left.values()),
            workers=self.started.n_workers,
            elapsed_s=now - (now if self._begin is None else self._begin),
        )
        return "time left unknown" if found is None else f"{found} left"


class _Watcher:
    """Common to both: what the events mean."""

    def __init__(self) -> None:
        self.count: _Count | None = None

    def __call__(self, event: StudyEvent) -> None:
        """Show an event."""
        from nnmass.studies import JobLost, ResultUnwritten, StudyStarted, TrialEnded

        if isinstance(event, StudyStarted):
            self.count = _Count(event)
            self.begin(self.count)
        elif isinstance(event, TrialEnded) and self.count is not None:
            self.count.add(event.result)
            self.trial(event.result, self.count)
        elif isinstance(event, JobLost):
            self.note(f"lost {_names(len(event.job.wanted))}: {event.reason}")
        elif isinstance(event, ResultUnwritten):
            self.note(
                f"the disk did not take a result; {event.n_unwritten} kept in memory for later"
            )

    def begin(self, count: _Count) -> None:
        """The study begins."""
        raise NotImplementedError

    def trial(self, result: TrialResult, count: _Count) -> None:
        """A trial ended."""
        raise NotImplementedError

    def note(self, text: str) -> None:
        """Something to know."""
        say(text)


class _Lines(_Watcher):
    """A line a trial, or one every few seconds where there are many; every failure."""

    def __init__(self) -> None:
        super().__init__()
        self._last = 0.0

    def begin(self, count: _Count) -> None:
        """Say what there is to do."""
        say(_opening(count))

    def trial(self, result: TrialResult, count: _Count) -> None:
        """Print where it is due."""
        now = time.monotonic()
        is_due = now - self._last >= _LINE_EVERY_S or not count.left
        if count.total <= _LINES_ALL or is_due or result.status == "failed":
            self._last = now
            rest = count.time_left()
            tail = f"; {rest}" if rest else ""
            say(f"[{count.n_ended}/{count.total}] {_outcome(result)}{tail}")


class _Bar(_Watcher):
    """One bar over all trials."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._task = progress.add_task("", total=1.0, state="", left="")

    def begin(self, count: _Count) -> None:
        """Say what there is to do, above the bar."""
        self.note(_opening(count))
        self._show(count)

    def trial(self, result: TrialResult, count: _Count) -> None:
        """Move the bar."""
        if result.status == "failed":
            self.note(_outcome(result))
        self._show(count)

    def note(self, text: str) -> None:
        """Above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)

    def _show(self, count: _Count) -> None:
        failed = f", {count.n_failed} failed" if count.n_failed else ""
        self._progress.update(
            self._task,
            total=max(count.total, 1),
            completed=count.n_ended,
            state=f"{count.n_ended} of {count.total} trials{failed}",
            left=count.time_left(),
        )


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
    )


def _opening(count: _Count) -> str:
    started = count.started
    study = started.plan.study
    done = f", {count.n_ended} done before" if count.n_ended else ""
    at_once = f"{started.n_workers} worker{'s' * (started.n_workers != 1)}"
    return f"{study.name}: {_names(count.total)}{done}; {at_once}; store in {started.folder}"


def _names(n: int) -> str:
    return f"{n} trial{'s' * (n != 1)}"


def _outcome(result: TrialResult) -> str:
    trial = result.trial
    if result.status == "failed":
        return f"{trial.spec} seed {trial.seed} failed: {result.reason}"
    accuracy = f"test {100 * (result.accuracy or 0):.1f} %"
    return f"{trial.spec} seed {trial.seed}: {accuracy}, {result.seconds or 0:.1f} s"
