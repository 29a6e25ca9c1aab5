"""`nnmass probes`: what can be measured of a network before training."""

from __future__ import annotations

from typing import Annotated

import typer

from nnmass.cli._completion import complete_probe
from nnmass.cli._output import JsonOption, emit_json, emit_line, emit_table

LS_EPILOG = """Examples:

  nnmass probes ls

  nnmass probes ls --json
"""

SHOW_EPILOG = """Examples:

  nnmass probes show ldi

  nnmass probes show synflow --json
"""


def probes_ls(json: JsonOption = False) -> None:
    """List what can be measured: unit, what is better, what it needs."""
    from nnmass.probes import CATALOGUE
    from nnmass.report import Column, Table

    if json:
        emit_json("probes", {"probes": [info.to_dict() for info in CATALOGUE.values()]})
        return
    names = ("name", "measures", "unit", "better", "needs", "--probe")
    columns = tuple(Column(name, "left", is_optional=name == "--probe") for name in names)
    rows = tuple(
        (info.name, info.measures, _unit(info.unit), info.better, info.needs, info.probe)
        for info in CATALOGUE.values()
    )
    emit_table(Table(columns, rows))


def probes_show(
    name: Annotated[
        str, typer.Argument(help="A probe; see `nnmass probes ls`.", autocompletion=complete_probe)
    ],
    json: JsonOption = False,
) -> None:
    """Definition, source and batch-norm mode of one of them."""
    from nnmass.probes import probe_info

    info = probe_info(name)
    if json:
        emit_json("probes", info.to_dict())
        return
    emit_line(f"{info.name}: {info.measures}")
    emit_line()
    if info.definition:
        emit_line(info.definition)
        emit_line()
    facts = {
        "unit": _unit(info.unit),
        "better": info.better,
        "needs": info.needs,
        "batch norms": info.batch_norm or "make no difference",
        "source": info.source,
        "measure with": f"nnmass probe NETWORK --probe {info.probe}",
    }
    for key, value in facts.items():
        emit_line(f"{key}: {value}")


def _unit(unit: str) -> str:
    return "-" if unit == "1" else unit
