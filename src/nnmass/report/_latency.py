"""Latencies as a table."""

from __future__ import annotations

from collections.abc import Sequence

from nnmass.errors import SpecError
from nnmass.probes import Latency
from nnmass.report._numbers import format_digits
from nnmass.report._table import Column, Table


def latency_table(latencies: Sequence[Latency]) -> Table:
    """One row for each network and size of batch, with where and how it was timed.

    Raises:
        SpecError: There is none.

    Example:
        >>> from nnmass.probes import latency
        >>> table = latency_table([latency("dense-mlp(w=8,d=6,t=2)", batch_sizes=(1, 8))])
        >>> [row[:2] for row in table.rows]
        [('dense-mlp(w=8,d=6,t=2)', '1'), ('dense-mlp(w=8,d=6,t=2)', '8')]
    """
    if not latencies:
        raise SpecError("latency_table got no latencies: give at least one")
    columns = (
        Column("network", "left"),
        Column("batch"),
        Column("median", unit="ms"),
        Column("p95", unit="ms"),
        Column("fastest", unit="ms", is_optional=True),
        Column("mean", unit="ms", is_optional=True),
        Column("images/s"),
        Column("runs", is_optional=True),
        Column("device", "left"),
        Column("threads"),
        Column("format", "left"),
    )
    return Table(columns, tuple(row for one in latencies for row in _rows(one)), "Forward pass")


def _rows(one: Latency) -> list[tuple[str, ...]]:
    number_format = f"{one.dtype}, channels last" if one.channels_last else one.dtype
    return [
        (
            one.network,
            str(batch.batch_size),
            *map(format_digits, (batch.median_ms, batch.p95_ms, batch.min_ms, batch.mean_ms)),
            "n/a" if batch.images_per_second is None else format_digits(batch.images_per_second),
            str(batch.n_runs),
            one.device,
            str(one.threads),
            number_format,
        )
        for batch in one.batches
    ]
