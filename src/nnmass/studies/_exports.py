"""A study's table for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from nnmass.errors import MissingExtraError, SpecError, StoreError, did_you_mean
from nnmass.runs import TRIAL_COLUMNS, StoredStudy, write_atomic

STUDY_SCHEMA = "nnmass.study-table/1"

_METRICS = ("accuracy", "last_accuracy", "validation_accuracy", "loss", "ldi_mean", "ldi_std")
_WHOLES = ("seed", "params", "macs", "n_train", "n_test")
_NUMBERS = ("mass", *_METRICS, "seconds")


def export_csv(study: StoredStudy, target: Path) -> None:
    """One line a trial, `TRIAL_COLUMNS` as its columns; what is not known is empty."""
    write_atomic(target, csv_text(study))


def csv_text(study: StoredStudy) -> str:
    """The table as CSV."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, TRIAL_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(study.to_rows())
    return stream.getvalue()


def export_json(study: StoredStudy, target: Path) -> None:
    """One document: the schema, the study's name, its trials."""
    write_atomic(target, json_text(study))


def json_text(study: StoredStudy) -> str:
    """The table as a JSON document."""
    document = {"schema": STUDY_SCHEMA, "study": study.name, "trials": study.to_rows()}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def export_parquet(study: StoredStudy, target: Path) -> None:
    """One row a trial; numbers as numbers, what is not known as null."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError.of("Parquet", package="pyarrow", extra="parquet") from error
    rows = study.to_rows()
    columns = {}
    for name in TRIAL_COLUMNS:
        values = [row[name] for row in rows]
        if name in _WHOLES:
            columns[name] = pa.array(values, pa.int64())
        elif name in _NUMBERS:
            columns[name] = pa.array(values, pa.float64())
        else:  # depth, width and link cap of several cells are text
            texts = [None if value is None else str(value) for value in values]
            columns[name] = pa.array(texts, pa.string())
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    write_atomic(target, sink.getvalue().to_pybytes())


def export_mlflow(study: StoredStudy, target: Path) -> None:
    """One MLflow run a trial, in an SQLite file; those that are there already are left alone.

    `mlflow ui --backend-store-uri sqlite:///FILE` shows them.
    """
    try:
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise MissingExtraError.of("MLflow", package="mlflow", extra="mlflow") from error
    _make_folder(target.parent)
    client = MlflowClient(tracking_uri=f"sqlite:///{target.resolve()}")
    known = client.get_experiment_by_name(study.name)
    place = target.resolve().parent / f"{target.name}-artifacts"
    where = (
        known.experiment_id
        if known is not None
        else client.create_experiment(study.name, artifact_location=place.as_uri())
    )
    for row in study.to_rows():
        query = f"tags.`nnmass.trial` = '{row['trial']}'"
        if row["status"] != "done" or client.search_runs([where], query, max_results=1):
            continue
        run = client.create_run(where, run_name=f"{row['spec']} seed {row['seed']}")
        asked = [name for name in TRIAL_COLUMNS if name not in (*_METRICS, "seconds", "reason")]
        metrics = [Metric(name, row[name], 0, 0) for name in _METRICS if row[name] is not None]
        client.log_batch(
            run.info.run_id,
            metrics=metrics,
            params=[Param(name, str(row[name])) for name in asked if row[name] is not None],
            tags=[RunTag("nnmass.trial", str(row["trial"]))],
        )
        client.set_terminated(run.info.run_id)


def export_tensorboard(study: StoredStudy, target: Path) -> None:
    """One folder of events a trial, with its results as hyperparameter metrics."""
    try:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams
    except ImportError as error:
        raise MissingExtraError.of(
            "TensorBoard", package="tensorboard", extra="tensorboard"
        ) from error
    _make_folder(target)
    for row in study.to_rows():
        folder = target / str(row["trial"])
        if row["status"] != "done" or folder.exists():
            continue
        asked = {
            name: row[name]
            for name in ("spec", "seed", "data", "mass", "params", "macs")
            if row[name] is not None
        }
        found = {name: row[name] for name in _METRICS if row[name] is not None}
        with SummaryWriter(str(folder)) as writer:
            for part in hparams(asked, found):
                writer.file_writer.add_summary(part)
            for name, value in found.items():
                writer.add_scalar(name, value, 0)


EXPORTS: Mapping[str, Callable[[StoredStudy, Path], None]] = {
    "csv": export_csv,
    "json": export_json,
    "parquet": export_parquet,
    "mlflow": export_mlflow,
    "tensorboard": export_tensorboard,
}
"""What writes a study's table, by the name of the format."""

_SUFFIXES = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".db": "mlflow"}


def export_study(study: StoredStudy, target: str | Path, *, to: str | None = None) -> None:
    """Write a study's table.

    Args:
        study: From `nnmass.runs.read_study`.
        target: File, or folder for TensorBoard.
        to: A key of `EXPORTS`; what the file's name says unless told.

    Raises:
        SpecError: There is no such format.
        MissingExtraError: It needs a package that is not installed.
        StoreError: It could not be written.
    """
    target = Path(target)
    name = to or _SUFFIXES.get(target.suffix.lower(), "")
    if name not in EXPORTS:
        what = (
            f"unknown format {name!r}.{did_you_mean(name, EXPORTS)}"
            if name
            else f"the name {str(target)!r} tells no format."
        )
        raise SpecError(f"{what} Known: {', '.join(EXPORTS)}; give one with --to")
    EXPORTS[name](study, target)


def export_text(study: StoredStudy, to: str) -> str:
    """A study's table as text, for a pipe: ``csv`` or ``json``.

    Args:
        study: From `nnmass.runs.read_study`.
        to: ``csv`` or ``json``.

    Raises:
        SpecError: The format is no text.
    """
    texts = {"csv": csv_text, "json": json_text}
    if to not in texts:
        known = f"{to} needs a file" if to in EXPORTS else f"unknown format {to!r}"
        raise SpecError(f"{known}; as text there are csv and json. Give a file to write to")
    return texts[to](study)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {folder}: {error.strerror}; choose another one"
        ) from error
