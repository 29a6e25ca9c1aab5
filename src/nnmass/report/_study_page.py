"""A study as a page: accuracy against mass, against size, and what explains it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nnmass.errors import SpecError
from nnmass.report._document import Figure, Report, Section
from nnmass.report._figures import scatter_figure
from nnmass.report._fit_tables import fit_tables, terms_line
from nnmass.report._plot import N_GROUPS
from nnmass.report._scatter import Point
from nnmass.report._study_tables import study_networks_table
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.runs import StoredStudy
    from nnmass.studies import NetworkSummary, StudyFit

_AGAINST = (
    "If mass tells what a network can do, the points follow one curve against mass, whatever "
    "their depth; if size told it, they would follow one against parameters or MACs."
)
_COSTS = (("mass", "NN-Mass"), ("params", "parameters"), ("macs", "MACs"))
_MOST_LABELLED = 8
_LOG_FROM = 20.0


def report_study(stored: StoredStudy, *, provenance: Mapping[str, str] | None = None) -> Report:
    """A study as its store holds it, finished or not.

    Args:
        stored: From `nnmass.runs.read_study`.
        provenance: What the page should say besides the study's own.
    """
    from nnmass.studies import summarise

    networks = summarise(stored.results)
    fits = _fits(stored)
    told = {
        "study": stored.name,
        "folder": str(stored.folder),
        "torch": ", ".join(sorted({one.torch for one in stored.results if one.torch})) or "-",
        "seeds": ", ".join(str(s) for s in sorted({r.trial.seed for r in stored.results})) or "-",
        "trained in": f"{sum(one.seconds or 0.0 for one in stored.results):,.0f} s",
    }
    return Report(
        title=f"The study {stored.name}",
        answer=_answer(stored, fits),
        sections=tuple(_sections(stored, networks, fits)),
        provenance={**told, **(provenance or {})},
    )


def _answer(stored: StoredStudy, fits: Mapping[str, StudyFit]) -> str:
    counts = stored.counts
    if not stored.results:
        return "The study holds no trial yet."
    n = len(stored.results)
    state = f"{counts['done']} of {n} trainings are done"
    state += f", {counts['failed']} failed." if counts["failed"] else "."
    lines = [
        terms_line(fit.configurations, f"{fit.outcome} on {data}") for data, fit in fits.items()
    ]
    return " ".join([*filter(None, lines), state])


def _fits(stored: StoredStudy) -> dict[str, StudyFit]:
    """What explains the accuracies, for each data set that has enough of them."""
    from nnmass.studies import fit_accuracy, study_table

    rows = [row for row in stored.to_rows() if row["status"] == "done"]
    found = {}
    for data in dict.fromkeys(str(row["data"]) for row in rows):
        try:
            table = study_table(rows, outcome="accuracy", data=data, where=str(stored.folder))
            found[data] = fit_accuracy(table)
        except SpecError:  # too few, or all alike: the table of networks is all there is
            continue
    return found


def _sections(
    stored: StoredStudy, networks: Sequence[NetworkSummary], fits: Mapping[str, StudyFit]
) -> Iterator[Section]:
    for data in dict.fromkeys(one.data for one in networks):
        of = [one for one in networks if one.data == data]
        where = f" on {data}" if len({one.data for one in networks}) > 1 else ""
        figures = tuple(accuracy_figures(of))
        if figures:
            yield Section(f"Accuracy against mass, and against size{where}", _AGAINST, figures)
        if data in fits:
            notes = "\n\n".join(fits[data].notes)
            yield Section(f"What explains it{where}", notes, tables=fit_tables(fits[data]))
    if networks:
        yield Section("The networks", tables=(study_networks_table(networks),))
    reasons = Counter(one.reason for one in stored.results if one.status == "failed")
    if reasons:
        rows = tuple((str(n), reason) for reason, n in reasons.most_common())
        columns = (Column("trainings"), Column("why", "left"))
        yield Section("What failed", tables=(Table(columns, rows),))


def accuracy_figures(networks: Sequence[NetworkSummary]) -> Iterator[Figure]:
    """Accuracy against mass, against parameters and against MACs, a colour for each depth.

    Args:
        networks: Of one data set; those without an accuracy are left out.
    """
    done = [one for one in networks if one.accuracy is not None]
    if not done:
        return
    depths = {one.spec: _depth(one.spec) for one in done}
    by_depth = 1 < len(set(depths.values())) <= N_GROUPS
    done.sort(
        key=lambda one: ([int(depth) for depth in depths[one.spec].split("/") if depth], one.mass)
    )
    for name, label in _COSTS:
        costs = [float(getattr(one, name)) for one in done]
        points = [
            Point(
                cost,
                100 * (one.accuracy or 0.0),
                100 * (one.accuracy_std or 0.0),
                one.spec if len(done) <= _MOST_LABELLED else "",
                f"depth {depths[one.spec]}" if by_depth else "",
                hint=one.spec,
                copy=one.spec,
            )
            for one, cost in zip(done, costs, strict=True)
        ]
        yield scatter_figure(
            points,
            f"Test accuracy against {label}, mean over the seeds; bars are one standard "
            "deviation. A click on a mark copies its spec.",
            x_label=label,
            y_label="test accuracy, %",
            title=f"Accuracy against {label}",
            log_x=min(costs) > 0 and max(costs) > _LOG_FROM * min(costs),
        )


def _depth(spec: str) -> str:
    """Layers of a cell, of several with ``/``; empty where it has none."""
    from nnmass.specs import parse

    depths = [str(getattr(cell, "depth", "")) for cell in parse(spec).cells]
    return "/".join(dict.fromkeys(filter(None, depths)))
