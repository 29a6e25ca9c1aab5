"""What a space may hold: what varies, how many, and numbers that a search can compare."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from nnmass.design._choices import Choices, Field
from nnmass.design._roles import DEPTHS, WIDTHS, role_of
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.design._space import Space

MOST_WIDTHS = 10_000
"""Widths of a space, each of which is priced by itself."""

MOST_COST = 2**50
"""Of the largest network: a search adds costs as float64, exact to 2^53, and in 64 bits."""

_ROW_COLUMNS = {0: "expansion", 2: "blocks"}
"""What may vary in a row of a MobileNetV2; a change of channels or stride couples the rows."""

_EVERY_LINK = 2**62  # a link cap beyond all skips of any cell within the costs


def check_varying(
    family: str, key: str, leaf: Choices, place: tuple[int, int], *, n_columns: int
) -> None:
    """Refuse to vary what is no width, depth or link cap.

    Args:
        family: Of the space.
        key: The field.
        leaf: Its choices.
        place: Entry and column of the choices in the field, from 0.
        n_columns: Numbers in such an entry.

    Raises:
        SpecError: It may not vary, or not like this.
    """
    role = role_of(family, key)
    if role is None:
        may = [*WIDTHS.get(family, ()), DEPTHS.get(family, "")]
        may = [name for name in may if name] + ["t"] * (role_of(family, "t") is not None)
        what = f"vary {', '.join(may)}" if may else "its networks have no skips, and mass 0"
        raise SpecError(f"{family}: {key} may not vary in a space, got {leaf}; {what}")
    if leaf.is_every and role != "links":
        raise SpecError(f"{family}: only link caps may be '*', got {key}={leaf}")
    row, column = place
    if n_columns > 1 and column not in _ROW_COLUMNS:
        raise SpecError(
            f"{family}: in row {row + 1} of {key} only expansion and blocks (the first "
            f"and third number) may vary, got {leaf} at place {column + 1}"
        )
    parts = [value for value in leaf.values if not isinstance(value, int)]
    if role != "width" and parts:
        raise SpecError(f"{family}: {key} must be whole numbers, got {parts[0]} in {leaf}")


def check_values(space: Space) -> None:
    """Build a network of every value of a width, and one of the largest depths and of all.

    Raises:
        SpecError: One is no valid spec, or there are too many, or too large ones.
    """
    widths = [key for key in WIDTHS.get(space.family, ()) if space.varies(key)]
    n_widths = math.prod(len(space.choices(key)) for key in widths)
    if n_widths > MOST_WIDTHS:
        raise SpecError(
            f"{space.family}: a space may have {MOST_WIDTHS:,} widths, since each is priced by "
            f"itself, got {n_widths:,} of {', '.join(widths)}; take larger steps"
        )
    for key in widths:
        for value in space.choices(key):
            space.spec({key: value})
    depth = DEPTHS.get(space.family, "")
    if space.varies(depth):
        space.spec({depth: _last(space.field(depth) or ())})
    _check_costs(space)


def _check_costs(space: Space) -> None:
    varying = [key for key, _ in space.fields if space.varies(key)]
    largest = space.spec({key: _last(space.field(key) or ()) for key in varying})
    costs = {"params": largest.params, "macs": largest.macs}
    costs["bytes of feature maps"] = largest.peak_activation_bytes
    for name, value in costs.items():
        if value > MOST_COST:
            raise SpecError(
                f"the largest network of {space} has {Decimal(value):.3g} {name}: a search "
                f"compares up to {MOST_COST:.3g} of them exactly; narrow the space"
            )


def _last(field: Field) -> list[object]:
    rows = [
        [x if isinstance(x, str) else _EVERY_LINK if x.is_every else x.values[-1] for x in entry]
        for entry in field
    ]
    return [row if len(row) > 1 else row[0] for row in rows]
