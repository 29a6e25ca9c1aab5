"""The options of `nnmass design`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from nnmass.cli._completion import Offer, complete_family, complete_network


def _option(
    help_: str,
    *names: str,
    metavar: str | None = None,
    complete: Callable[[str], list[Offer]] | None = None,
) -> object:
    return typer.Option(
        *names, help=help_, metavar=metavar, show_default=False, autocompletion=complete
    )


LikeOption = Annotated[
    str | None,
    _option(
        "The reference: a spec string, a spec file or folder, timm:NAME, torchvision:NAME, or "
        "package.module:factory.",
        metavar="NETWORK",
        complete=complete_network,
    ),
]
InputOption = Annotated[
    str | None,
    _option("Sizes of one input, where the reference does not tell.", "--input", metavar="CxHxW"),
]
FamilyOption = Annotated[
    str | None,
    _option(
        "Of the networks, without a reference; or what to take the reference for.",
        complete=complete_family,
    ),
]
SpaceOption = Annotated[
    str | None,
    _option("What to search: a spec string with ranges, such as 'dense-cnn(wm=2,d=8..21,t=*/*)'."),
]
MassOption = Annotated[
    str | None,
    _option("Least NN-Mass, or LEAST:MOST; the reference's unless told.", metavar="M"),
]
MaxParamsOption = Annotated[
    str | None, _option("Such as 4M; the reference's unless told, none for no limit.", metavar="N")
]
MaxMacsOption = Annotated[
    str | None,
    _option("Such as 600MMAC; the reference's unless told, none for no limit.", metavar="N"),
]
MaxLatencyOption = Annotated[
    str | None, _option("Such as 12ms; needs --latency-table.", metavar="TIME")
]
MaxMemoryOption = Annotated[
    str | None,
    _option("Of feature maps at one moment, such as 30MiB (float32, batch 1).", metavar="SIZE"),
]
DepthOption = Annotated[
    str | None,
    _option(
        "Of every part (layers of a cell or block, blocks of a stage or row), instead of the "
        "range that the reference allows.",
        metavar="LOW:HIGH",
    ),
]
WidthOption = Annotated[
    str | None,
    _option("Choices of the field that sets the width, such as 1..1.4..0.1.", metavar="RANGE"),
]
AcrossWidthsOption = Annotated[
    bool,
    typer.Option("--across-widths", help="Compare masses of different widths all the same."),
]
ObjectiveOption = Annotated[
    str | None,
    _option(
        "Minimise params (unless told), macs, latency or memory, or maximise mass, or with --fit "
        "accuracy."
    ),
]
MatchOption = Annotated[
    str | None,
    _option(
        "Whose mass must be reached: cells (of every part; for families with link caps unless "
        "told) or network (the sum; for others)."
    ),
]
TopOption = Annotated[int | None, _option("Most candidates to show; 10 unless told.")]
FrontOption = Annotated[
    int | None,
    _option(
        "What each of so many levels of mass costs at least, instead of candidates.",
        metavar="LEVELS",
    ),
]
LatencyTableOption = Annotated[
    Path | None,
    _option("File of measured layers of this machine; what it lacks is measured first."),
]
LatencySecondsOption = Annotated[
    float, typer.Option(help="For measuring what the latency table lacks, about.")
]
LatencyThreadsOption = Annotated[
    int | None,
    _option("CPU threads of the latency table; its own, or 1, unless told.", "--threads"),
]
FitOption = Annotated[
    Path | None,
    _option("Model of `nnmass study fit --out`, to predict accuracies with.", "--fit"),
]
SvgOption = Annotated[Path | None, _option("File for the picture of the front.")]
HtmlOption = Annotated[Path | None, _option("File for a page with all of it.")]
OutOption = Annotated[
    Path | None,
    _option("Folder for the spec files, ready for `nnmass train`, and design.json."),
]
