"""`nnmass datasets`: the data sets that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnmass.cli._network import data_folder
from nnmass.cli._output import JsonOption, emit_json, emit_line, emit_table

LS_EPILOG = """Examples:

  nnmass datasets ls

  nnmass datasets ls --data-dir ~/data --json
"""


def datasets_ls(
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the data sets; NNMASS_DATA unless told.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the data sets, and whether their files are there."""
    from nnmass.data import DATASETS, dataset_status

    folder = data_folder(data_dir)
    entries = []
    for name, info in DATASETS.items():
        status = dataset_status(name, data_dir=folder)
        entries.append(
            {
                "name": name,
                "title": info.title,
                "n_train": info.n_train,
                "n_test": info.n_test,
                "shape": list(info.shape),
                "n_classes": len(info.classes),
                "is_found": status.is_found,
                "folder": str(status.folder) if status.folder else None,
                "problem": status.problem,
                "how_to_get": info.how_to_get,
            }
        )
    if json:
        emit_json("datasets", {"datasets": entries})
        return
    _emit(entries)


def _emit(entries: list[dict[str, object]]) -> None:
    from nnmass.report import Column, Table

    names = (("data set", "left"), ("train", "right"), ("test", "right"), ("image", "right"),
             ("classes", "right"), ("here", "left"))  # fmt: skip
    rows = []
    for entry in entries:
        shape = entry["shape"]
        assert isinstance(shape, list)
        rows.append(
            (
                str(entry["name"]),
                f"{entry['n_train']:,}",
                f"{entry['n_test']:,}",
                "x".join(map(str, shape)),
                str(entry["n_classes"]),
                "yes" if entry["is_found"] else "no",
            )
        )
    columns = tuple(Column(name=name, align=align) for name, align in names)  # type: ignore[arg-type]
    emit_table(Table(columns=columns, rows=tuple(rows)))
    for entry in entries:
        if not entry["is_found"]:
            emit_line(f"{entry['name']}: {entry['problem']}")
