"""The parts of a network: its cells, dense blocks, stages or rows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from nnmass.design._roles import DEPTHS, LINKED
from nnmass.errors import SpecError
from nnmass.specs import ResidualSpec, Spec
from nnmass.topology import AnyCell


def depths_of(spec: Spec) -> tuple[int, ...]:
    """Layers of each cell or dense block, blocks of each stage or row.

    Raises:
        SpecError: The family has no skips.
    """
    if spec.family in LINKED:
        return tuple(cell.depth for cell in spec.cells)  # type: ignore[union-attr]
    value = spec.values().get(DEPTHS.get(spec.family, ""))
    if spec.family == "mobilenet-v2":
        return tuple(row[2] for row in value)  # type: ignore[attr-defined]
    if value is None:
        raise SpecError(
            f"{spec.family} networks have no skips, and so a mass of 0: there is nothing to "
            f"design by mass; families with skips: {', '.join(DEPTHS)}"
        )
    return value  # type: ignore[return-value]


def masses_of_parts(spec: Spec) -> tuple[Fraction, ...]:
    """The exact mass of each cell, dense block, stage or row."""
    cells: Sequence[AnyCell] = spec.cells
    if spec.family in LINKED or spec.family == "densenet":
        return tuple(cell.exact_mass for cell in cells)
    each = spec.residual_blocks if isinstance(spec, ResidualSpec) else spec.blocks  # type: ignore[attr-defined]
    masses, blocks = list[Fraction](), iter(each)
    for count in depths_of(spec):
        of_part = [next(blocks).cell for _ in range(count)]
        masses.append(sum((c.exact_mass for c in of_part if c is not None), Fraction(0)))
    return tuple(masses)
