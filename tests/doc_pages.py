"""Runs the blocks of a tutorial in order, in a folder of its own, and keeps what they print.

A page has three kinds of blocks that run:

- ``python``: all of a page share their names;
- ``sh``: one script for the shell;
- ``console``: lines that begin with ``$`` are commands, what follows is their output.

What a ``python`` or ``sh`` block prints stands in the ``text`` block after it. ``nnmass`` is the
one of the interpreter that runs the page. So that no output is written by hand,

    python tests/doc_pages.py docs/tutorials/start.md

puts those of a run into the page.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_RUN = ("python", "sh", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text lies in the page."""

    language: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Step:
    """One thing to run, and the output that the page shows for it (None: it shows none)."""

    language: str
    code: str
    expected: str | None
    block: int


def blocks_of(page: str) -> list[Block]:
    return [
        Block(found[1], found[2], found.start(2), found.end(2)) for found in _FENCE.finditer(page)
    ]


def steps_of(page: str) -> list[Step]:
    """What runs, in order; a ``console`` block is a step for each of its commands."""
    blocks = blocks_of(page)
    steps = []
    for place, block in enumerate(blocks):
        if block.language == "console":
            for command, shown in _commands(block.text):
                steps.append(Step("sh", command, shown, place))
        elif block.language in _RUN:
            after = blocks[place + 1] if place + 1 < len(blocks) else None
            shown = after.text if after is not None and after.language == "text" else None
            steps.append(Step(block.language, block.text, shown, place))
    return steps


def run_page(page: str, folder: Path, *, timeout: float = 600) -> list[str]:
    """What each step of ``page`` prints, run in ``folder`` by an interpreter of its own.

    Raises:
        RuntimeError: A step fails; the message ends in its last lines.
    """
    _write_command(folder / ".bin" / "nnmass")
    environment = {
        **os.environ,
        "PATH": f"{folder / '.bin'}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
        "NNMASS_CACHE": str(folder / "cache"),
    }
    environment.pop("NNMASS_DATA", None)
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--steps"],
        input=json.dumps([(step.language, step.code) for step in steps_of(page)]),
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-4000:])
    return json.loads(done.stdout)


def words(output: str) -> list[str]:
    """The words of an output, without figures and units: those that another machine prints too."""
    return re.findall(r"(?<![\w.])[A-Za-z][A-Za-z-]+", re.sub(r"\d (ms|us|min)\b", "", output))


def with_outputs(page: str, outputs: list[str]) -> str:
    """``page`` with the outputs of a run in place of those that it shows."""
    blocks, new = blocks_of(page), {}
    for step, output in zip(steps_of(page), outputs, strict=True):
        shown = "\n".join(line.rstrip() for line in output.strip("\n").split("\n")) + "\n"
        if blocks[step.block].language == "console":
            command = step.code.rstrip("\n").replace("\n", "\n    ")
            new[step.block] = new.get(step.block, "") + f"$ {command}\n" + shown.lstrip("\n")
        elif step.expected is not None:
            new[step.block + 1] = shown
    for place in sorted(new, reverse=True):
        page = page[: blocks[place].start] + new[place] + page[blocks[place].end :]
    return page


def _commands(text: str) -> list[tuple[str, str]]:
    pairs = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command = re.match(r"(?:.*\\\n)*.*\n", part)[0]
        pairs.append((re.sub(r"\n +", "\n", command), part[len(command) :]))
    return pairs


def _write_command(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nnmass "$@"\n')
    path.chmod(0o755)


def _run_steps() -> None:
    """Reads steps from stdin, runs them here, and prints what they printed."""
    sys.path[0] = str(Path.cwd())  # a page may import what it wrote
    names: dict[str, object] = {"__name__": "__main__"}
    outputs = []
    for language, code in json.load(sys.stdin):
        if language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, "<page>", "exec"), names)
            outputs.append(printed.getvalue())
        else:
            script = ["bash", "-eu", "-o", "pipefail", "-c", code]
            done = subprocess.run(script, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{code}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
            outputs.append(done.stdout)
    print(json.dumps(outputs))  # noqa: T201


def _main(paths: list[str]) -> None:
    for name in paths:
        path = Path(name)
        page = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(with_outputs(page, run_page(page, Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--steps"]:
        _run_steps()
    else:
        _main(sys.argv[1:])
