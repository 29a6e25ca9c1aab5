"""Probed networks as comma-separated values, one row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nnmass.cli._probing import Probing

if TYPE_CHECKING:
    from nnmass.probes import ProbedNetwork

Cells = dict[str, object]
"""What stands in one row, by column; ``None`` where it is not known."""


def probes_csv(done: Sequence[Probing]) -> str:
    """The table, with a header; numbers at full precision, what is not known left empty."""
    from nnmass.report import Column, Table

    rows = [_row(entry) for entry in done]
    names = dict.fromkeys(name for row in rows for name in row)
    ordered = [name for name in names if name not in _LAST] + list(_LAST)
    cells = (tuple(_text(row.get(name)) for name in ordered) for row in rows)
    return Table(tuple(map(Column, ordered)), tuple(cells)).to_csv()


_LAST = ("failures", "seconds", "error")


def _row(entry: Probing) -> Cells:
    network = entry.probed
    row: Cells = dict.fromkeys(("name", "mass", "params", "macs", "depth"))
    row |= {"name": entry.name}
    if network is not None:
        row |= {key: getattr(network, key) for key in ("mass", "params", "macs", "depth")}
        for part in _PARTS:
            row |= part(network)
    failures = _failures(network) if network else ""
    return row | {"failures": failures, "seconds": f"{entry.seconds:.4f}", "error": entry.error}


def _ldi(network: ProbedNetwork) -> Cells:
    ldi = network.ldi
    if ldi is None:
        return {}
    low, high = ldi.interval or (None, None)
    return {
        "mean_singular_value": ldi.mean,
        "interval_low": low,
        "interval_high": high,
        "pooled_mean": ldi.pooled_mean,
        "singular_value_std": ldi.std,
        "initialisations": len(ldi.draws),
        "images": ldi.n_images,
        "is_legacy": str(ldi.is_legacy).lower(),
    }


def _flow(network: ProbedNetwork) -> Cells:
    from nnmass.probes import GradientFlow

    flow = network.results.get("flow")
    if not isinstance(flow, GradientFlow):
        return {}
    return {"jacobian_norm": flow.jacobian_norm.middle, "flow_verdict": flow.verdict()}


def _latency(network: ProbedNetwork) -> Cells:
    from nnmass.probes import Latency

    latency = network.results.get("latency")
    if not isinstance(latency, Latency):
        return {}
    return {"latency_median_ms": latency.median_ms, "latency_p95_ms": latency.batches[0].p95_ms}


def _baselines(network: ProbedNetwork) -> Cells:
    scores = network.results.get("baselines", ())
    if not isinstance(scores, Sequence):
        return {}
    return {f"proxy_{score.proxy}": score.value for score in scores}  # type: ignore[attr-defined]


_PARTS: tuple[Callable[[ProbedNetwork], Cells], ...] = (_ldi, _flow, _latency, _baselines)


def _failures(network: ProbedNetwork) -> str:
    layers = network.ldi.failures if network.ldi else ()
    return " | ".join([*(f"{name}: {why}" for name, why in network.failures.items()), *layers])


def _text(value: object) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)
