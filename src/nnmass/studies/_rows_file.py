"""Rows of trained networks as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnmass.studies._network_rows import NetworkRows


def rows_to_dict(fitted: NetworkRows) -> dict[str, object]:
    """JSON-ready; features with seven digits."""
    names = list(fitted.rows[0])
    return {
        "names": names,
        "rows": [[float(f"{row[name]:.7g}") for name in names] for row in fitted.rows],
        "accuracy": fitted.accuracy.tolist(),
        "families": list(fitted.families),
        "recipes": list(fitted.recipes),
    }


def rows_from_dict(values: Mapping[str, Any], *, names: Sequence[str] | None) -> NetworkRows:
    """The rows that `rows_to_dict` told; ``names`` are the features to use."""
    return NetworkRows.of(
        [dict(zip(values["names"], row, strict=True)) for row in values["rows"]],
        values["accuracy"],
        families=values["families"],
        recipes=values["recipes"],
        names=names,
    )
