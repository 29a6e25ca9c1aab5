"""Pairs of options whose regrets fit into the room, in pieces of bearable size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nnmass.design._knapsack._options import Floats, Indices

_PAIRS = 1_000_000  # that are looked at together
_WINDOW = 65_536
_SAMPLE = 1_000
_ROUNDING = 1e-12  # of a span


def pairs_within(
    first: Floats, second: Floats, room: Callable[[], Floats], count: Callable[[int], None]
) -> Iterator[tuple[Indices, Indices]]:
    """All pairs whose regrets sum to no more than the room in every direction.

    Along the direction that leaves the fewest pairs the options are sorted, so that only those
    are looked at; the ones of little regret come first.

    Args:
        first: (n, m), regrets.
        second: (l, m), regrets.
        room: (m,), asked for before each piece, as it may become smaller.
        count: Is told how many pairs are looked at.
    """
    strip = _Strip.along(second, _sharpest(first, second, room()))
    rows = np.argsort(first[:, strip.direction], kind="stable")
    start = 0
    while start < len(rows):
        most = room()
        low, high = strip.places(first[rows[start : start + _WINDOW]], most)
        counts = high - low
        stop = max(1, int(np.searchsorted(np.cumsum(counts), _PAIRS, "right")))
        counts, low = counts[:stop], low[:stop]
        n_pairs = int(counts.sum())
        if n_pairs:
            count(n_pairs)
            ones = np.repeat(rows[start : start + len(counts)], counts)
            places = np.arange(n_pairs) + np.repeat(low - np.cumsum(counts) + counts, counts)
            yield _filtered(first, second, most, (ones, strip.order[places]))
        start += len(counts)


@dataclass(frozen=True, slots=True)
class _Strip:
    """Options sorted along one direction.

    Attributes:
        direction: Its number.
        order: The options.
        ascending: Their regrets.
        opposite: The direction that runs the other way, -1 for none: a band has two.
        span: What the regrets of both sum to.
    """

    direction: int
    order: Indices
    ascending: Floats
    opposite: int
    span: float

    def places(self, first: Floats, room: Floats) -> tuple[Indices, Indices]:
        """From where to where in the order there are partners for each row of ``first``."""
        most = room[self.direction] - first[:, self.direction]
        high = np.searchsorted(self.ascending, most, "right")
        if self.opposite < 0:
            return np.zeros_like(high), high
        least = self.span + first[:, self.opposite] - room[self.opposite]
        low = np.searchsorted(self.ascending, least - _ROUNDING * self.span, "left")
        return np.minimum(low, high), high

    @classmethod
    def along(cls, second: Floats, direction: int) -> _Strip:
        """Sorted along a direction."""
        own = second[:, direction]
        order = np.argsort(own, kind="stable")
        opposite, span = -1, float(own.max())
        for other in range(second.shape[1]):
            sums = own + second[:, other]
            if span > 0 and np.ptp(sums) <= _ROUNDING * span:
                opposite, span = other, float(sums.max())
                break
        return cls(direction, order, own[order], opposite, span)


def _sharpest(first: Floats, second: Floats, room: Floats) -> int:
    """The direction that leaves the fewest pairs, by samples."""
    first, second = first[:: 1 + len(first) // _SAMPLE], second[:: 1 + len(second) // _SAMPLE]
    n_pairs = list[int]()
    for direction in range(len(room)):
        low, high = _Strip.along(second, direction).places(first, room)
        n_pairs.append(int((high - low).sum()))
    return int(np.argmin(n_pairs))


def _filtered(
    first: Floats, second: Floats, room: Floats, pairs: tuple[Indices, Indices]
) -> tuple[Indices, Indices]:
    ones, others = pairs
    for m in range(len(room)):
        kept = np.flatnonzero(first[ones, m] + second[others, m] <= room[m])
        if len(kept) < len(ones):
            ones, others = ones[kept], others[kept]
    return ones, others
