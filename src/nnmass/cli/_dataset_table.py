"""Data sets as plain data and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.cli._output import emit_line, emit_table

if TYPE_CHECKING:
    from nnmass.data import DatasetInfo, DatasetStatus


def dataset_entry(info: DatasetInfo, status: DatasetStatus) -> dict[str, object]:
    """What is known of a data set, as plain data."""
    return {
        "name": info.name,
        "title": info.title,
        "n_train": info.n_train,
        "n_test": info.n_test,
        "shape": list(info.shape),
        "n_classes": len(info.classes),
        "is_found": status.is_found,
        "folder": str(status.folder) if status.folder else None,
        "problem": status.problem,
        "how_to_get": info.how_to_get,
        "can_be_fetched": info.origin is not None,
    }


def emit_datasets(entries: list[dict[str, object]]) -> None:
    """The data sets as a table, and what is missing, on stdout."""
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
