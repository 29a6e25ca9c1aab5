"""Predicted accuracies as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnmass.report._numbers import format_count, format_mass
from nnmass.report._table import Column, Table


def predictions_table(predictions: Sequence[Mapping[str, Any]], outcome: str) -> Table:
    """One row a network: prediction, interval, and the baselines beside it.

    Args:
        predictions: As ``nnmass predict --json`` lists them.
        outcome: What is predicted.
    """
    columns = (
        Column("network", "left"),
        Column("predicted"),
        Column("interval"),
        Column("NN-Mass"),
        Column("params"),
        Column("MACs"),
        Column("outside", is_optional=True),
    )
    rows = tuple(
        (
            str(one["name"]),
            f"{one['accuracy']:.2f}",
            f"{one['low']:.2f} .. {one['high']:.2f}",
            format_mass(one["mass"]),
            format_count(one["params"]),
            format_count(one["macs"]),
            "yes" if one["why_extrapolates"] else "-",
        )
        for one in predictions
    )
    return Table(columns, rows, f"predicted {outcome}")


def extrapolation_lines(predictions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which networks lie outside what was fitted, and in what."""
    return [
        f"{one['name']}: extrapolates: {'; '.join(one['why_extrapolates'])}"
        for one in predictions
        if one["why_extrapolates"]
    ]
