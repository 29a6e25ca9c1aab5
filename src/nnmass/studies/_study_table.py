"""Trained networks as columns of numbers, from rows of our own tables or of anybody's CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass.errors import DataError, SpecError, did_you_mean
from nnmass.specs import Spec, parse

Floats = npt.NDArray[np.float64]

QUANTITIES = ("mass", "params", "macs", "depth", "width")
ALIASES = {
    "mass": ("mass", "nn_mass", "nnmass"),
    "params": ("params", "parameters", "n_params"),
    "macs": ("macs", "mult_adds"),
    "depth": ("depth", "d"),
    "width": ("width", "w", "wm", "widen"),
    "accuracy": ("accuracy", "test_accuracy", "top1", "test_top1"),
}
"""The columns that are looked for, the first that is there counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTable:
    """Trained networks, one row each, several rows (seeds) a configuration.

    Attributes:
        columns: For each of `QUANTITIES` a number a row; ``nan`` where it is not known.
        outcome: What came out, a number a row; accuracies in per cent.
        outcome_name: What it is called.
        configurations: Number of its configuration, for each row, from 0.
        names: Of the configurations.
        families: That occur; empty where the table does not tell.
        dataset: That the networks were trained on; ``""`` where the table does not tell.
        notes: What a reader of the numbers must know.
    """

    columns: Mapping[str, Floats] = field(hash=False)
    outcome: Floats
    outcome_name: str
    configurations: npt.NDArray[np.int64]
    names: tuple[str, ...]
    families: tuple[str, ...] = ()
    dataset: str = ""
    notes: tuple[str, ...] = ()

    def averaged(self) -> StudyTable:
        """One row a configuration: the mean of its seeds."""
        counts = np.bincount(self.configurations)
        first = np.unique(self.configurations, return_index=True)[1]
        return StudyTable(
            columns={name: values[first] for name, values in self.columns.items()},
            outcome=np.bincount(self.configurations, self.outcome) / counts,
            outcome_name=self.outcome_name,
            configurations=np.arange(len(counts)),
            names=self.names,
            families=self.families,
            dataset=self.dataset,
            notes=self.notes,
        )


def read_study_table(
    path: str | Path, *, outcome: str = "accuracy", data: str | None = None
) -> StudyTable:
    """The table in a CSV file; see `study_table`.

    Args:
        path: A CSV file with a line of column names.
        outcome: The column to explain.
        data: Take the rows of this data set alone.

    Raises:
        DataError: The file is missing, or is no CSV table of UTF-8 text.
        SpecError: As `study_table`.
    """
    file = Path(path)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is no CSV table of UTF-8 text: {error}") from error
    return study_table(rows, outcome=outcome, data=data, where=str(file))


def study_table(
    rows: Iterable[Mapping[str, Any]],
    *,
    outcome: str = "accuracy",
    data: str | None = None,
    where: str = "the table",
) -> StudyTable:
    """Rows of trained networks as columns.

    A row has ``spec`` (then mass, params, MACs, depth and width are those of the spec) or some of
    the columns of `ALIASES`; ``seed`` and others are not needed. Rows with an empty outcome (trials
    that failed) are left out and counted. Rows of one spec, or of the same numbers and link cap,
    are one configuration.

    Args:
        rows: Mappings from column to text or number.
        outcome: The column to explain. ``accuracy`` also finds ``test_accuracy`` and ``top1``, and
            one that lies in [0, 1] is read as a share: times 100.
        data: Take the rows of this data set (column ``data`` or ``dataset``) alone.
        where: What the rows are called in messages.

    Raises:
        SpecError: A column is missing, a value is no number, there are fewer than 3
            configurations, or several data sets.

    Example:
        >>> rows = [{"mass": m, "params": 10 * m, "accuracy": 0.5 + m / 100} for m in (1, 2, 3)]
        >>> study_table(rows).outcome.tolist()
        [51.0, 52.0, 53.0]
    """
    listed = [dict(row) for row in rows]
    if not listed:
        raise SpecError(f"{where} has no rows: a fit needs at least 3 configurations")
    if data is not None:
        listed = _rows_of(data, listed, where)
    wanted = _column(listed[0], outcome, where)
    kept = [row for row in listed if _is_there(row.get(wanted))]
    notes = []
    if len(kept) < len(listed):
        notes.append(f"{len(listed) - len(kept)} of {len(listed)} rows have no {wanted}: left out")
    values = np.array([_number(row[wanted], wanted, where) for row in kept])
    if outcome == "accuracy" and len(values) and values.min() >= 0 and values.max() <= 1:
        values = 100 * values
        notes.append(f"{wanted} lies in [0, 1]: read as shares, in %")
    found = [_quantities(row, where) for row in kept]
    keys = [_key(row, numbers) for row, numbers in zip(kept, found, strict=True)]
    order = {key: rank for rank, key in enumerate(dict.fromkeys(keys))}
    if len(order) < 3:
        raise SpecError(
            f"{where} holds {len(order)} configuration(s) with {wanted}: a fit needs at least 3"
        )
    families = {_family(row) for row in kept} - {""}
    datasets = sorted({_dataset(row) for row in kept} - {""})
    if len(datasets) > 1:
        raise SpecError(
            f"{where} holds several data sets ({', '.join(datasets[:4])}): accuracies compare "
            "within one; choose it with --data NAME, or data= in Python"
        )
    return StudyTable(
        columns={name: np.array([numbers[name] for numbers in found]) for name in QUANTITIES},
        outcome=values,
        outcome_name=wanted,
        configurations=np.array([order[key] for key in keys], dtype=np.int64),
        names=tuple(order),
        families=tuple(sorted(families)),
        dataset="".join(datasets),
        notes=tuple(notes),
    )


