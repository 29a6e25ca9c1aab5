"""What one probe found of one network: a sentence, tables, drawings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnmass.errors import SpecError
from nnmass.probes import LDI, GradientFlow, IsometryTheory, Latency, ProbedNetwork, ProxyScore
from nnmass.report._document import Figure
from nnmass.report._flow import flow_figure, flow_table
from nnmass.report._latency import latency_table
from nnmass.report._ldi_chart import ldi_chart
from nnmass.report._ldi_figure import ldi_figure
from nnmass.report._ldi_table import ldi_line, ldi_table, singular_value
from nnmass.report._proxies import proxy_table
from nnmass.report._table import Table
from nnmass.report._theory import theory_section


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeView:
    """What one probe found of one network.

    Attributes:
        heading: Names the probe.
        line: The outcome, in a sentence.
        text: What it is about.
        note: What must be known before the numbers are read; may be empty.
        tables: The numbers.
        figures: Drawings; none where nothing can be drawn.
        failures: What has no number, each with its reason.
    """

    heading: str
    line: str
    text: str = ""
    note: str = ""
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    failures: tuple[str, ...] = ()


ISOMETRY = (
    "A layer's Jacobian tells how a small change of what its activation reads moves its output. "
    "Where its singular values are near 1 (isometry), gradients neither vanish nor explode on "
    "their way through that layer."
)
_RELEASED = (
    "This is the measurement of the released code with its defects, kept to explain published "
    "levels; it is no measurement of the network."
)


def _ldi_view(ldi: LDI) -> ProbeView:
    line = ldi_line(ldi)
    caption = (
        "Singular values of the Jacobian of each layer; a band that meets the lower edge goes on "
        "towards 0. Point at a mark for the layer's name."
    )
    return ProbeView(
        heading="Layer Jacobians",
        line=line[0].upper() + line[1:] + ".",
        text=ISOMETRY,
        note=_RELEASED if ldi.is_legacy else "",
        tables=(ldi_table(ldi),),
        figures=_drawn(lambda: Figure(ldi_figure(ldi), caption, ldi_chart(ldi))),
        failures=ldi.failures,
    )


def _drawn(draw: Callable[[], Figure]) -> tuple[Figure, ...]:
    try:
        return (draw(),)
    except SpecError:  # no number that can be drawn: the failures tell why
        return ()


def _flow_view(flow: GradientFlow) -> ProbeView:
    return ProbeView(
        heading="Gradient flow",
        line=flow.verdict(),
        text="How large signals are on their way forwards, and gradients on their way back.",
        tables=(flow_table(flow),),
        figures=(flow_figure(flow),),
        failures=flow.failures,
    )


def _baselines_view(scores: Sequence[ProxyScore]) -> ProbeView:
    n_measured = sum(score.status == "measured" for score in scores)
    return ProbeView(
        heading="Baselines and zero-cost proxies",
        line=f"{n_measured} of {len(scores)} baselines and proxies were measured.",
        text="Single numbers say little: compare networks by them, and a proxy with parameters and "
        "MACs first. One that orders networks no better than those tells nothing new.",
        tables=(proxy_table(scores),),
    )


def _latency_view(latency: Latency) -> ProbeView:
    first = latency.batches[0]
    images = "1 image" if first.batch_size == 1 else f"{first.batch_size} images"
    return ProbeView(
        heading="Latency",
        line=f"A forward pass of {images} takes {first.median_ms:.3g} ms (median) on "
        f"{latency.device}, and no more than {first.p95_ms:.3g} ms in 95 % of the runs.",
        text="Timings hang on what else the machine does; compare those of one call.",
        tables=(latency_table([latency]),),
    )


def _theory_view(theory: IsometryTheory) -> ProbeView:
    section = theory_section(theory)
    return ProbeView(
        heading="Random-matrix theory",
        line=_theory_line(theory),
        text="Singular values of the weights alone, beside what random-matrix theory expects.",
        note=theory.caveat,
        tables=section.tables,
        figures=section.figures,
        failures=theory.failures,
    )


def _theory_line(theory: IsometryTheory) -> str:
    cells = [cell for cell in theory.cells if cell.mean is not None]
    if not cells:
        distances = [layer.distance for layer in theory.layers if layer.distance is not None]
        if not distances:
            return "No layer could be laid beside the law."
        return (
            f"The singular values of the weights differ from the Marchenko-Pastur law by "
            f"{max(distances):.3f} at most, in any of {len(distances)} layers (largest difference "
            "of the distribution functions)."
        )
    told = (
        f"{singular_value(cell.mean or 0)} measured, {singular_value(cell.predicted_fan_in)} by "
        "the law"
        for cell in cells
    )
    cell = "the cell" if len(cells) == 1 else "the cells"
    return f"Mean singular value of W in {cell}: {'; '.join(told)}."


_VIEWS: Mapping[str, Callable[[Any], ProbeView]] = {
    "ldi": _ldi_view,
    "flow": _flow_view,
    "baselines": _baselines_view,
    "latency": _latency_view,
    "theory": _theory_view,
}


def probe_views(network: ProbedNetwork) -> dict[str, ProbeView]:
    """What each probe found of ``network``, in the order in which they were asked."""
    return {name: _VIEWS[name](result) for name, result in network.results.items()}
