"""Probed networks as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nnmass.errors import SpecError
from nnmass.probes import IsometryTheory, ProbedNetwork
from nnmass.probes._theory_result import CAVEAT
from nnmass.report._document import Figure, Report, Section
from nnmass.report._equal_groups_table import equal_mass_groups_table, equal_mass_line
from nnmass.report._ldi_against import drawable, fit_sentence, ldi_against_figure
from nnmass.report._mass_theory import mass_theory_figure
from nnmass.report._numbers import format_count, format_mass
from nnmass.report._probe_view import ISOMETRY, probe_views
from nnmass.report._probes_table import baselines_table, probes_table, scores_of, verdicts_table
from nnmass.report._table import Column, Table

_SCALE = (
    "The level follows from how first weights are scaled. With the usual scaling by fan-in, a "
    "layer that reads more has smaller weights, so mass moves the shape of the spectrum only, and "
    "levels are comparable between networks whose weights are drawn alike."
)
_AGAINST = (
    "If mass governs how gradients travel, the points follow one line against mass, whatever "
    "their depth; if size did, they would follow one against parameters."
)
_EQUAL = (
    "Each row holds networks of nearly one mass and of different depths. The spread is the "
    "largest mean singular value less the smallest, over their mean; the error bars above tell "
    "how much of it is chance of the initialisation."
)


def report_probes(
    results: Sequence[ProbedNetwork], *, provenance: Mapping[str, str] | None = None
) -> Report:
    """Probed networks as a page: the answer, figures, tables, and where the numbers come from.

    Args:
        results: At least one.
        provenance: What the page should say besides versions and settings, such as the command.

    Raises:
        SpecError: There is no result.
    """
    if not results:
        raise SpecError("report_probes got no networks: give at least one that was probed")
    if len(results) == 1:
        title, sections = f"How gradients start: {results[0].name}", _of_one(results[0])
    else:
        title, sections = f"How gradients start in {len(results)} networks", _of_many(results)
    return Report(
        title=title,
        answer=_answer(results),
        sections=(*sections, *_failures(results)),
        provenance={**_provenance(results), **(provenance or {})},
    )


def _answer(results: Sequence[ProbedNetwork]) -> str:
    if len(results) == 1:
        lines = [view.line for view in probe_views(results[0]).values()]
        return " ".join(lines) or f"Nothing could be measured of {results[0].name}."
    lines = [fit_sentence(results), equal_mass_line(results)]
    n_done = sum(bool(result.results) for result in results)
    return " ".join(filter(None, lines)) or f"{n_done} of {len(results)} networks were measured."


def _of_one(result: ProbedNetwork) -> Iterator[Section]:
    for view in probe_views(result).values():
        yield Section(view.heading, f"{view.text}\n\n{view.note}", view.figures, view.tables)
    mass = "n/a" if result.mass is None else format_mass(result.mass)
    names = ("NN-Mass", "params", "MACs", "depth")
    row = (mass, format_count(result.params), format_count(result.macs), str(result.depth or "-"))
    table = Table(tuple(Column(name) for name in names), (row,))
    yield Section("What the network weighs and costs", tables=(table,))


def _of_many(results: Sequence[ProbedNetwork]) -> Iterator[Section]:
    if any(result.ldi for result in results):
        figures = tuple(_against(results))
        if figures:
            yield Section(
                "Mean singular value against mass, and against size",
                f"{ISOMETRY}\n\n{_AGAINST}\n\n{_SCALE}",
                figures,
            )
        groups = equal_mass_groups_table(results)
        if groups:
            yield Section("Equal mass, different depth", _EQUAL, tables=(groups,))
    theory = _theory_figure(results)
    if theory:
        yield Section("Random-matrix theory", CAVEAT, (theory,))
    more = (verdicts_table(results), baselines_table(results))
    tables = (probes_table(results), *(table for table in more if table))
    yield Section("The networks", tables=tables)


def _against(results: Sequence[ProbedNetwork]) -> Iterator[Figure]:
    for what in ("mass", "params"):
        if drawable(results, what):
            yield ldi_against_figure(results, what)


def _theory_figure(results: Sequence[ProbedNetwork]) -> Figure | None:
    found = [result.results.get("theory") for result in results]
    theories = [theory for theory in found if isinstance(theory, IsometryTheory)]
    try:
        return mass_theory_figure(theories) if theories else None
    except SpecError:  # networks without cells, or of several widths: there is no one curve
        return None


def _failures(results: Sequence[ProbedNetwork]) -> Iterator[Section]:
    rows = [(result.name, name, why) for result in results for name, why in result.failures.items()]
    rows += [
        (result.name, name, why)
        for result in results
        for name, view in probe_views(result).items()
        for why in view.failures
    ]
    rows += [
        (result.name, score.proxy, score.reason)
        for result in results
        for score in scores_of(result)
        if score.reason
    ]
    if rows:
        columns = tuple(Column(name, "left") for name in ("network", "probe", "why"))
        yield Section("What has no number", tables=(Table(columns, tuple(rows)),))


def _provenance(results: Sequence[ProbedNetwork]) -> dict[str, str]:
    """Settings and versions of the first network that has them; one call gives all the same."""
    told = dict[str, str]()
    for ldi in (result.ldi for result in results):
        if ldi is not None:
            seeds = [str(draw.seed) for draw in ldi.draws if draw.seed is not None]
            told |= {
                "images": str(ldi.n_images),
                "seeds": ", ".join(seeds) or "none: the weights as they are",
                "batch norms": f"{ldi.batch_norm} statistics",
                **ldi.environment,
            }
            break
    told["measured in"] = f"{sum(result.seconds for result in results):.1f} s"
    return told
