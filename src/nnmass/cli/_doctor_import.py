"""Importing a package in a process of its own, so that what crashes or hangs is told, not met."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

_MARK = "@nnmass-doctor "

_CHILD = """
import importlib, json, os, sys, time
path, groups = json.loads(sys.argv[1])
sys.path[:] = path
for targets in groups:
    told, began = {"facts": {}, "version": None, "error": None}, time.perf_counter()
    try:
        for target in targets:
            module, _, function = target.partition(":")
            found = importlib.import_module(module)
            if function:
                found = getattr(found, function)()
            if isinstance(found, dict):
                told["facts"] = found
            else:
                version = getattr(found, "__version__", None)
                told["version"] = version if isinstance(version, str) else None
    except BaseException as error:
        told["error"] = type(error).__name__ + (": " + str(error) if str(error) else "")
    told["seconds"] = time.perf_counter() - began
    sys.stdout.write("\\n" + sys.argv[2] + json.dumps(told) + "\\n")
    sys.stdout.flush()
os._exit(0)  # what a package does at the end of the process is not its import
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What came of an import.

    Attributes:
        error: First line of what went wrong; None if it worked.
        seconds: That it took; None if it was ended.
        version: The module's own ``__version__``, if it has one.
        facts: What a function among the targets gave.
        is_late: It was ended, since its time was over.
    """

    error: str | None = None
    seconds: float | None = None
    version: str | None = None
    facts: dict[str, object] = field(default_factory=dict)
    is_late: bool = False


def import_apart(groups: Sequence[Sequence[str]], *, timeout_s: float) -> list[Import]:
    """Import groups of targets in turn in a new interpreter that finds what this one does.

    Where one brings the process down, those behind it get a new one.

    Args:
        groups: Of each what is imported: ``module``, or ``module:function``, which is called.
        timeout_s: After so many seconds the process is ended.

    Returns:
        What came of each group.

    Example:
        >>> import_apart([["no_such_module"]], timeout_s=60)[0].error
        "ModuleNotFoundError: No module named 'no_such_module'"
    """
    deadline = time.monotonic() + timeout_s
    arguments = [json.dumps([sys.path, [list(targets) for targets in groups]]), _MARK]
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        late = Import(error=f"was not imported within {timeout_s:.0f} s", is_late=True)
        told = _told(error.stdout or b"")
        return told + [late] * (len(groups) - len(told))
    except OSError as error:
        return [Import(error=f"no process could be started for it: {error}")] * len(groups)
    told = _told(done.stdout)
    if len(told) < len(groups):
        told.append(Import(error=_crash(done)))
    rest = groups[len(told) :]
    left = max(deadline - time.monotonic(), 1.0)
    return told + (import_apart(rest, timeout_s=left) if rest else [])


def _told(output: bytes) -> list[Import]:
    """What the process said of each group; whatever else was printed is passed over."""
    lines = output.decode("utf-8", errors="replace").split("\n")
    told = [json.loads(line.removeprefix(_MARK)) for line in lines if line.startswith(_MARK)]
    return [
        Import(
            error=first_line(entry["error"]) if entry["error"] else None,
            seconds=entry["seconds"],
            version=entry["version"],
            facts=entry["facts"],
        )
        for entry in told
    ]


def _crash(done: subprocess.CompletedProcess[bytes]) -> str:
    """Why a process ended without a word: its signal or code, and what it wrote last."""
    code = done.returncode
    how = f"with code {code}"
    if code < 0:
        known = {int(entry): entry.name for entry in signal.Signals}
        how = f"by {known.get(-code, f'signal {-code}')}"
    written = done.stderr.decode("utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(written) if line.strip()), "")
    return f"the process that imports it ended {how}{f': {last}' if last else ''}"


def first_line(text: str) -> str:
    r"""The first line of ``text`` that is not empty.

    Example:
        >>> first_line("  RuntimeError: no operator\n  more of it")
        'RuntimeError: no operator'
    """
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
