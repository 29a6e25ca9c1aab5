"""What the accuracies of a study follow, as tables and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.studies import Measure, StudyFit, TermsFit


def fit_tables(fit: StudyFit) -> tuple[Table, ...]:
    """One row a set of terms, baselines first: over configurations, then over trainings."""
    head = f"{fit.outcome} of {fit.n_configurations} configurations (means over seeds)"
    tables = [terms_table(fit.configurations, head, top=fit.top)]
    if fit.rows:
        title = f"{fit.outcome} of {fit.n_rows} single trainings"
        tables.append(terms_table(fit.rows, title, top=fit.top))
    return tuple(tables)


def terms_table(fits: Sequence[TermsFit], title: str, *, top: int) -> Table:
    """One row a set of terms; in brackets the ends of bootstrap intervals.

    Args:
        fits: One for each set of terms, such as `StudyFit.configurations`.
        title: Stands above.
        top: How many networks a choice may take, for the heading of its regret.
    """
    columns = (
        Column("terms", "left"),
        Column("n"),
        Column("R2"),
        Column("Spearman"),
        Column("Kendall", is_optional=True),
        Column(f"regret top {top}", is_optional=True),
        Column("R2 new depth"),
        Column("R2 new width", is_optional=True),
    )
    rows = tuple(
        (
            one.name.replace("macs", "MACs"),
            str(one.n),
            _shown(one.r_squared),
            _shown(one.spearman),
            _shown(one.kendall),
            _shown(one.regret),
            _shown(one.r_squared_new_depth),
            _shown(one.r_squared_new_width),
        )
        for one in fits
    )
    return Table(columns, rows, title)


def _shown(measure: Measure | None) -> str:
    if measure is None:
        return "-"
    if measure.interval is None:
        return f"{measure.value:z.3f}"
    return f"{measure.value:z.3f} [{measure.interval.low:z.2f}, {measure.interval.high:z.2f}]"


def terms_line(fits: Sequence[TermsFit], outcome: str) -> str:
    """How much ln mass explains beside the best of the baselines; empty where it is not there.

    Args:
        fits: Of one outcome, such as `StudyFit.configurations`.
        outcome: What is explained, in words.
    """
    by_name = {one.name: one for one in fits}
    mass = by_name.get("ln mass") or by_name.get("mass")
    baselines = [one for one in fits if one.is_baseline]
    if mass is None or not baselines:
        return ""
    best = max(baselines, key=lambda one: one.r_squared.value)
    verdict = "" if mass.r_squared.value > best.r_squared.value else ", more than mass does"
    verdict += f" (over {best.n}, those of mass 0 too)" if best.n != mass.n else ""
    told = best.name.replace("macs", "MACs")
    return (
        f"Over {mass.n} configurations {mass.name} explains {100 * mass.r_squared.value:.0f} % of "
        f"the variance of {outcome}; the best baseline, {told}, explains "
        f"{100 * best.r_squared.value:.0f} %{verdict}."
    )
