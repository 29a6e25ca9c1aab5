"""The inverse problem: the cheapest network of a given mass."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from nnmass.design._front import Candidate, Front
from nnmass.design._link_caps import CellOptions, cheapest_caps
from nnmass.errors import BudgetError, SpecError, whole_number
from nnmass.specs import DenseConvSpec, DenseMLP, Spec, parse

Objective = Literal["params", "macs"]
Match = Literal["network", "cells"]

_DesignSpec = DenseConvSpec | DenseMLP


def design(
    family: str | None = None,
    *,
    like: Spec | str,
    mass: float | None = None,
    depth: tuple[int, int] | None = None,
    objective: Objective = "params",
    match: Match = "network",
    top: int = 10,
) -> Front:
    """The cheapest networks with at least the mass of a reference, exactly.

    Candidates have the reference's family, width multiplier, input and classes; what varies is
    the depth (one for all cells) and the link cap of each cell. For every depth the optimum over
    all link caps is found and proven: at one depth mass and cost are both linear in the links of
    each cell, so the search runs over sums of links, in integers.

    Args:
        family: Of the candidates; the reference's unless told, and so far it must be that.
        like: The reference, a spec or a spec string.
        mass: The least mass of a candidate, instead of the reference's.
        depth: Lowest and highest depth; half the reference's up to the reference's unless told.
        objective: What is minimised: ``params`` or ``macs``.
        match: ``network``: the sum over the cells must reach the mass. ``cells``: every cell must
            reach the mass of the reference's cell at its place, which keeps the balance between
            the cells (a given ``mass`` is shared out as in the reference).
        top: The most candidates to give back.

    Returns:
        The optimum of each depth that can reach the mass, cheapest first.

    Raises:
        SpecError: A value is out of range, or the family has no link caps to vary.
        BudgetError: No network of these depths reaches the mass.

    Source:
        Ours; the idea of designing by mass at initialisation is of Bhardwaj, Li, Marculescu,
        CVPR 2021.

    Example:
        >>> front = design(like="dense-cnn(wm=2,d=21,t=40/80/125)", objective="params")
        >>> front[0].mass >= front.target_mass, front[0].params < front.reference.params
        (True, True)
    """
    reference = parse(like) if isinstance(like, str) else like
    _check_request(family, reference, objective=objective, match=match)
    assert isinstance(reference, DenseConvSpec | DenseMLP)
    top = whole_number(top, "top", low=1)
    low, high = _depth_range(reference, depth)
    targets = _targets(reference, mass, match=match)
    found = [
        Candidate.of(spec)
        for d in range(low, high + 1)
        if (spec := _cheapest_at(reference, d, targets, objective)) is not None
    ]
    if not found:
        raise _nothing_reaches(reference, targets, (low, high), match=match)
    found.sort(key=lambda c: (getattr(c, objective), c.params, c.macs, -c.mass, str(c.spec)))
    widths = [cell.width for cell in reference.cells]
    return Front(
        candidates=tuple(found[:top]),
        reference=Candidate.of(reference),
        target_mass=float(sum(targets)),
        objective=objective,
        match=match,
        depths=(low, high),
        notes=_notes(reference, found[0]) if match == "network" else (),
        n_covered=sum(math.prod(w * (d - 2) + 1 for w in widths) for d in range(low, high + 1)),
    )


def _check_request(family: str | None, reference: Spec, *, objective: str, match: str) -> None:
    if not isinstance(reference, Spec):
        raise SpecError(f"like must be a spec or a spec string, got {reference!r}")
    if family is not None and family != reference.family:
        raise SpecError(
            f"family must be the reference's, {reference.family!r}, got {family!r}: masses are "
            "compared within one family and width multiplier"
        )
    if not isinstance(reference, DenseConvSpec | DenseMLP):
        raise SpecError(
            f"design needs a family with link caps (dense-mlp, dense-cnn, dense-cnn-dw), got "
            f"{reference.family!r}: the mass of a {reference.family} follows from its depth and "
            "widths; compare such networks with `nnmass mass`"
        )
    if objective not in ("params", "macs"):
        raise SpecError(f"objective must be 'params' or 'macs', got {objective!r}")
    if match not in ("network", "cells"):
        raise SpecError(f"match must be 'network' or 'cells', got {match!r}")


def _depth_range(reference: _DesignSpec, depth: tuple[int, int] | None) -> tuple[int, int]:
    deepest = max(cell.depth for cell in reference.cells)
    if depth is None:
        return max(3, deepest // 2), deepest
    if not isinstance(depth, Sequence) or len(depth) != 2:
        raise SpecError(f"depth must be two numbers (lowest, highest), got {depth!r}")
    low = whole_number(depth[0], "the lowest depth", low=3)
    return low, whole_number(depth[1], "the highest depth", low=low)


def _targets(reference: _DesignSpec, mass: float | None, *, match: str) -> tuple[Fraction, ...]:
    """The mass to reach: one number, or one for each cell."""
    masses = [cell.exact_mass for cell in reference.cells]
    total = sum(masses, Fraction(0))
    if mass is None:
        return tuple(masses) if match == "cells" else (total,)
    if isinstance(mass, bool) or not isinstance(mass, int | float) or not 0 <= mass < math.inf:
        raise SpecError(f"mass must be a number of at least 0, got {mass!r}")
    if match == "network":
        return (Fraction(mass),)
    if not total:
        raise SpecError(
            f"match='cells' shares the mass {mass} out as in the reference, but {reference} has "
            "mass 0; use match='network'"
        )
    return tuple(Fraction(mass) * m / total for m in masses)


def _links_needed(mass: Fraction, depth: int) -> int:
    """The fewest links whose mass at this depth is at least ``mass``; the same for every width."""
    return math.ceil(mass * (depth - 1) * (depth - 2) / (2 * depth))


def _cheapest_at(
    reference: _DesignSpec, depth: int, targets: Sequence[Fraction], objective: Objective
) -> Spec | None:
    options = [
        CellOptions.of(width=width, depth=depth, cost_per_link=cost)
        for width, cost in _link_costs(reference, depth, objective)
    ]
    needed = [_links_needed(target, depth) for target in targets]
    if len(needed) == 1:
        caps = cheapest_caps(options, needed[0])
        return None if caps is None else _with(reference, depth, caps)
    each = [option.smallest_cap(n) for option, n in zip(options, needed, strict=True)]
    caps = tuple(cap for cap in each if cap is not None)
    return _with(reference, depth, caps) if len(caps) == len(each) else None


def _link_costs(reference: _DesignSpec, depth: int, objective: Objective) -> list[tuple[int, int]]:
    """(width, cost of a link) of each cell."""
    if isinstance(reference, DenseMLP):  # one cell: the fewest links are the cheapest
        return [(reference.width, 1)]
    plans = _with(reference, depth, (0,) * len(reference.cells)).plans
    return [(plan.cell.width, getattr(plan.per_link, objective)) for plan in plans]


def _with(reference: _DesignSpec, depth: int, caps: tuple[int, ...]) -> DenseConvSpec:
    changes: dict[str, object] = {"depths": (depth,) * len(caps), "link_caps": caps}
    if isinstance(reference, DenseMLP):
        changes = {"depth": depth, "link_cap": caps[0]}
    return dataclasses.replace(reference, **changes)  # type: ignore[arg-type, return-value]


def _notes(reference: _DesignSpec, best: Candidate) -> tuple[str, ...]:
    """A warning where the sum is kept but a cell is starved."""
    pairs = zip(reference.cells, best.spec.cells, strict=True)
    starved = [str(i) for i, (was, now) in enumerate(pairs) if 2 * now.mass < was.mass]
    if not starved:
        return ()
    cells = f"cell {starved[0]}" if len(starved) == 1 else f"cells {', '.join(starved)}"
    return (
        f"{best.spec} keeps the sum of masses but leaves {cells} with less than half of it; "
        "on a CIFAR-10 subset such a network lost 3 to 4 points, on digits nothing "
        "(docs/measured.md). match='cells' (--match cells) keeps the mass of every cell",
    )


def _nothing_reaches(
    reference: _DesignSpec, targets: Sequence[Fraction], depths: tuple[int, int], *, match: str
) -> BudgetError:
    low, high = depths
    widths = [cell.width for cell in reference.cells]
    limits = [width * high for width in widths]
    if match == "cells":
        index = next(
            i for i, (t, limit) in enumerate(zip(targets, limits, strict=True)) if t > limit
        )
        return BudgetError(
            f"no {reference.family} of depth {low} to {high} has mass {float(targets[index]):g} in "
            f"cell {index}: width {widths[index]} and depth {high} reach {limits[index]} at most. "
            "Allow more depth (--depth), a lower --mass, or --match network"
        )
    return BudgetError(
        f"no {reference.family} of depth {low} to {high} with cells of width "
        f"{'/'.join(map(str, widths))} has mass {float(targets[0]):g}: with every possible link it "
        f"is {sum(limits)} (width * depth). Allow more depth (--depth) or ask for a lower --mass"
    )
