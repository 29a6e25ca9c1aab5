"""Networks of equal mass and different depth: how far does a measured number differ there?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError

EQUAL_MASS = 0.03
"""Masses are equal that lie within this share of the middle of the smallest and the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualMassGroup:
    """Networks whose masses are nearly equal while their depths are not.

    Attributes:
        members: Their positions in what was given, by falling mass.
        masses: Smallest and largest.
        depths: Each depth once, ascending.
        values: Smallest and largest of what was measured.
        spread: ``(largest - smallest) / mean`` of what was measured.
    """

    members: tuple[int, ...]
    masses: tuple[float, float]
    depths: tuple[int, ...]
    values: tuple[float, float]
    spread: float


def equal_mass_groups(
    masses: Sequence[float], depths: Sequence[int], values: Sequence[float]
) -> tuple[EqualMassGroup, ...]:
    """The groups of networks of equal mass and at least two depths, by rising mass.

    Going from the smallest mass up, a group takes in what still lies within `EQUAL_MASS` of its
    middle, so that no network is in two groups.

    Args:
        masses: NN-Mass of each network, finite and at least 0.
        depths: Depth of each.
        values: What was measured of each, above 0.

    Raises:
        SpecError: The lengths differ.

    Source:
        Ours.

    Example:
        >>> group, = equal_mass_groups([17.07, 16.52, 30.0], [16, 32, 16], [0.506, 0.507, 0.6])
        >>> group.depths, round(100 * group.spread, 2)
        ((16, 32), 0.2)
    """
    if not len(masses) == len(depths) == len(values):
        raise SpecError(
            f"equal_mass_groups needs a mass, a depth and a value of each network, got "
            f"{len(masses)}, {len(depths)} and {len(values)}"
        )
    order = sorted(range(len(masses)), key=lambda i: masses[i])
    groups, group = list[list[int]](), list[int]()
    for i in order:
        if group and not _is_equal(masses[group[0]], masses[i]):
            groups.append(group)
            group = []
        group.append(i)
    found = [_described(g, masses, depths, values) for g in [*groups, group] if g]
    return tuple(group for group in found if len(group.depths) > 1)


def _is_equal(low: float, high: float) -> bool:
    return high - low <= EQUAL_MASS * (low + high)


def _described(
    members: Iterable[int], masses: Sequence[float], depths: Sequence[int], values: Sequence[float]
) -> EqualMassGroup:
    members = sorted(members, key=lambda i: -masses[i])
    measured = [values[i] for i in members]
    return EqualMassGroup(
        members=tuple(members),
        masses=(masses[members[-1]], masses[members[0]]),
        depths=tuple(sorted({depths[i] for i in members})),
        values=(min(measured), max(measured)),
        spread=(max(measured) - min(measured)) * len(measured) / sum(measured),
    )
