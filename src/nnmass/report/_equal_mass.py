"""The equal-mass study as tables and as a page."""

from __future__ import annotations

import math

from nnmass.report._curves import Series
from nnmass.report._document import Figure, Report, Section
from nnmass.report._figures import curves_figure, scatter_figure
from nnmass.report._numbers import format_count, format_spread
from nnmass.report._scatter import Point
from nnmass.report._spec_arcs import spec_arcs
from nnmass.report._table import Column, Table
from nnmass.studies import ArmResult, EqualMassResult
from nnmass.topology import Cell


def equal_mass_table(result: EqualMassResult) -> Table:
    """One row a network: mass, cost, accuracy (mean and deviation over the seeds), time."""
    names = ("NN-Mass", "params", "MACs", "accuracy %", "time")
    columns = (
        Column("", align="left"),
        Column("network", align="left"),
        *(Column(name) for name in names),
    )
    return Table(columns, tuple(_row(arm) for arm in result.arms))


def _row(arm: ArmResult) -> tuple[str, ...]:
    candidate = arm.arm.candidate
    return (
        arm.arm.role,
        str(candidate.spec),
        f"{candidate.mass:.1f}",
        format_count(candidate.params),
        format_count(candidate.macs),
        format_spread(100 * arm.mean, _spread_percent(arm)),
        f"{arm.seconds:.1f} s",
    )


def _spread_percent(arm: ArmResult) -> float:
    """Standard deviation in points; not a number where one seed tells none."""
    return 100 * arm.spread if len(arm.records) > 1 else math.nan


def report_equal_mass(result: EqualMassResult) -> Report:
    """The study as a page: the answer, accuracy against mass and against size, cells, curves."""
    record = result.reference.records[0]
    sizes = ", ".join(f"{count:,} {part}" for part, count in record.sizes.items())
    recipe = ", ".join(f"{key} {value}" for key, value in record.recipe.items())
    return Report(
        title="Does equal mass give equal accuracy?",
        answer=result.verdict(),
        sections=(
            Section(
                "The three networks",
                _INTRODUCTION,
                tables=(equal_mass_table(result),),
            ),
            Section(
                "Accuracy against mass, and against size",
                _COST_TEXT,
                (_accuracy_against(result, "NN-Mass"), _accuracy_against(result, "parameters")),
            ),
            Section(
                "The cells",
                "Layers are dots; an arc is a skip. Links of the first seed.",
                tuple(_arcs(arm) for arm in result.arms),
            ),
            Section("The trainings", "", (_curves(result),), (_seeds_table(result),)),
        ),
        provenance={
            "data": f"{record.dataset}: {sizes}",
            "recipe": recipe,
            "seeds": ", ".join(str(r.seed) for r in result.reference.records),
            **record.environment,
        },
    )


_INTRODUCTION = (
    "The reference was given. The designed network is the one with the fewest parameters, of half "
    "its depth or more, whose every cell has at least the mass of the reference's cell; it was "
    "found in closed form, before any training. The control has about the designed network's size "
    "and much less mass.\n\n"
    "Accuracy is on the test images, which no choice was made with: mean and standard deviation "
    "over the seeds, of the epoch that was best on the validation images."
)

_COST_TEXT = (
    "If mass tells what a network can do, the points rise with mass; if size told it, they would "
    "rise with the parameters."
)


def _accuracy_against(result: EqualMassResult, what: str) -> Figure:
    """Accuracy against ``NN-Mass``, or against ``parameters`` on a logarithmic axis."""
    of_params = what == "parameters"
    points = [
        Point(
            arm.arm.candidate.params if of_params else arm.arm.candidate.mass,
            100 * arm.mean,
            _spread_percent(arm),
            arm.arm.role,
            arm.arm.role,
            copy=str(arm.arm.candidate.spec),
        )
        for arm in result.arms
    ]
    return scatter_figure(
        points,
        f"Test accuracy against {what}; bars are one standard deviation.",
        x_label=what,
        y_label="test accuracy, %",
        title=f"Accuracy against {what}",
        log_x=of_params,
    )


def _arcs(arm: ArmResult) -> Figure:
    spec = arm.arm.candidate.spec
    cells = [cell for cell in spec.cells if isinstance(cell, Cell)]
    links = sum(cell.links for cell in cells)
    possible = sum(cell.possible_links for cell in cells)
    caption = f"{links:,} of {possible:,} possible links, mass {arm.arm.candidate.mass:.1f}."
    return Figure(spec_arcs(spec, title=f"{arm.arm.role}: {spec}"), caption)


def _curves(result: EqualMassResult) -> Figure:
    series = [
        Series(
            f"{arm.arm.role}, seed {record.seed}",
            arm.arm.role,
            [point["epoch"] for point in curve],
            [100 * point["validation_accuracy"] for point in curve],
        )
        for arm in result.arms
        for record, curve in zip(arm.records, arm.curves, strict=True)
    ]
    return curves_figure(
        series,
        "Validation accuracy of every training.",
        x_label="epoch",
        y_label="validation accuracy, %",
        title="Validation accuracy",
    )


def _seeds_table(result: EqualMassResult) -> Table:
    names = ("seed", "test %", "last epoch %", "best epoch", "time")
    rows = tuple(
        (
            arm.arm.role,
            str(record.seed),
            f"{100 * (record.test_accuracy or 0):.1f}",
            f"{100 * (record.last_test_accuracy or 0):.1f}",
            str(record.best_epoch),
            f"{record.train_seconds:.1f} s",
        )
        for arm in result.arms
        for record in arm.records
    )
    return Table((Column("", align="left"), *(Column(name) for name in names)), rows)
