"""The strongest channels that a budget of multiply-adds allows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from nnmass.errors import BudgetError

Kept = Mapping[str, tuple[int, ...]]
"""For each channel group by its name, the kept channels, ascending."""

Macs = Callable[[Mapping[str, int]], int]
"""Multiply-adds of a network from the widths of its channel groups."""


def widths_of(kept: Kept) -> dict[str, int]:
    """How many channels each group keeps."""
    return {name: len(channels) for name, channels in kept.items()}


def cut_to_budget(
    scores: Mapping[str, Sequence[float]], macs: Macs, *, within: Kept, most: int, divisor: int
) -> Kept:
    """Drop channels, the lowest scores of all groups first, until a budget is met.

    Args:
        scores: For each group, one for each of its channels; comparable between groups.
        macs: Multiply-adds from widths; never more for smaller widths.
        within: What may be kept; what is given back lies in it.
        most: The budget, multiply-adds.
        divisor: Widths are multiples of it, or all that ``within`` has; none falls below it.

    Returns:
        The first kept sets on the way down whose multiply-adds are at most ``most``.

    Raises:
        BudgetError: Even the smallest are too large; the message has their multiply-adds.

    Example:
        >>> kept = {"a": (0, 1, 2), "b": (0, 1)}
        >>> cut_to_budget({"a": [3, 1, 2], "b": [9, 0]}, lambda w: w["a"] * w["b"], within=kept,
        ...     most=2, divisor=1)
        {'a': (0, 2), 'b': (0,)}
    """
    order = sorted(
        (scores[name][channel], name, channel)
        for name, channels in within.items()
        for channel in channels
    )

    def counts(n_dropped: int) -> dict[str, int]:
        left = widths_of(within)
        for _, name, _ in order[:n_dropped]:
            left[name] -= 1
        return {
            name: min(len(within[name]), max(divisor, -(-count // divisor) * divisor))
            for name, count in left.items()
        }

    n_dropped = bisect_left(
        range(len(order) + 1), True, key=lambda dropped: macs(counts(dropped)) <= most
    )
    if n_dropped > len(order):
        smallest = counts(len(order))
        raise BudgetError(
            f"no sub-network has at most {most:,} multiply-adds: with {divisor} channels a group "
            f"the smallest has {macs(smallest):,}; raise the budget, or lower the divisor"
        )
    return {
        name: _strongest(scores[name], within[name], count)
        for name, count in counts(n_dropped).items()
    }


def _strongest(scores: Sequence[float], within: Sequence[int], count: int) -> tuple[int, ...]:
    # of equal ones the later ones stay, as in the order of dropping
    ranked = sorted(within, key=lambda channel: (scores[channel], channel))
    return tuple(sorted(ranked[len(ranked) - count :]))
