"""Several networks that were probed, one row each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nnmass.probes import ProbedNetwork
from nnmass.report._ldi_table import NOTHING, singular_value, value_with_error
from nnmass.report._numbers import format_count, format_mass
from nnmass.report._table import Column, Table


def probes_table(results: Sequence[ProbedNetwork]) -> Table:
    """One row a network: mass, parameters and MACs, and the mean singular value beside them.

    What stands behind ± is half the 95 % interval over the initialisations.
    """
    has_ldi = any("ldi" in {**result.results, **result.failures} for result in results)
    columns = (
        Column("network", "left"),
        Column("NN-Mass"),
        Column("params"),
        Column("MACs"),
        Column("depth", is_optional=True),
        *([Column("mean singular value"), Column("std", is_optional=True)] if has_ldi else []),
    )
    return Table(columns, tuple(_row(result, has_ldi=has_ldi) for result in results))


def _row(result: ProbedNetwork, *, has_ldi: bool) -> tuple[str, ...]:
    return (
        result.name,
        format_mass(math.nan if result.mass is None else result.mass),
        format_count(result.params),
        format_count(result.macs),
        NOTHING if result.depth is None else str(result.depth),
        *(_singular_values(result) if has_ldi else ()),
    )


def _singular_values(result: ProbedNetwork) -> tuple[str, str]:
    ldi = result.ldi
    if ldi is None or ldi.mean is None:
        return "failed", NOTHING
    half = (ldi.interval[1] - ldi.interval[0]) / 2 if ldi.interval else None
    return (
        value_with_error(ldi.mean, half),
        NOTHING if ldi.std is None else singular_value(ldi.std),
    )
