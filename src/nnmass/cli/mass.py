"""`nnmass mass`: what follows from a description alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._completion import complete_network
from nnmass.cli._network import NETWORK_HELP, read_network
from nnmass.cli._output import JsonOption, emit_json, emit_line, emit_table
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.specs import Spec
    from nnmass.topology import AnyCell, Cell

EPILOG = """Examples:

  nnmass mass "dense-cnn(wm=2,d=13,t=40/80/125)"

  nnmass mass --width 8 --depth 16 --for-mass 17 --json
"""


def mass(
    network: Annotated[
        str | None, typer.Argument(help=NETWORK_HELP, autocompletion=complete_network)
    ] = None,
    width: Annotated[int | None, typer.Option(help="Channels of each layer of a cell.")] = None,
    depth: Annotated[int | None, typer.Option(help="Layers of the cell, at least 3.")] = None,
    link_cap: Annotated[
        int | None, typer.Option(help="Most channels that a layer takes through skips.")
    ] = None,
    for_mass: Annotated[
        float | None, typer.Option(help="Instead of --link-cap: the smallest one of this mass.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Density, NN-Mass, average degree, parameters and MACs of a description."""
    cell_options = (width, depth, link_cap, for_mass)
    if network is not None:
        if any(option is not None for option in cell_options):
            raise SpecError(
                "give either a network or a cell (--width, --depth, --link-cap), not both"
            )
        _show_network(read_network(network), as_json=json)
        return
    _show_cell(_described_cell(width, depth, link_cap, for_mass), as_json=json)


def _described_cell(
    width: int | None, depth: int | None, link_cap: int | None, for_mass: float | None
) -> Cell:
    from nnmass.topology import Cell, link_cap_for_mass

    if width is None or depth is None or (link_cap is None) == (for_mass is None):
        raise SpecError(
            "a cell needs --width, --depth and one of --link-cap and --for-mass; a network is "
            "given as a spec string, for example 'dense-cnn(wm=2,d=13,t=40/80/125)'"
        )
    if for_mass is not None:
        link_cap = link_cap_for_mass(width, depth, for_mass)
    assert link_cap is not None
    return Cell(width=width, depth=depth, link_cap=link_cap)


def _show_cell(cell: Cell, *, as_json: bool) -> None:
    if as_json:
        document = _numbers([cell]) | {"params": None, "macs": None, "cells": [cell.to_dict()]}
        emit_json("mass", document)
        return
    _emit_cells([cell])


def _show_network(spec: Spec, *, as_json: bool) -> None:
    cells = list(spec.cells)
    if as_json:
        document = {
            "spec": str(spec),
            **_numbers(cells),
            "params": spec.params,
            "macs": spec.macs,
            "cells": [cell.to_dict() for cell in cells],
        }
        emit_json("mass", document)
        return
    _emit_network(spec)
    if cells:
        emit_line()
        _emit_cells(cells)


def _numbers(cells: list[AnyCell] | list[Cell]) -> dict[str, object]:
    from nnmass.topology import network_degree, network_density, network_mass

    degree = network_degree(cells)
    return {
        "mass": network_mass(cells),
        "density": network_density(cells),
        "average_degree": degree.to_dict() if degree else None,
    }


def _emit_network(spec: Spec) -> None:
    from nnmass.report import Column, Table, format_count, format_density, format_mass
    from nnmass.topology import network_degree, network_density

    cells = spec.cells
    degree = network_degree(cells)
    columns = ("NN-Mass", "density", "degree", "params", "MACs")
    row = (
        str(spec),
        format_mass(spec.mass),
        format_density(network_density(cells)),
        f"{degree.exact:.2f}" if degree else "-",
        format_count(spec.params),
        format_count(spec.macs),
    )
    names = (Column(name="network", align="left"), *(Column(name=name) for name in columns))
    emit_table(Table(columns=names, rows=(row,)))


def _emit_cells(cells: list[AnyCell] | list[Cell]) -> None:
    from nnmass.report import Column, Table, format_density, format_mass
    from nnmass.topology import Cell, DenseBlock

    names = ("cell", "depth", "width", "link cap", "links", "density", "NN-Mass", "degree")
    rows = []
    for index, cell in enumerate(cells):
        links = f"{cell.links} of {cell.possible_links}"
        numbers = (links, format_density(cell.density), format_mass(cell.mass))
        if isinstance(cell, Cell):
            degree = f"{cell.average_degree.exact:.2f}"
            shape = (str(cell.depth), str(cell.width), str(cell.link_cap))
            rows.append((str(index), *shape, *numbers, degree))
        elif isinstance(cell, DenseBlock):
            layer = f"({cell.inner}-{cell.growth})" if cell.has_bottleneck else f"{cell.growth}"
            widths = f"{cell.inputs} + {cell.layers} x {layer}"
            rows.append((str(index), str(cell.depth), widths, "-", *numbers, "-"))
        else:
            widths = "-".join(map(str, cell.widths))
            rows.append((str(index), str(len(cell.widths) - 1), widths, "-", *numbers, "-"))
    emit_table(Table(columns=tuple(Column(name=name) for name in names), rows=tuple(rows)))
