"""`nnmass inspect`: the skip topology of any network, traced."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from nnmass.cli._completion import complete_network
from nnmass.cli._errors import INTERRUPTED, say
from nnmass.cli._inspect_csv import csv_text
from nnmass.cli._inspect_svg import write_drawings
from nnmass.cli._inspect_tables import (
    emit_cells,
    emit_kinds,
    emit_modules,
    emit_networks,
    emit_notes,
)
from nnmass.cli._inspection import (
    Inspection,
    in_order,
    inspected,
    networks_of,
    outcome_code,
    read_output,
    read_shapes,
)
from nnmass.cli._network import NETWORKS_HELP
from nnmass.cli._output import JsonOption, QuietOption, emit_json
from nnmass.errors import SpecError, whole_number

_PARAGRAPHS = (
    "Masses are comparable within one family at one width, not between families: that is why "
    "parameters and MACs stand beside them.",
    "Exit code: 0 done; 2 where no network could be inspected, for what was typed (a wrong name "
    "or shape, a network that cannot be run or followed); 3 where only some could, or where "
    "something is missing here, such as timm.",
    "Examples:",
    "  nnmass inspect timm:resnet50 --svg resnet50.svg",
    '  nnmass inspect "timm:densenet*" --sort mass --csv masses.csv',
    "  nnmass inspect my_models:small_net --input 1x28x28 --json",
)
EPILOG = "\n\n".join(_PARAGRAPHS)


def inspect_verb(
    networks: Annotated[
        list[str],
        typer.Argument(help=NETWORKS_HELP, show_default=False, autocompletion=complete_network),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="Sizes of one input, such as 3x224x224; once for each where there are several.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Which output to follow, by key or number; the classifier unless told."),
    ] = None,
    sort: Annotated[
        Literal["mass", "params", "macs", "depth", "name"] | None,
        typer.Option(
            metavar="KEY",
            help="mass, params, macs or depth, largest first; name, from a to z. In the order "
            "asked unless told.",
        ),
    ] = None,
    modules: Annotated[bool, typer.Option("--modules", help="MACs by module as well.")] = False,
    level: Annotated[
        int | None, typer.Option(help="MACs by module so many levels down; --modules is 1.")
    ] = None,
    macs: Annotated[
        bool, typer.Option("--macs", help="Operations by kind as well, and what is not counted.")
    ] = False,
    csv: Annotated[
        str | None, typer.Option(help="File with one row a network; - for stdout, alone.")
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(help="File to draw the cells into; a folder, for several networks."),
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Cells, NN-Mass, parameters, MACs and depth of any network, without weights or training."""
    shape = read_shapes(inputs or ())
    levels = int(modules) if level is None else whole_number(level, "--level", low=1)
    if json and csv == "-":
        raise SpecError("--json and --csv - both want stdout: give one, or --csv FILE")
    asked = networks_of(networks)
    _check_files(csv, svg, is_single=len(asked) == 1)
    done, is_interrupted = inspected(
        asked, shape, output=read_output(output), keep=partial(_keep, csv), quiet=quiet
    )
    done = in_order(done, sort)
    if json:
        _emit_document(done)
    elif csv == "-":
        typer.echo(csv_text(done), nl=False)
    else:
        _emit(done, is_single=len(asked) == 1, levels=levels, kinds=macs)
        if len(asked) > 1 and not quiet and any(e.topology and e.topology.notes for e in done):
            say("notes are told in full for one network, and with --json")
    _say_failures(done, is_single=len(asked) == 1)
    _write(done, csv=csv, svg=svg, into_folder=len(asked) > 1)
    if is_interrupted:
        say(f"interrupted: {len(done)} of {len(asked)} networks were done")
        raise typer.Exit(INTERRUPTED)
    if code := outcome_code(done):
        raise typer.Exit(code)


def _check_files(csv: str | None, svg: Path | None, *, is_single: bool) -> None:
    """Before hours of work: can the results go where they shall?"""
    if csv == "":
        raise SpecError("--csv must be the name of a file, or - for stdout, got ''")
    if svg is not None and svg.suffix == ".svg" and not is_single:
        raise SpecError(
            f"--svg must be a folder for several networks, got {str(svg)!r}; for example --svg "
            f"{svg.with_suffix('')}"
        )


def _keep(csv: str | None, done: Sequence[Inspection]) -> None:
    """Write what is done so far, where it goes into a file."""
    from nnmass.runs import write_atomic

    if csv is not None and csv != "-" and done:
        write_atomic(csv, csv_text(done))


def _emit_document(done: Sequence[Inspection]) -> None:
    document = {
        "networks": [entry.to_dict() for entry in done if entry.topology is not None],
        "failures": [entry.to_dict() for entry in done if entry.topology is None],
    }
    emit_json("inspect", document)


def _emit(done: Sequence[Inspection], *, is_single: bool, levels: int, kinds: bool) -> None:
    topologies = [entry.topology for entry in done if entry.topology is not None]
    if topologies:
        emit_networks(topologies)
    for topology in topologies:
        if is_single and topology.cells:
            emit_cells(topology)
        if levels:
            emit_modules(topology, level=levels)
        if kinds:
            emit_kinds(topology)
        if is_single:
            emit_notes(topology)


def _say_failures(done: Sequence[Inspection], *, is_single: bool) -> None:
    for entry in done:
        if entry.error is not None:
            name = "" if is_single else f"{entry.name}: "
            say(f"nnmass inspect: {name}{entry.error}")


def _write(
    done: Sequence[Inspection], *, csv: str | None, svg: Path | None, into_folder: bool
) -> None:
    if csv is not None and csv != "-" and done:
        _keep(csv, done)
        say(f"wrote {csv}")
    if svg is not None:
        write_drawings(done, svg, into_folder=into_folder or svg.is_dir())
