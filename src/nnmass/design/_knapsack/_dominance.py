"""Options that another beats, and so are never needed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnmass.design._knapsack._options import Floats, Indices, Options

_CHUNK = 512
_WORTH = 1_000  # comparisons, of an option that falls
_SORTING = 20  # comparisons, of an option sorted


def not_beaten(cell: Options, *, most_comparisons: float = math.inf) -> Indices:
    """Options that no other equals or beats in cost and in every budget, in their order.

    Of options that are equal in everything the first stays.

    Args:
        cell: At least one option.
        most_comparisons: With two budgets or more it can take up to the square of the options.
            Beyond this many, if too few options fell to be worth more, the rest is kept
            unseen: too many are kept, never too few.

    Returns:
        Their numbers, ascending.

    Source:
        Ours: sorted by cost, an option can only be beaten by an earlier one.
    """
    n_budgets = cell.use.shape[1]
    if n_budgets == 0 or len(cell) == 1:
        return np.array([int(cell.cost.argmin())])
    rows = np.arange(len(cell)) if n_budgets == 1 else _not_beaten_by_a_few(cell)
    order = rows[np.lexsort((*cell.use[rows].T[::-1], cell.cost[rows]))]
    use, effort = cell.use[order], _Effort(most_comparisons)
    if n_budgets == 1:
        kept = _lower_than_all_before(use[:, 0])
    elif n_budgets == 2:
        kept = _sweep_two(use, effort)
    else:
        kept = _sweep(use, effort)
    return np.sort(order[kept])


def _lower_than_all_before(use: Floats) -> Indices:
    is_lower = np.ones(len(use), dtype=bool)
    is_lower[1:] = use[1:] < np.minimum.accumulate(use)[:-1]
    return np.flatnonzero(is_lower)


def _not_beaten_by_a_few(cell: Options) -> Indices:
    """Those not beaten by strong options: cheap to find, and most others fall to them."""
    columns = [cell.cost, *cell.use.T]
    columns = [(values - values.min()) / (np.ptp(values) or 1.0) for values in columns]
    rows = np.arange(len(cell))
    for weights in _weights(len(columns)):
        if len(rows) <= _CHUNK:
            break
        total = sum(weight * values for weight, values in zip(weights, columns, strict=True))
        strong = int(np.argmin(total))
        is_kept, is_equal = np.zeros(len(rows), dtype=bool), np.ones(len(rows), dtype=bool)
        for values in columns:
            is_kept |= values < values[strong]
            is_equal &= values == values[strong]
        is_kept |= is_equal
        if not is_kept.all():
            rows = rows[is_kept]
            columns = [values[is_kept] for values in columns]
    return rows


def _weights(n: int) -> Floats:
    """(12, n) positive directions, the same at each call."""
    return np.random.default_rng(0).dirichlet(np.full(n, 0.7), 12) + 1e-6


@dataclass(slots=True)
class _Effort:
    """Comparisons made, and whether they pay: every option that falls is worth some more."""

    most: float
    n_compared: int = 0
    n_fallen: int = 0

    def is_spent(self) -> bool:
        return self.n_compared > self.most + _WORTH * self.n_fallen

    def add(self, n_compared: int, n_fallen: int) -> None:
        self.n_compared += n_compared
        self.n_fallen += n_fallen


def _sweep_two(use: Floats, effort: _Effort) -> Indices:
    """Rows of (n, 2), sorted by cost, that no earlier row equals or beats.

    What the rows before a chunk beat is bounded by a staircase: the lowest second use among
    those of at most some first use.
    """
    kept = list[Indices]()
    stair = np.zeros((0, 2))
    for start in range(0, len(use), _CHUNK):
        if effort.is_spent():
            kept.append(np.arange(start, len(use)))
            break
        chunk = use[start : start + _CHUNK]
        rows = np.arange(len(chunk))
        if len(stair):
            place = np.searchsorted(stair[:, 0], chunk[:, 0], "right") - 1
            rows = np.flatnonzero((place < 0) | (stair[place, 1] > chunk[:, 1]))
        effort.add(len(rows) ** 2 + _SORTING * len(stair), 0)
        rows = rows[_among_themselves(chunk[rows])]
        effort.add(0, len(chunk) - len(rows))
        kept.append(start + rows)
        merged = np.concatenate([stair, chunk[rows]])
        merged = merged[np.lexsort((merged[:, 1], merged[:, 0]))]
        stair = merged[_lower_than_all_before(merged[:, 1])]
    return np.concatenate(kept)


def _sweep(use: Floats, effort: _Effort) -> Indices:
    """Rows of (n, k), sorted by cost, that no earlier row equals or beats."""
    kept = list[Indices]()
    front = np.zeros((0, use.shape[1]))
    for start in range(0, len(use), _CHUNK):
        if effort.is_spent():
            kept.append(np.arange(start, len(use)))
            break
        chunk = use[start : start + _CHUNK]
        rows = np.flatnonzero(~_is_beaten(chunk, front))
        effort.add(len(chunk) * len(front) + len(rows) ** 2, 0)
        rows = rows[_among_themselves(chunk[rows])]
        effort.add(0, len(chunk) - len(rows))
        kept.append(start + rows)
        front = np.concatenate([front, chunk[rows]])
    return np.concatenate(kept)


def _is_beaten(use: Floats, by: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether any row of ``by`` equals or beats each row of ``use``, all columns."""
    beaten = np.zeros(len(use), dtype=bool)
    for start in range(0, len(by), 4 * _CHUNK):
        part = by[start : start + 4 * _CHUNK]
        rows = np.flatnonzero(~beaten)
        is_no_more = part[:, 0] <= use[rows, :1]
        for k in range(1, use.shape[1]):
            is_no_more &= part[:, k] <= use[rows, k : k + 1]
        beaten[rows] = is_no_more.any(1)
    return beaten


def _among_themselves(use: Floats) -> Indices:
    """Rows that no earlier one of the same few equals or beats."""
    is_no_more = use[:, None, 0] <= use[None, :, 0]  # [earlier, later]
    for k in range(1, use.shape[1]):
        is_no_more &= use[:, None, k] <= use[None, :, k]
    return np.flatnonzero(~np.triu(is_no_more, 1).any(0))
