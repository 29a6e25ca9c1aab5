"""`nnmass report`: any results as one HTML file."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from nnmass._version import __version__
from nnmass.cli._errors import say
from nnmass.cli._output import JsonOption, QuietOption, emit_json
from nnmass.errors import SpecError

_PARAGRAPHS = (
    "A source is a file that --json wrote (mass, inspect, probe, design, predict, train, study "
    "fit, slim, audit), or a folder of a study, a run or a design. Several become the parts of "
    "one page, in their order.",
    "The page opens offline and asks nothing of any server. With plotly (the extra report) figures "
    "can be pointed at and zoomed, for 4.8 MB; without it, or with --light, they are still.",
    "Exit code: 0 done; 2 where a source is no result; 3 where it cannot be read or written.",
    "Examples:",
    "  nnmass report mnist-mlp -o study.html",
    "  nnmass report inspect.json designs audit.json --title 'Our next model' --light",
)
EPILOG = "\n\n".join(_PARAGRAPHS)


def report_verb(
    sources: Annotated[
        list[str], typer.Argument(help="Files and folders of results.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The page.")] = Path("report.html"),
    title: Annotated[
        str, typer.Option(help="Of the page; what it holds unless told.", show_default=False)
    ] = "",
    light: Annotated[
        bool, typer.Option("--light", help="Still pictures alone: a small page, for a mail.")
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """One self-contained HTML page of any results, to be sent to somebody."""
    if out.is_dir() or not out.name:
        raise SpecError(f"--out must be the name of a file, such as report.html, got {str(out)!r}")
    from nnmass.report import format_bytes, report_of, write_report

    page = report_of(sources, title=title)
    made_by = {"page made by": f"nnmass {__version__}", "with": " ".join(["nnmass", *sys.argv[1:]])}
    page = replace(page, provenance={**page.provenance, **made_by})
    has_plotly = find_spec("plotly") is not None
    write_report(page, out, interactive=has_plotly and not light)
    size = out.stat().st_size
    if json:
        parts = page.parts or (page,)
        document = {
            "page": str(out),
            "bytes": size,
            "is_interactive": has_plotly and not light,
            "title": page.title,
            "parts": [{"title": part.title, "answer": part.answer} for part in parts],
        }
        emit_json("report", document)
        return
    if quiet:
        return
    kind = (
        "" if has_plotly or light else " of still pictures; pip install 'nnmass[report]' for more"
    )
    say(f"wrote {out} ({format_bytes(size)}){kind}")
