"""`nnmass design`: the cheapest networks of a given mass."""

from __future__ import annotations

from typing import Any

from nnmass.cli._budgets import read_budget, read_depths, read_mass
from nnmass.cli._design_files import check_files, write_files
from nnmass.cli._design_options import (
    AcrossWidthsOption,
    DepthOption,
    FamilyOption,
    FitOption,
    FrontOption,
    HtmlOption,
    InputOption,
    LatencySecondsOption,
    LatencyTableOption,
    LatencyThreadsOption,
    LikeOption,
    MassOption,
    MatchOption,
    MaxLatencyOption,
    MaxMacsOption,
    MaxMemoryOption,
    MaxParamsOption,
    ObjectiveOption,
    OutOption,
    SpaceOption,
    SvgOption,
    TopOption,
    WidthOption,
)
from nnmass.cli._design_output import emit_design
from nnmass.cli._design_search import Designing, read_fit, read_reference, searched
from nnmass.cli._inspection import read_shape
from nnmass.cli._output import JsonOption, QuietOption, emit_json

_PARAGRAPHS = (
    "The first network is the proven optimum of the whole space. Masses compare at one width and "
    "within known depths; networks outside carry a flag.",
    "Exit code: 0 done; 2 for wrong use, and where nothing keeps to the budgets; 3 where something "
    "is missing here, or the latency table is of another machine.",
    "Examples:",
    '  nnmass design --like "dense-cnn(wm=2,d=21,t=40/80/125)" --max-params 4M --out designs',
    "  nnmass design --like torchvision:mobilenet_v2 --front 8 --html front.html",
)
EPILOG = "\n\n".join(_PARAGRAPHS)


def design_verb(
    like: LikeOption = None,
    input_: InputOption = None,
    family: FamilyOption = None,
    space: SpaceOption = None,
    mass: MassOption = None,
    max_params: MaxParamsOption = None,
    max_macs: MaxMacsOption = None,
    max_latency: MaxLatencyOption = None,
    max_memory: MaxMemoryOption = None,
    depth: DepthOption = None,
    width: WidthOption = None,
    across_widths: AcrossWidthsOption = False,
    objective: ObjectiveOption = None,
    match: MatchOption = None,
    top: TopOption = None,
    front: FrontOption = None,
    latency_table: LatencyTableOption = None,
    latency_seconds: LatencySecondsOption = 60.0,
    threads: LatencyThreadsOption = None,
    fit: FitOption = None,
    svg: SvgOption = None,
    html: HtmlOption = None,
    out: OutOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """The cheapest networks with a reference's mass, exactly; no training, no trials."""
    asked: dict[str, Any] = {
        "family": family,
        "space": space,
        "mass": read_mass(mass),
        "max_params": read_budget(max_params, "--max-params"),
        "max_macs": read_budget(max_macs, "--max-macs"),
        "max_latency_ms": read_budget(max_latency, "--max-latency"),
        "max_memory": read_budget(max_memory, "--max-memory"),
        "depth": read_depths(depth),
        "width": width,
        "across_widths": across_widths,
        "match": match,
        "fit": None if fit is None else read_fit(fit),
    }
    shape = None if input_ is None else read_shape(input_)
    check_files(svg=svg, html=html, latency_table=latency_table, out=out)
    designing = Designing(
        asked=asked,
        reference=read_reference(like, family=family, shape=shape),
        objective=objective,
        top=top,
        levels=front,
        has_picture=svg is not None or html is not None,
        latency_file=latency_table,
        latency_seconds=latency_seconds,
        threads=threads,
        quiet=quiet,
    )
    designed = searched(designing)
    if not json:
        emit_design(designed)
    document = write_files(designed, svg=svg, html=html, out=out)
    if json:
        emit_json("design", document)
