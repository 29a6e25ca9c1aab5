"""The levels of a family of sub-networks: table, accuracy against cost, page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnmass.report._document import Figure, Report, Section
from nnmass.report._figures import scatter_figure
from nnmass.report._numbers import format_count, format_percent
from nnmass.report._scatter import Point
from nnmass.report._table import Column, Table

Row = Mapping[str, Any]
"""A level as `nnmass slim subnets --json` tells it."""

_TEXT = (
    "One network holds all levels: each is a narrower part of the one before, with the same "
    "weights. Latencies are of levels that were exported, on the machine that measured them."
)


def levels_table(rows: Sequence[Row]) -> Table:
    """One row a level: sizes, accuracy, mass, latency, each beside the whole network's."""
    names = ["test", "MACs", "of full", "params", "of full", "NN-Mass", "median", "p95", "of full"]
    cells = [
        (
            str(row["level"]),
            "-" if row["accuracy"] is None else format_percent(row["accuracy"]),
            format_count(row["macs"]),
            format_percent(row["macs_share"]),
            format_count(row["params"]),
            format_percent(row["params_share"]),
            "-" if row["mass"] is None else f"{row['mass']:.1f}",
            "-" if row["median_ms"] is None else f"{row['median_ms']:.2f} ms",
            "-" if row["p95_ms"] is None else f"{row['p95_ms']:.2f} ms",
            "-"
            if row["median_ms"] is None
            else format_percent(row["median_ms"] / rows[0]["median_ms"]),
        )
        for row in rows
    ]
    columns = (Column(name="level", align="left"), *(Column(name=name) for name in names))
    return Table(columns=columns, rows=tuple(cells))


def report_levels(
    network: str,
    rows: Sequence[Row],
    *,
    notes: Sequence[str] = (),
    provenance: Mapping[str, str] | None = None,
) -> Report:
    """A family of sub-networks as a page.

    Args:
        network: What it was made of.
        rows: Its levels, the largest first.
        notes: What a reader must know.
        provenance: Where the numbers come from.
    """
    text = "\n\n".join([_TEXT, *notes])
    figures = tuple(_against(rows))
    return Report(
        title=f"Sub-networks of {network}",
        answer=_answer(network, rows),
        sections=(Section("The levels", text, figures, (levels_table(rows),)),),
        provenance=dict(provenance or {}),
    )


def _answer(network: str, rows: Sequence[Row]) -> str:
    last = rows[-1]
    told = [f"{format_percent(last['macs_share'])} of the MACs"]
    if last["median_ms"] is not None:
        told.append(f"{format_percent(last['median_ms'] / rows[0]['median_ms'])} of the latency")
    if last["accuracy"] is not None:
        first, least = (format_percent(row["accuracy"]) for row in (rows[0], last))
        told.append(f"{least} right instead of {first}")
    return (
        f"{network} runs at {len(rows)} levels with one set of weights; the smallest takes "
        f"{', '.join(told)}."
    )


def _against(rows: Sequence[Row]) -> Iterator[Figure]:
    """Accuracy against latency where both were measured, against MACs where it was."""
    if any(row["accuracy"] is None for row in rows):
        return
    kinds = (("median_ms", "latency, ms", "latency"), ("macs", "MACs", "MACs"))
    for key, label, name in kinds:
        if any(row[key] is None for row in rows):
            continue
        points = [
            Point(row[key], 100 * row["accuracy"], 0.0, f"level {row['level']}", "") for row in rows
        ]
        yield scatter_figure(
            points,
            f"Test accuracy of each level against its {name}.",
            x_label=label,
            y_label="test accuracy, %",
            title=f"Accuracy against {name}",
        )
