"""What the explorer answers, as plain data: every function is one address of its server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nnmass.errors import NNMassError, SpecError
from nnmass.report._explorer._controls import changed, controls_of
from nnmass.report._numbers import format_bytes, format_count, format_density, format_mass
from nnmass.report._spec_arcs import spec_arcs
from nnmass.report._table import Table
from nnmass.specs import Spec, parse
from nnmass.topology import network_degree, network_density

if TYPE_CHECKING:
    from nnmass.studies import AccuracyModel

_ZOOS = ("timm:", "torchvision:")
_DEEPEST = 200  # layers of a cell: its arcs grow with the square, to 20,000 here
_KEPT = 256  # answers, so that going back costs nothing


def describe(
    text: str,
    *,
    change: tuple[str, int | None, str] | None = None,
    fit: AccuracyModel | None = None,
) -> dict[str, Any]:
    """A spec, with one field replaced if asked: numbers, controls, the drawing; nothing is built.

    Args:
        text: The spec string.
        change: Key, place in a list, and value.
        fit: To predict the accuracy with.

    Raises:
        SpecError: The spec or the change is not allowed.
    """
    spec = parse(text)
    if change is not None:
        spec = changed(spec, *change)
    degree = network_degree(spec.cells)
    numbers = {
        "NN-Mass": format_mass(spec.mass),
        "density": format_density(network_density(spec.cells)),
        "average degree": f"{degree.exact:.2f}" if degree else "-",
        "parameters": format_count(spec.params),
        "MACs": format_count(spec.macs),
        "feature maps": format_bytes(spec.peak_activation_bytes),
        "accuracy": _predicted(spec, fit),
    }
    return {
        "spec": str(spec),
        "family": spec.family,
        "numbers": numbers,
        "mass": spec.mass,
        "params": spec.params,
        "macs": spec.macs,
        "controls": [control.to_dict() for control in controls_of(spec)],
        "svg": "" if (reason := _undrawn(spec)) else spec_arcs(spec, is_named=False),
        "undrawn": reason,
        "commands": {
            "train it": f'nnmass train "{spec}" --data cifar10 --recipe cifar --out runs/mine',
            "describe it": f'nnmass mass "{spec}"',
        },
    }


def drawing(text: str) -> dict[str, Any]:
    """The drawing of a spec in which every arc can be pointed at.

    Raises:
        SpecError: The spec is not allowed.
    """
    spec = parse(text)
    return {"spec": str(spec), "svg": "" if _undrawn(spec) else spec_arcs(spec)}


def _undrawn(spec: Spec) -> str:
    """Why the cells of a spec are not drawn; empty where they are."""
    if not spec.cells:
        return "no skips: its NN-Mass is 0"
    deepest = max(
        int(getattr(cell, "depth", len(getattr(cell, "widths", ())))) for cell in spec.cells
    )
    if deepest > _DEEPEST:
        return f"not drawn: a cell of {deepest:,} layers has more arcs than a page can show"
    return ""


def _predicted(spec: Spec, fit: AccuracyModel | None) -> str:
    if fit is None:
        return "open a study"
    if any(reason.startswith("its family") for reason in fit.why_extrapolates(spec)):
        return "another family"  # masses do not compare between families
    try:
        found = fit.predict(spec)
    except NNMassError as error:
        return str(getattr(error, "reason", "")) or "no prediction"
    beyond = ", extrapolated" if found.extrapolates else ""
    return f"{found.accuracy:.1f} % ({found.low:.1f} to {found.high:.1f}{beyond})"


@lru_cache(_KEPT)
def design_for(text: str, budgets: tuple[tuple[str, float], ...]) -> dict[str, Any]:
    """The exact optimum for a spec under budgets, and the front between mass and costs.

    Args:
        text: The spec to be matched.
        budgets: ``mass``, ``params`` and ``macs`` in per cent of the spec's own; what is left out
            is the design's default.

    Raises:
        SpecError: The spec cannot be designed for.
        BudgetError: Nothing keeps to the budgets.
    """
    from nnmass.design import design
    from nnmass.report._design_page import design_paragraphs
    from nnmass.report._design_table import design_table

    spec, shares = parse(text), dict(budgets)
    asked: dict[str, Any] = {"like": spec, "top": 5}
    if "mass" in shares:
        asked["mass"] = spec.mass * shares["mass"] / 100
    for name in ("params", "macs"):
        if name in shares:
            asked[f"max_{name}"] = getattr(spec, name) * shares[name] / 100
    front = design(**asked)
    options = _options(asked)
    return {
        "table": table_data(design_table(front)),
        "specs": [str(spec), *(str(one.spec) for one in front)],
        "best": {"spec": str(front[0].spec), "mass": front[0].mass, "params": front[0].params,
                 "macs": front[0].macs},
        "lines": design_paragraphs(front),
        "command": f'nnmass design --like "{spec}"{options} --top 5 --out designs',
    }  # fmt: skip


def _options(asked: Mapping[str, Any]) -> str:
    names = {"mass": "--mass", "max_params": "--max-params", "max_macs": "--max-macs"}
    return "".join(f" {names[key]} {asked[key]:.6g}" for key in names if key in asked)


@lru_cache(_KEPT)
def front_for(text: str) -> dict[str, Any]:
    """What each mass costs at least among networks like a spec, as a chart.

    Raises:
        SpecError: The spec cannot be designed for.
    """
    from nnmass.design import pareto_front
    from nnmass.report._pareto import pareto_chart

    return {"chart": pareto_chart(pareto_front(like=parse(text), levels=10)).to_dict()}


@lru_cache(_KEPT)
def network(name: str) -> dict[str, Any]:
    """A network of a zoo, traced: numbers and cells.

    Raises:
        SpecError: It is of no zoo. Factories of modules are not taken from an address, since that
            would let any page that a browser shows run them.
        MissingExtraError: The zoo is not installed.
        TraceError: It cannot be followed.
    """
    from nnmass.nets import open_network
    from nnmass.report._topology import topology_diagram
    from nnmass.tracing import trace

    if not name.startswith(_ZOOS):
        raise SpecError(
            f"{name!r} is of no zoo: name one such as timm:densenet121 or torchvision:resnet50"
        )
    opened = open_network(name)
    shape = opened.input_shape or (3, 224, 224)
    topology = trace(opened.model, shape, name=opened.name)
    return {
        "name": opened.name,
        "numbers": {
            "NN-Mass": format_mass(topology.mass),
            "density": format_density(topology.density),
            "parameters": format_count(topology.params),
            "MACs": format_count(topology.macs),
            "depth": str(topology.depth),
            "cells": str(len(topology.cells)),
        },
        "mass": topology.mass if topology.is_read else None,
        "params": topology.params,
        "macs": topology.macs,
        "notes": list(topology.notes),
        "svg": topology_diagram(topology) if topology.cells else "",
    }


def table_data(table: Table) -> dict[str, Any]:
    """A table, to be drawn by a page."""
    columns = [{"name": column.header, "align": column.align} for column in table.columns]
    return {"title": table.title, "columns": columns, "rows": [list(row) for row in table.rows]}
