"""Several networks that were probed, one row each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from nnmass.probes import GradientFlow, Latency, ProbedNetwork, ProxyScore
from nnmass.report._ldi_table import NOTHING, singular_value, value_with_error
from nnmass.report._numbers import format_count, format_mass, half_width
from nnmass.report._proxies import proxy_value
from nnmass.report._table import Column, Table

FAILED = "failed"


def probes_table(results: Sequence[ProbedNetwork]) -> Table:
    """One row a network: mass, parameters and MACs, and what was measured beside them.

    What stands behind ± is half the 95 % interval over the initialisations.
    """
    columns = [
        Column("network", "left"),
        Column("NN-Mass"),
        Column("params"),
        Column("MACs"),
        Column("depth", is_optional=True),
    ]
    parts = list[Callable[[ProbedNetwork], tuple[str, ...]]]([_costs])
    for probe, (names, part) in _PARTS.items():
        if any(probe in {**result.results, **result.failures} for result in results):
            columns += names
            parts.append(part)
    rows = (tuple(cell for part in parts for cell in part(result)) for result in results)
    return Table(tuple(columns), tuple(rows))


def _costs(result: ProbedNetwork) -> tuple[str, ...]:
    return (
        result.name,
        format_mass(math.nan if result.mass is None else result.mass),
        format_count(result.params),
        format_count(result.macs),
        NOTHING if result.depth is None else str(result.depth),
    )


def _singular_values(result: ProbedNetwork) -> tuple[str, ...]:
    ldi = result.ldi
    if ldi is None or ldi.mean is None:
        return FAILED, NOTHING
    return (
        value_with_error(ldi.mean, half_width(ldi.interval)),
        NOTHING if ldi.std is None else singular_value(ldi.std),
    )


def _flow(result: ProbedNetwork) -> tuple[str, ...]:
    flow = result.results.get("flow")
    norm = flow.jacobian_norm.middle if isinstance(flow, GradientFlow) else None
    return (FAILED if norm is None else f"{norm:.3g}",)


def _latency(result: ProbedNetwork) -> tuple[str, ...]:
    latency = result.results.get("latency")
    if not isinstance(latency, Latency):
        return FAILED, NOTHING
    return f"{latency.median_ms:.3g}", f"{latency.batches[0].p95_ms:.3g}"


_PARTS = {
    "ldi": ((Column("mean singular value"), Column("std", is_optional=True)), _singular_values),
    "flow": ((Column("Jacobian norm"),), _flow),
    "latency": (
        (Column("median", unit="ms"), Column("p95", unit="ms", is_optional=True)),
        _latency,
    ),
}


def baselines_table(results: Sequence[ProbedNetwork]) -> Table | None:
    """Zero-cost proxies, a column each; ``None`` where none was measured."""
    scores = {result.name: scores_of(result) for result in results if scores_of(result)}
    if not scores:
        return None
    names = list(dict.fromkeys(score.proxy for some in scores.values() for score in some))
    rows = []
    for network, some in scores.items():
        told = {score.proxy: score.value for score in some}
        values = (told.get(name) for name in names)
        rows.append((network, *(FAILED if v is None else proxy_value(v) for v in values)))
    columns = (Column("network", "left"), *(Column(name, is_optional=True) for name in names))
    return Table(columns, tuple(rows), "Baselines and zero-cost proxies")


def scores_of(result: ProbedNetwork) -> list[ProxyScore]:
    """The scores of the baselines; none where they were not measured."""
    found = result.results.get("baselines")
    return [s for s in found if isinstance(s, ProxyScore)] if isinstance(found, Sequence) else []


def verdicts_table(results: Sequence[ProbedNetwork]) -> Table | None:
    """Whether each network will train badly, from its gradient flow; ``None`` without one."""
    rows = [
        (result.name, flow.verdict())
        for result in results
        if isinstance(flow := result.results.get("flow"), GradientFlow)
    ]
    columns = (Column("network", "left"), Column("gradient flow", "left"))
    return Table(columns, tuple(rows)) if rows else None
