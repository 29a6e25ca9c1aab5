"""Networks of equal mass and different depth, beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from nnmass.probes import ProbedNetwork
from nnmass.report._ldi_table import singular_value
from nnmass.report._numbers import format_count, format_percent
from nnmass.report._table import Column, Table
from nnmass.studies import EQUAL_MASS, EqualMassGroup, equal_mass_groups


def groups_of(
    results: Sequence[ProbedNetwork],
) -> tuple[list[ProbedNetwork], tuple[EqualMassGroup, ...]]:
    """The networks with all that is needed, and the groups among them."""
    rows = [
        result
        for result in results
        if result.mass is not None and result.depth is not None and result.mean_singular_value
    ]
    groups = equal_mass_groups(
        [row.mass or 0.0 for row in rows],
        [row.depth or 0 for row in rows],
        [row.mean_singular_value or 0.0 for row in rows],
    )
    return rows, groups


def equal_mass_line(results: Sequence[ProbedNetwork]) -> str:
    """What networks of equal mass and different depth have in common, in a sentence; may be empty.

    The groups are those of `nnmass.studies.equal_mass_groups`.
    """
    rows, groups = groups_of(results)
    if not groups:
        return ""
    spreads = sorted(group.spread for group in groups)
    params = [[rows[i].params for i in group.members] for group in groups]
    growth = max(max(some) / min(some) for some in params)
    if len(spreads) == 1:
        depths = groups[0].depths
        apart = f"by {format_percent(spreads[0])} (depths {depths[0]} to {depths[-1]})"
    else:
        middle = median(spreads)
        apart = (
            f"by {format_percent(spreads[-1])} at most, {format_percent(middle)} in the middle "
            f"of {len(spreads)} groups"
        )
    return (
        f"Mean singular values of networks of equal mass (±{format_percent(EQUAL_MASS, 0)}) and "
        f"different depth differ {apart}; their parameters by up to "
        f"{format_percent(growth - 1, 0)}."
    )


def equal_mass_groups_of(results: Sequence[ProbedNetwork]) -> list[dict[str, object]]:
    """The groups as plain data, with the names of their networks."""
    rows, groups = groups_of(results)
    return [
        {
            "networks": [rows[i].name for i in group.members],
            "masses": list(group.masses),
            "depths": list(group.depths),
            "mean_singular_values": list(group.values),
            "spread": group.spread,
        }
        for group in groups
    ]


def equal_mass_groups_table(results: Sequence[ProbedNetwork]) -> Table | None:
    """One row a group; ``None`` where there is none."""
    rows, groups = groups_of(results)
    names = ("NN-Mass", "networks", "depths", "params", "mean singular value", "spread")
    columns = tuple(Column(name) for name in names)
    cells = tuple(_row(rows, group) for group in groups)
    return Table(columns, cells) if cells else None


def _row(rows: Sequence[ProbedNetwork], group: EqualMassGroup) -> tuple[str, ...]:
    members = [rows[i] for i in group.members]
    params = [member.params for member in members]
    return (
        _stretch(f"{group.masses[0]:.2f}", f"{group.masses[1]:.2f}"),
        str(len(members)),
        _stretch(str(group.depths[0]), str(group.depths[-1])),
        _stretch(format_count(min(params)), format_count(max(params))),
        _stretch(*map(singular_value, group.values)),
        format_percent(group.spread, 2),
    )


def _stretch(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
