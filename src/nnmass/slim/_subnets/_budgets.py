"""Widths and budgets of levels as a caller gives them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

from nnmass.errors import BudgetError, SpecError, positive_number

PricedBy = Literal["macs", "params"]
"""What a budget is of."""

PRICES: tuple[str, ...] = get_args(PricedBy)


def read_widths(widths: Sequence[float]) -> list[float]:
    """The shares of the channels of every level below the full one.

    Raises:
        SpecError: They are not falling numbers in (0, 1], or none is below 1.

    Example:
        >>> read_widths((1, 0.5, 0.25)), read_widths([0.5])
        ([0.5, 0.25], [0.5])
    """
    shares = _falling(widths, "widths", example="(1, 0.75, 0.5, 0.25)")
    if shares[0] > 1:
        raise SpecError(f"widths are shares of the channels, at most 1, got {shares[0]:g}")
    return _below_full(shares, 1.0, what="widths")


def read_budgets(budgets: Sequence[float], full: int, *, unit: str) -> list[int]:
    """What every level below the full one may cost at most.

    Args:
        budgets: Falling; shares of ``full`` where at most 1.
        full: What the whole network costs.
        unit: Of it, for messages.

    Raises:
        SpecError: They are not falling numbers above 0.
        BudgetError: The first is more than the whole network's.

    Example:
        >>> read_budgets((1, 0.5), 1000, unit="macs"), read_budgets((800, 0.25), 1000, unit="macs")
        ([500], [800, 250])
    """
    numbers = _each(budgets, "budgets", example="(0.5, 0.25)")
    wanted = [int(number * full) if number <= 1 else int(number) for number in numbers]
    _check_falling(wanted, "budgets", unit=f" {unit}")
    if wanted[0] > full:
        raise BudgetError(
            f"a budget of {wanted[0]:,} {unit} leaves nothing to do: the full network has "
            f"{full:,}. Give budgets below that, or shares of it such as 0.5"
        )
    return [int(n) for n in _below_full(wanted, full, what="budgets")]


def _falling(values: Sequence[float], name: str, *, example: str) -> list[float]:
    numbers = _each(values, name, example=example)
    _check_falling(numbers, name, unit="")
    return numbers


def _each(values: Sequence[float], name: str, *, example: str) -> list[float]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise SpecError(f"{name} must be one number or more, as in {example}, got {values!r}")
    return [positive_number(value, f"each of {name}") for value in values]


def _check_falling(numbers: Sequence[float], name: str, *, unit: str) -> None:
    for above, below in pairwise(numbers):
        if below >= above:
            raise SpecError(
                f"{name} must fall from level to level, got {above:,}{unit} and then "
                f"{below:,}{unit}"
            )


def _below_full(numbers: Sequence[float], full: float, *, what: str) -> list[float]:
    below = [number for number in numbers if number < full]
    if not below:
        raise SpecError(
            f"{what} name no level below the full network, which is level 0 by itself; give at "
            "least one more, such as 0.5"
        )
    return below
