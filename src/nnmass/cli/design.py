"""`nnmass design`: the cheapest networks of a given mass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._errors import say
from nnmass.cli._network import NETWORK_HELP, read_network
from nnmass.cli._output import JsonOption, emit_json, emit_line, emit_table
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.design import Front

EPILOG = """Examples:

  nnmass design --like "dense-cnn(wm=2,d=21,t=40/80/125)" --match cells

  nnmass design --like "dense-cnn(wm=2,d=21,t=40/80/125)" --depth 8:16 --out designs
"""


def design_verb(
    like: Annotated[str, typer.Option(help=f"The reference. {NETWORK_HELP}")],
    mass: Annotated[
        float | None, typer.Option(help="Least mass, instead of the reference's.")
    ] = None,
    depth: Annotated[
        str | None, typer.Option(help="LOW:HIGH; half the reference's depth to it unless told.")
    ] = None,
    objective: Annotated[str, typer.Option(help="What to minimise: params or macs.")] = "params",
    match: Annotated[
        str,
        typer.Option(help="network: the sum of masses; cells: every cell keeps its share of it."),
    ] = "network",
    top: Annotated[int, typer.Option(help="Most candidates to show.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Folder for the candidates' spec files.")] = None,
    json: JsonOption = False,
) -> None:
    """The cheapest networks with at least a reference's mass, exactly; no training, no trials."""
    from nnmass.design import design

    front = design(
        like=read_network(like),
        mass=mass,
        depth=_read_range(depth),
        objective=objective,  # type: ignore[arg-type]
        match=match,  # type: ignore[arg-type]
        top=top,
    )
    files = _write_specs(front, out) if out is not None else []
    if json:
        emit_json("design", front.to_dict() | {"files": files})
        return
    _emit_front(front)
    for note in front.notes:
        say(f"note: {note}")
    if files:
        say(f"wrote {len(files)} spec files to {out}; train one with: nnmass train {files[0]} ...")


def _read_range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise SpecError(f"--depth must be LOW:HIGH, such as 8:16, got {text!r}") from None


def _write_specs(front: Front, folder: Path) -> list[str]:
    from nnmass.runs import write_atomic

    files = []
    for rank, candidate in enumerate(front, start=1):
        file = folder / f"candidate-{rank:02d}.json"
        write_atomic(file, candidate.spec.to_json())
        files.append(str(file))
    return files


def _emit_front(front: Front) -> None:
    from nnmass.report import Column, Table, format_count

    rows = []
    reference = front.reference
    ranked = [("ref", reference), *((str(i), c) for i, c in enumerate(front, start=1))]
    for rank, candidate in ranked:
        rows.append(
            (
                rank,
                str(candidate.spec),
                f"{candidate.mass:.2f}",
                format_count(candidate.params),
                f"{reference.params / candidate.params:.2f}x",
                format_count(candidate.macs),
                f"{reference.macs / candidate.macs:.2f}x",
            )
        )
    names = ("NN-Mass", "params", "fewer", "MACs", "fewer")
    columns = (
        Column(name="", align="left"),
        Column(name="network", align="left"),
        *(Column(name=name) for name in names),
    )
    emit_table(Table(columns=columns, rows=tuple(rows)))
    emit_line(
        f"Mass >= {front.target_mass:.2f}, fewest {front.objective}: the optimum of each depth "
        f"{front.depths[0]}..{front.depths[1]} over {front.n_covered:,} networks, proven."
    )
