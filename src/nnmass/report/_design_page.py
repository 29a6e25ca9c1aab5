"""Designed networks as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from nnmass.errors import SpecError
from nnmass.report._design_names import are_short
from nnmass.report._design_table import design_table, flag_lines, front_table
from nnmass.report._design_words import (
    design_claim,
    design_limits,
    front_claim,
    front_limits,
    latency_line,
)
from nnmass.report._document import Figure, Report, Section
from nnmass.report._numbers import format_count, format_mass
from nnmass.report._pareto import pareto_chart, pareto_figure
from nnmass.report._spec_arcs import spec_arcs
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnmass.design import AdditiveError, Candidate, Front, ParetoFront

_FRONT_TEXT = (
    "At each of some levels of mass, the networks that have the least of each cost: no network "
    "with as much mass has less of it. Budgets that are the reference's own do not hold here. "
    "Networks between the levels, and compromises between the costs, are left out."
)
_MASS_TEXT = (
    "Mass compares networks of one family and width, within the depths that were looked at; "
    "letters in the last column of the table say where that does not hold. It says nothing of "
    "accuracy by itself: train the networks, or a few of them, to know."
)


def report_design(
    front: Front | None,
    pareto: ParetoFront | None,
    *,
    error: AdditiveError | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Report:
    """Designed networks as a page: what was proven, the table, the front, the skips.

    Args:
        front: The candidates; ``None`` for a page about the front alone.
        pareto: What a mass costs at least; ``None`` for a page about the candidates alone.
        error: How far latencies lie from whole networks, where there are some.
        provenance: What the page should say besides the search, such as the command.

    Raises:
        SpecError: Both are ``None``.

    Example:
        >>> from nnmass.design import design, pareto_front
        >>> like = "dense-mlp(w=8,d=16,t=8)"
        >>> report = report_design(design(like=like), pareto_front(like=like, levels=2))
        >>> [section.heading for section in report.sections]
        ['The networks', 'What a mass costs at least', 'The networks of the front', 'The skips']
    """
    told = pareto if front is None else front
    if told is None:
        raise SpecError("report_design got neither candidates nor a front: give one of the two")
    reference = told.reference
    title = str(told.space) if reference is None else str(reference.spec)
    return Report(
        title=f"Networks of the mass of {title}" if reference else f"Networks of {title}",
        answer=_answer(front, pareto),
        sections=tuple(_sections(front, pareto, error)),
        provenance={
            "space": str(told.space),
            "networks covered": f"{told.n_covered:,}",
            "whose mass must be reached": told.match,
            **(provenance or {}),
        },
    )


def _answer(front: Front | None, pareto: ParetoFront | None) -> str:
    if front is None:
        return "" if pareto is None else front_claim(pareto)
    if front.reference is None:
        return design_claim(front)
    best, reference = front[0], front.reference
    params, macs = (getattr(reference, name) / getattr(best, name) for name in ("params", "macs"))
    return (
        f"{best.spec} has {params:.2f}x fewer parameters and {macs:.2f}x fewer MACs than "
        f"{reference.spec}, at NN-Mass {best.mass:.2f} against {reference.mass:.2f}."
    )


def _sections(
    front: Front | None, pareto: ParetoFront | None, error: AdditiveError | None
) -> Iterator[Section]:
    if front is not None:
        yield _networks_section(front, error)
    if pareto is not None:
        yield from _front_sections(pareto, error, is_answer=front is None)
    drawn = [] if front is None else [("best", front[0])]
    told = pareto if front is None else front
    if told is not None and told.reference is not None:
        drawn.append(("reference", told.reference))
    with_cells = [(role, one) for role, one in drawn if one.spec.cells]
    if with_cells:
        yield Section("The skips", _MASS_TEXT, tuple(_skips(*one) for one in with_cells))


def _front_sections(
    pareto: ParetoFront, error: AdditiveError | None, *, is_answer: bool
) -> Iterator[Section]:
    """The front; beside candidates the picture has a section of its own."""
    if not is_answer:
        yield Section("What a mass costs at least", _FRONT_TEXT, (_figure(pareto),))
    found = [point.candidate for point in pareto.points]
    claim = "" if is_answer else front_claim(pareto)
    off = latency_line(error) if is_answer and error is not None else ""
    yield Section(
        "The networks of the front",
        _paragraphs(claim, front_limits(pareto), *flag_lines(found), off),
        (_figure(pareto),) if is_answer else (),
        (front_table(pareto), *_in_full(found)),
    )


def design_paragraphs(front: Front) -> list[str]:
    """What was proven, within which limits, and what a reader must know."""
    return [design_claim(front), design_limits(front), *flag_lines(front), *front.notes]


def _networks_section(front: Front, error: AdditiveError | None) -> Section:
    lines = design_paragraphs(front)
    lines += [] if error is None else [latency_line(error)]
    return Section(
        "The networks", _paragraphs(*lines), tables=(design_table(front), *_in_full(front))
    )


def _paragraphs(*lines: str) -> str:
    return "\n\n".join(filter(None, lines))


def _figure(pareto: ParetoFront) -> Figure:
    caption = (
        f"NN-Mass against what it costs at least, over {pareto.n_covered:,} networks. In each "
        "panel the line joins the networks that have the least of its cost. Point at a mark for "
        "its network; a click copies its spec."
    )
    return Figure(pareto_figure(pareto), caption, pareto_chart(pareto))


def _in_full(found: Sequence[Candidate]) -> Iterator[Table]:
    """The spec strings, where the table has short names."""
    if are_short([one.spec for one in found]):
        rows = tuple((str(rank), str(one.spec)) for rank, one in enumerate(found, start=1))
        yield Table((Column("", "left"), Column("spec", "left")), rows, "In full, to be copied")


def _skips(role: str, one: Candidate) -> Figure:
    """The cells of the network; links that are drawn at random are those of seed 0."""
    params, macs = format_count(one.params), format_count(one.macs)
    title = f"{role}: {one.spec}: NN-Mass {format_mass(one.mass)}, {params} parameters, {macs} MACs"
    return Figure(spec_arcs(one.spec, title=title), f"The skips of the {role} network.")
