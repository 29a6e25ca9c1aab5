"""The cheapest option of the last group for every choice among the others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.design._knapsack._options import Floats, Indices, Options

_ROUNDING = 1e-12  # of what is added


@dataclass(frozen=True, slots=True)
class LastGroup:
    """Options, ready to complete choices.

    Attributes:
        order: The options by cost.
        options: In this order.
        prices: (r, k), weights of the budgets: of each one alone, and of several together.
        stairs: For each row of prices what is used, ascending, and for each the place in
            ``order`` of the cheapest option that uses no more.
    """

    order: Indices
    options: Options
    prices: Floats
    stairs: tuple[tuple[Floats, Indices], ...]

    @classmethod
    def of(cls, options: Options, prices: Floats) -> LastGroup:
        """Ready, with weights of several budgets (r, k)."""
        order = np.argsort(options.cost, kind="stable")
        options = options.at(order)
        stairs = list[tuple[Floats, Indices]]()
        prices = np.concatenate([np.eye(options.use.shape[1]), prices])
        for row in prices:
            use = options.use @ row
            by_use = np.argsort(use, kind="stable")
            stairs.append((use[by_use], np.minimum.accumulate(by_use)))
        return cls(order, options, prices, tuple(stairs))

    def complete(self, left: Floats) -> tuple[Floats, Indices, npt.NDArray[np.bool_]]:
        """The least cost with which what is left of the budgets can be met.

        Args:
            left: (n, k).

        Returns:
            For each row a cost that no option within its budgets beats, infinite where a single
            budget cannot be met; the option of this cost; and whether this option is within all
            budgets, so that the cost is the least. With one budget it is, but for rounding.
        """
        place = np.zeros(len(left), dtype=np.int64)
        is_short = np.zeros(len(left), dtype=bool)
        for k, (use, cheapest) in enumerate(self.stairs):
            most = left @ self.prices[k]
            most += _ROUNDING * (np.abs(left) @ self.prices[k] + np.abs(use).max())
            at = np.searchsorted(use, most, "right") - 1
            is_short |= at < 0
            place = np.maximum(place, cheapest[np.maximum(at, 0)])
        is_within = ~is_short
        for k in range(left.shape[1]):
            is_within &= self.options.use[place, k] <= left[:, k]
        cost = np.where(is_short, math.inf, self.options.cost[place])
        return cost, self.order[place], is_within
