"""A latency table as a JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnmass.design._latency_table import LEAST_CHECKS, LatencyTable, LayerTime
from nnmass.design._table_error import NetworkCheck
from nnmass.design._table_setting import TableSetting
from nnmass.errors import StoreError
from nnmass.runs import Machine, this_machine, write_atomic
from nnmass.specs import Layer, LayerKind

SCHEMA = "nnmass.latency-table/1"


def table_to_dict(table: LatencyTable) -> dict[str, object]:
    """JSON-ready; the error of the checked networks beside what it follows from."""
    return {
        "schema": SCHEMA,
        "setting": table.setting.to_dict(),
        "factor": table.factor,
        "error": table.error.to_dict() if table.checks else None,
        "checks": [check.to_dict() for check in table.checks],
        "times": [_time_to_dict(time) for time in table.times],
    }


def _time_to_dict(time: LayerTime) -> dict[str, object]:
    layer = time.layer
    return {
        "kind": layer.kind.to_dict(),
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "median_ms": time.median_ms,
        "min_ms": time.min_ms,
        "n_runs": time.n_runs,
    }


def write_table(table: LatencyTable, path: str | Path) -> None:
    """See `LatencyTable.save`."""
    write_atomic(path, json.dumps(table_to_dict(table), indent=1) + "\n")


def read_table(
    path: str | Path, *, machine: Machine | None, asked: Mapping[str, object]
) -> LatencyTable:
    """See `LatencyTable.load`."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        table = _table(values)
    except OSError as error:
        raise StoreError(
            f"cannot read the latency table {path}: {error.strerror or error}; measure one with "
            "nnmass.design.measure_latency_table(.., path=..)"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} is no latency table of nnmass ({type(error).__name__}: {error}); move it "
            "away and measure one with nnmass.design.measure_latency_table(.., path=..)"
        ) from error
    wanted = {"machine": machine or this_machine(), **asked}
    table.setting.check_same(wanted, what=f"the latency table {path}")
    return table


def _table(values: Any) -> LatencyTable:
    if values["schema"] != SCHEMA:
        raise ValueError(f"its schema is {values['schema']!r}, not {SCHEMA!r}")
    if values["factor"] != 1 and len(values["checks"]) < LEAST_CHECKS:
        raise ValueError(f"its factor {values['factor']} follows from no measured networks")
    return LatencyTable(
        setting=TableSetting.from_dict(values["setting"]),
        factor=_positive(values["factor"]),
        checks=tuple(
            NetworkCheck(
                network=str(check["network"]),
                layers_ms=_positive(check["layers_ms"]),
                measured_ms=_positive(check["measured_ms"]),
            )
            for check in values["checks"]
        ),
        times=tuple(_time(time) for time in values["times"]),
    )


def _time(values: Any) -> LayerTime:
    counts = [values[name] for name in ("inputs", "outputs", "n_runs")]
    if any(type(count) is not int or count < 1 for count in counts):
        raise ValueError(f"inputs, outputs and n_runs must be whole numbers above 0, got {counts}")
    inputs, outputs, n_runs = counts
    return LayerTime(
        layer=Layer(LayerKind.from_dict(values["kind"]), inputs, outputs),
        median_ms=_positive(values["median_ms"]),
        min_ms=_positive(values["min_ms"]),
        n_runs=n_runs,
    )


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a time must be a number, got {value!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"a time must be above 0, got {value!r}")
    return float(value)
