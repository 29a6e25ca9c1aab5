"""What the cells of a network can be, and one choice among it, as the solver sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Options:
    """What one cell can be.

    Attributes:
        cost: (n,), what is minimised.
        use: (n, k), what is taken from each budget; negative for what must be reached.
    """

    cost: Floats
    use: Floats

    def __len__(self) -> int:
        return len(self.cost)

    def at(self, rows: Indices) -> Options:
        """These options alone."""
        return Options(self.cost[rows], self.use[rows])

    def under(self, budgets: Indices) -> Options:
        """All options, but with these budgets alone."""
        return Options(self.cost, self.use[:, budgets])


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One option for each cell.

    Attributes:
        options: Their numbers.
        cost: The sum of their costs.
        bound: No choice within the limits costs less than this, but for rounding (1e-9).
        is_optimal: Whether ``cost`` is the least: always, unless the work ran out.
        n_enumerated: Joins of options that were looked at one by one; all others are proven to
            be no better.
    """

    options: tuple[int, ...]
    cost: float
    bound: float
    is_optimal: bool
    n_enumerated: int

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "options": list(self.options),
            "cost": self.cost,
            "bound": self.bound,
            "is_optimal": self.is_optimal,
            "n_enumerated": self.n_enumerated,
        }


def sum_of(cells: Sequence[Options], options: Sequence[int]) -> tuple[float, Floats]:
    """Cost and uses of a choice, added in the order of the cells."""
    cost, use = 0.0, np.zeros(cells[0].use.shape[1])
    for cell, option in zip(cells, options, strict=True):
        cost += float(cell.cost[option])
        use = use + cell.use[option]
    return cost, use
