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
    from nnmass.report import spec_cells_table

    emit_table(spec_cells_table([cell]))


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
    from nnmass.report import spec_cells_table, spec_table

    emit_table(spec_table(spec))
    if cells:
        emit_line()
        emit_table(spec_cells_table(cells))


def _numbers(cells: list[AnyCell] | list[Cell]) -> dict[str, object]:
    from nnmass.topology import network_degree, network_density, network_mass

    degree = network_degree(cells)
    return {
        "mass": network_mass(cells),
        "density": network_density(cells),
        "average_degree": degree.to_dict() if degree else None,
    }
