"""Inspected networks as drawings, one file each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nnmass.cli._errors import say
from nnmass.cli._inspection import Inspection

_UNSAFE = re.compile(r"[^\w.,=+-]+")


def write_drawings(done: Sequence[Inspection], path: Path, *, into_folder: bool) -> None:
    """Draw the cells of each network into ``path``, or into a file of its name in that folder."""
    from nnmass.report import topology_diagram
    from nnmass.runs import write_atomic

    written = set[Path]()
    for entry in done:
        if entry.topology is None:
            continue
        if not entry.topology.cells:
            say(f"{entry.name} has no cells: nothing to draw")
            continue
        file = _free(path, entry.name, written) if into_folder else path
        write_atomic(file, topology_diagram(entry.topology) + "\n")
        written.add(file)
    if into_folder:
        drawings = "1 drawing" if len(written) == 1 else f"{len(written)} drawings"
        say(f"wrote {drawings} into {path}, named after the network")
    elif written:
        say(f"wrote {path}")


def _free(folder: Path, name: str, taken: set[Path]) -> Path:
    stem = _UNSAFE.sub("-", name).strip("-.")[:150] or "network"
    file, rank = folder / f"{stem}.svg", 1
    while file in taken:
        rank += 1
        file = folder / f"{stem}-{rank}.svg"
    return file
