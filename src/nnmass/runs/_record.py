"""What a run was and what came of it, as plain data."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nnmass._version import __version__
from nnmass.errors import StoreError
from nnmass.runs._atomic import write_atomic

RUN_FILE = "run.json"
CURVE_FILE = "curve.jsonl"
RUN_SCHEMA = "nnmass.run/1"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Versions and machine, for the record of a run.

    Args:
        extra: What only the caller knows: torch's version, the device, the threads.

    Returns:
        Names and values, ``extra`` last.
    """
    return {
        "nnmass": __version__,
        "python": platform.python_version(),
        "numpy": _numpy_version(),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **(extra or {}),
    }


@cache
def _numpy_version() -> str:
    from importlib.metadata import version

    return version("numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One training run.

    Attributes:
        spec: Canonical spec string; the name of a network that was built from none.
        mass: NN-Mass; ``None`` where it is not known.
        params: Trainable parameters.
        macs: Multiply-adds of one image.
        dataset: Name of the data set.
        sizes: Images in ``train``, ``validation`` and ``test``.
        seed: Of links, first weights, split and order of the data.
        recipe: The recipe's fields.
        status: ``running`` or ``finished``.
        epochs_done: Finished epochs.
        best_epoch: The epoch (from 1) with the highest validation accuracy, and among equals with
            the lowest validation loss.
        validation_accuracy: In [0, 1], at the best epoch.
        test_accuracy: In [0, 1], of the weights of the best epoch; the test set is read once, at
            the end.
        last_test_accuracy: In [0, 1], of the weights of the last epoch.
        train_seconds: Time spent training and validating, over all resumes.
        environment: Versions, device, threads.
        objective: Settings of what was minimised; empty for plain cross entropy.
        levels: For a network that holds several, from the fullest down: sizes and accuracies of
            each by its name. The accuracies above are then means over all of them.
    """

    spec: str
    mass: float | None
    params: int
    macs: int
    dataset: str
    sizes: Mapping[str, int]
    seed: int
    recipe: Mapping[str, object]
    status: str
    epochs_done: int
    best_epoch: int | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    last_test_accuracy: float | None = None
    train_seconds: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)
    objective: Mapping[str, object] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, with the schema."""
        from dataclasses import asdict

        return {"schema": RUN_SCHEMA, **asdict(self)}


def write_record(record: RunRecord, folder: Path) -> None:
    """Write ``run.json`` whole or not at all.

    Args:
        record: What is written.
        folder: Of the run.

    Raises:
        StoreError: It could not be written.
    """
    write_atomic(folder / RUN_FILE, json.dumps(record.to_dict(), indent=2) + "\n")


def read_record(folder: Path) -> RunRecord | None:
    """The record in ``folder``, or ``None`` where there is none.

    Raises:
        StoreError: The file is no run record.
    """
    file = folder / RUN_FILE
    if not file.is_file():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values.pop("schema") != RUN_SCHEMA:
            raise ValueError("another schema")
        return RunRecord(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{file} is no run record of nnmass ({error}); move it away or choose another folder"
        ) from error


def write_curve(points: list[dict[str, float]], folder: Path) -> None:
    """Write ``curve.jsonl``: one line for each epoch.

    Args:
        points: The figures of each epoch, by name.
        folder: Of the run.

    Raises:
        StoreError: It could not be written.
    """
    lines = "".join(json.dumps(point) + "\n" for point in points)
    write_atomic(folder / CURVE_FILE, lines)
