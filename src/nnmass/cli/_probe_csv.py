"""Probed networks as comma-separated values, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnmass.cli._probing import Probing

if TYPE_CHECKING:
    from nnmass.probes import ProbedNetwork

_FIRST = ("name", "mass", "params", "macs", "depth")
_LDI = (
    "mean_singular_value", "interval_low", "interval_high", "pooled_mean", "singular_value_std",
    "initialisations", "images", "is_legacy",
)  # fmt: skip
_LAST = ("failures", "seconds", "error")


def probes_csv(done: Sequence[Probing]) -> str:
    """The table, with a header; numbers at full precision, what is not known left empty."""
    from nnmass.report import Column, Table

    columns = tuple(Column(name) for name in (*_FIRST, *_LDI, *_LAST))
    return Table(columns, tuple(_row(entry) for entry in done)).to_csv()


def _row(entry: Probing) -> tuple[str, ...]:
    network = entry.probed
    last = (_failures(network), f"{entry.seconds:.4f}", str(entry.error or ""))
    if network is None:
        return (entry.name, *[""] * (len(_FIRST) - 1 + len(_LDI)), *last)
    numbers = (network.mass, network.params, network.macs, network.depth)
    return (entry.name, *map(_number, numbers), *_ldi(network), *last)


def _ldi(network: ProbedNetwork) -> tuple[str, ...]:
    ldi = network.ldi
    if ldi is None:
        return ("",) * len(_LDI)
    low, high = ldi.interval or (None, None)
    numbers = (ldi.mean, low, high, ldi.pooled_mean, ldi.std, len(ldi.draws), ldi.n_images)
    return (*map(_number, numbers), str(ldi.is_legacy).lower())


def _failures(network: ProbedNetwork | None) -> str:
    if network is None:
        return ""
    layers = network.ldi.failures if network.ldi else ()
    return " | ".join([*(f"{name}: {why}" for name, why in network.failures.items()), *layers])


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