def _dataset(row: Mapping[str, Any]) -> str:
    return str(row.get("dataset") or row.get("data") or "")


def _rows_of(data: str, rows: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    found = [row for row in rows if _dataset(row) == data]
    if not found:
        names = sorted({_dataset(row) for row in rows} - {""})
        raise SpecError(
            f"{where} has no rows of the data set {data!r}.{did_you_mean(data, names)} It has: "
            f"{', '.join(names) or 'no column data or dataset'}"
        )
    return found


def quantities_of(spec: Spec) -> dict[str, float]:
    """The numbers of a spec that a table has columns for; ``nan`` where it has none."""
    values = spec.values()
    depth, width = (
        next((values[key] for key in ALIASES[name] if key in values), None)
        for name in ("depth", "width")
    )
    return {
        "mass": spec.mass,
        "params": float(spec.params),
        "macs": float(spec.macs),
        "depth": _mean_of_cells(depth),
        "width": _mean_of_cells(width),
    }


def _mean_of_cells(value: object) -> float:
    """A number, or the mean of one a cell; ``nan`` for anything else."""
    values = value if isinstance(value, tuple) else (value,)
    if not values or not all(isinstance(each, int | float) for each in values):
        return math.nan
    return math.fsum(values) / len(values)


@lru_cache(maxsize=4096)
def _of_text(text: str) -> tuple[tuple[str, float], ...]:
    return tuple(quantities_of(parse(text)).items())


def _quantities(row: Mapping[str, Any], where: str) -> dict[str, float]:
    found = dict(_of_text(str(row["spec"]))) if _is_there(row.get("spec")) else {}
    for name in QUANTITIES:
        if math.isnan(found.get(name, math.nan)):
            key = next((key for key in ALIASES[name] if _is_there(row.get(key))), None)
            found[name] = math.nan if key is None else _cells_number(row[key], name, where)
    for name in ("mass", "params", "macs"):
        if found[name] < 0:
            raise SpecError(f"{where}: {name} must be at least 0, got {found[name]:g}")
    return found


def _key(row: Mapping[str, Any], numbers: Mapping[str, float]) -> str:
    if _is_there(row.get("spec")):
        return str(row["spec"])
    told = {**numbers, "t": row.get("t", row.get("link_cap", ""))}
    return ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, '.10g')}"
        for name, value in told.items()
        if _is_there(value) and value == value
    )


def _family(row: Mapping[str, Any]) -> str:
    return str(row.get("spec") or row.get("family") or "").partition("(")[0].strip()


def _column(row: Mapping[str, Any], outcome: str, where: str) -> str:
    names: Sequence[str] = ALIASES["accuracy"] if outcome == "accuracy" else (outcome,)
    for name in names:
        if name in row:
            return name
    known = [str(key) for key in row if key is not None]
    raise SpecError(
        f"{where} has no column {' or '.join(map(repr, names))}.{did_you_mean(outcome, known)} "
        f"It has: {', '.join(known) or 'none'}"
    )


def _is_there(value: object) -> bool:
    return value is not None and str(value).strip() != ""


def _cells_number(value: object, name: str, where: str) -> float:
    """The number; of ``6/9/12``, one a cell, their mean."""
    parts = str(value).split("/") if name in ("depth", "width") else [value]
    return _mean_of_cells(tuple(_number(part, name, where) for part in parts))


def _number(value: object, name: str, where: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SpecError(f"{where}: {name} must be a finite number, got {value!r}")
    return number
