"""Inspected networks as a page: what each weighs and costs, and its skips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nnmass.errors import SpecError
from nnmass.report._document import Figure, Report, Section
from nnmass.report._figures import scatter_figure
from nnmass.report._numbers import format_count, format_mass
from nnmass.report._scatter import Point
from nnmass.report._table import Column, Table
from nnmass.report._topology import topology_diagram
from nnmass.report._topology_tables import cell_flags, cells_table, topologies_table

if TYPE_CHECKING:
    from nnmass.tracing import Topology

_MOST_DRAWN = 6
_ENOUGH = 3  # of networks: fewer marks show nothing that a table does not
_TEXT = (
    "Masses compare networks of one family at one width. Parameters and MACs stand beside them "
    "because they are strong baselines."
)


def report_inspections(
    topologies: Sequence[Topology],
    *,
    failures: Mapping[str, str] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Report:
    """Traced networks as a page.

    Args:
        topologies: As `nnmass.trace` gives them.
        failures: Why others could not be traced, by name.
        provenance: What the page should say of where the numbers come from.

    Raises:
        SpecError: There is neither a network nor a failure.

    Example:
        >>> import nnmass
        >>> net = nnmass.build("dense-cnn(wm=1,d=5,t=10/20)", device="meta")
        >>> report = report_inspections([nnmass.trace(net, (3, 32, 32), name="mine")])
        >>> report.title, len(report.sections)
        ('The skips of mine', 2)
    """
    failures = failures or {}
    if not topologies and not failures:
        raise SpecError("report_inspections got no networks: give at least one that was traced")
    return Report(
        title=_title(topologies),
        answer=_answer(topologies, failures),
        sections=tuple(_sections(topologies, failures)),
        provenance=dict(provenance or {}),
    )


def _title(topologies: Sequence[Topology]) -> str:
    if len(topologies) == 1:
        return f"The skips of {topologies[0].name}"
    return f"The skips of {len(topologies)} networks"


def _answer(topologies: Sequence[Topology], failures: Mapping[str, str]) -> str:
    if not topologies:
        return f"None of {len(failures)} networks could be traced."
    if len(topologies) == 1:
        (one,) = topologies
        return (
            f"{one.name} has NN-Mass {format_mass(one.mass)} in {len(one.cells)} "
            f"cell{'s' * (len(one.cells) != 1)}, {format_count(one.params)} parameters and "
            f"{format_count(one.macs)} MACs."
        )
    read = [one for one in topologies if one.is_read] or list(topologies)
    most, least = max(read, key=lambda one: one.mass), min(read, key=lambda one: one.params)
    return (
        f"Of {len(topologies)} networks {most.name} has most NN-Mass ({format_mass(most.mass)}), "
        f"and {least.name} fewest parameters ({format_count(least.params)})."
    )


def _sections(topologies: Sequence[Topology], failures: Mapping[str, str]) -> Iterator[Section]:
    if topologies:
        figures = tuple(_against_size(topologies)) if len(topologies) >= _ENOUGH else ()
        yield Section("What they weigh and cost", _TEXT, figures, (topologies_table(topologies),))
    with_cells = [one for one in topologies if one.cells]
    for one in with_cells[:_MOST_DRAWN]:
        yield _cells_section(one)
    if len(with_cells) > _MOST_DRAWN:
        left = ", ".join(one.name for one in with_cells[_MOST_DRAWN:])
        yield Section("Not drawn", f"For brevity, the cells of {left} are not drawn.")
    if failures:
        columns = (Column("network", "left"), Column("why", "left"))
        yield Section("What could not be read", tables=(Table(columns, tuple(failures.items())),))


def _cells_section(one: Topology) -> Section:
    lines = [f"Flag {rank}: {flag}" for rank, flag in enumerate(cell_flags(one), start=1)]
    lines += [f"Note: {note}" for note in one.notes]
    caption = "Layers are dots, an arc is a skip; equal cells in a row are drawn once."
    figure = Figure(topology_diagram(one), caption)
    return Section(f"The cells of {one.name}", "\n\n".join(lines), (figure,), (cells_table(one),))


def _against_size(topologies: Sequence[Topology]) -> Iterator[Figure]:
    points = [
        Point(one.params, one.mass, 0.0, one.name, "", copy=one.name)
        for one in topologies
        if one.is_read and one.params
    ]
    if len(points) >= _ENOUGH:
        yield scatter_figure(
            points,
            "What each network weighs against its size; a click copies the name.",
            x_label="parameters",
            y_label="NN-Mass",
            title="NN-Mass against parameters",
            log_x=True,
        )
