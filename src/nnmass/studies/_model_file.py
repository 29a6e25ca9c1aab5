"""A fitted accuracy model as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nnmass.errors import SpecError, StoreError
from nnmass.runs import write_atomic
from nnmass.studies._accuracy_model import AccuracyModel, FitState
from nnmass.studies._ridge import Ridge

SCHEMA = "nnmass.fit/1"


def model_to_dict(model: AccuracyModel) -> dict[str, object]:
    """The model as plain data."""
    state = model.state
    if state is None:
        raise SpecError("this AccuracyModel is not fitted yet: call fit before it is saved")
    return {
        "schema": SCHEMA,
        "terms": list(model.terms or ()),
        "level": model.level,
        "outcome": state.outcome,
        "held_out": state.held_out,
        "dataset": state.dataset,
        "families": list(state.families),
        "ranges": {name: list(pair) for name, pair in state.ranges.items()},
        "bounds": [None if math.isinf(end) else end for end in state.bounds],
        "ridge": _plain(state.ridge),
        "folds": [_plain(fold) for fold in state.folds],
        "fold": state.fold.tolist(),
        "residuals": state.residuals.tolist(),
    }


def _plain(ridge: Ridge) -> dict[str, object]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(ridge).items()
    }


def write_model(model: AccuracyModel, path: str | Path) -> None:
    """Write the model, all of it or nothing.

    Raises:
        SpecError: It is not fitted.
        StoreError: The file cannot be written.
    """
    write_atomic(path, json.dumps(model_to_dict(model), indent=1, allow_nan=False) + "\n")


def load_fit(path: str | Path) -> AccuracyModel:
    """The model that `AccuracyModel.save` or ``nnmass study fit --out`` wrote.

    Raises:
        StoreError: The file cannot be read.
        SpecError: It holds no fit, or one of a newer schema.
    """
    file = Path(path)
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise SpecError(f"{file} is no fit: it is no JSON text ({error})") from error
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise SpecError(
            f"{file} is no fit that this version reads: its schema is {schema!r}, not {SCHEMA!r}; "
            "make one with `nnmass study fit TABLE --out FILE`"
        )
    try:
        return _model(values)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise SpecError(f"{file} is a damaged fit ({type(error).__name__}: {error})") from error


def _model(values: dict[str, Any]) -> AccuracyModel:
    model = AccuracyModel(terms=values["terms"], level=values["level"])
    least, most = values["bounds"]
    state = FitState(
        ridge=_ridge(values["ridge"]),
        folds=tuple(map(_ridge, values["folds"])),
        fold=np.array(values["fold"], dtype=np.int64),
        residuals=np.array(values["residuals"], dtype=np.float64),
        ranges={name: (float(low), float(high)) for name, (low, high) in values["ranges"].items()},
        families=tuple(map(str, values["families"])),
        dataset=str(values["dataset"]),
        held_out=str(values["held_out"]),
        outcome=str(values["outcome"]),
        bounds=(
            -math.inf if least is None else float(least),
            math.inf if most is None else float(most),
        ),
    )
    widths = {len(model.terms or ()), *(len(r.coefficients) for r in (state.ridge, *state.folds))}
    fold_range = (state.fold >= 0) & (state.fold < len(state.folds))
    if len(widths) > 1 or len(state.fold) != len(state.residuals) or not fold_range.all():
        raise ValueError("its parts do not fit each other")
    model.state = state
    return model


def _ridge(values: dict[str, Any]) -> Ridge:
    mean, scale, coefficients = (
        tuple(map(float, values[key])) for key in ("mean", "scale", "coefficients")
    )
    return Ridge(
        mean=mean,
        scale=scale,
        intercept=float(values["intercept"]),
        coefficients=coefficients,
        penalty=float(values["penalty"]),
    )
