"""The networks of a study as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnmass.report._numbers import format_count, format_mass, format_spread
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.studies import NetworkSummary


def study_networks_table(networks: Sequence[NetworkSummary]) -> Table:
    """One row a network and data set: mass, costs, accuracy over the seeds."""
    has_ldi = any(network.ldi_mean is not None for network in networks)
    has_data = len({network.data for network in networks}) > 1
    columns = [
        *([Column("data", "left")] if has_data else []),
        Column("network", "left"),
        *(Column(name) for name in ("NN-Mass", "params", "MACs", "done")),
        Column("test", unit="%, ± sd"),
        *([Column("LDI")] if has_ldi else []),
    ]
    rows = tuple(_row(one, has_data=has_data, has_ldi=has_ldi) for one in networks)
    return Table(tuple(columns), rows)


def _row(one: NetworkSummary, *, has_data: bool, has_ldi: bool) -> tuple[str, ...]:
    accuracy, spread = (
        math.nan if value is None else 100 * value for value in (one.accuracy, one.accuracy_std)
    )
    n = one.n_done + one.n_failed + one.n_left
    row = [one.spec, format_mass(one.mass), format_count(one.params), format_count(one.macs)]
    row += [f"{one.n_done} of {n}", format_spread(accuracy, spread)]
    row += ["n/a" if one.ldi_mean is None else f"{one.ldi_mean:.3f}"] if has_ldi else []
    return tuple([one.data, *row] if has_data else row)
