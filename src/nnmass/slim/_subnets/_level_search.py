"""What all methods share: the groups of one network, their ladder, their prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from nnmass.errors import BudgetError, SpecError, TraceError
from nnmass.slim._subnets._budgets import PRICES, PricedBy, read_budgets, read_widths
from nnmass.slim._subnets._groups import ChannelGroups
from nnmass.slim._subnets._held_out import HeldOutLoss
from nnmass.slim._subnets._importance import Scores
from nnmass.slim._subnets._ladder import Ladder
from nnmass.slim._subnets._levels import ChosenLevels, Kept, Method
from nnmass.slim._subnets._mass import WidthMass
from nnmass.slim._subnets._narrow import resized
from nnmass.slim._subnets._prices import Counts, WidthPrices
from nnmass.slim._subnets._search_widths import Cost, Price, Row
from nnmass.tracing import trace


class LevelSearch:
    """The widths of one network, their prices, and what levels are told of them.

    Args:
        model: The network that ``groups`` were found in.
        groups: Its channel groups.
        shape: Of one image.
        price: What a budget is of.
        divisor: Of the widths.

    Attributes:
        order: For each group that may be narrowed, its channels, the most important first.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: ChannelGroups,
        shape: tuple[int, ...],
        price: PricedBy,
        divisor: int,
    ) -> None:
        if price not in PRICES:
            raise SpecError(f"price must be 'macs' or 'params', got {price!r}")
        self.model, self.groups, self.shape, self.unit = model, groups, shape, price
        self.ladder = Ladder(groups, divisor)
        self.prices = WidthPrices(groups)
        self.price: Price = self.prices.macs if price == "macs" else self.prices.params
        self.order: dict[str, npt.NDArray[np.int64]] = {}
        self.n_costs = self.n_traces = 0

    def wanted(self, widths: Sequence[float], budgets: Sequence[float] | None) -> list[int]:
        """What each level below the full one may cost at most."""
        full = int(self.price(self.ladder.full[None])[0])
        if budgets is None:
            return [int(self.price(row[None])[0]) for row in self.uniform_rows(widths)]
        wanted = read_budgets(budgets, full, unit=self.unit)
        smallest = int(self.price(self.ladder.smallest[None])[0])
        if wanted[-1] < smallest:
            raise BudgetError(
                f"no sub-network meets a budget of {wanted[-1]:,} {self.unit} "
                f"({wanted[-1] / full:.1%} of the full network's): the smallest with widths of at "
                f"least {self.ladder.divisor} has {smallest:,} ({smallest / full:.1%}). Raise the "
                "budget or take a smaller divisor"
            )
        return wanted

    def uniform_rows(self, widths: Sequence[float]) -> list[Row]:
        """The widths at these shares of every group."""
        return [self.ladder.nearest(width * self.ladder.full) for width in read_widths(widths)]

    def relative(self, scores: Scores) -> list[npt.NDArray[np.float64]]:
        """The scores of each group over their mean; groups that stay whole have none."""
        return [
            np.empty(0) if group.whole else scores[group.name] / (scores[group.name].mean() or 1.0)
            for group in self.groups.groups
        ]

    def lost_mass(self) -> Cost:
        """Minus the NN-Mass of each candidate."""
        mass = WidthMass(self.model, self.groups, self.shape)
        if not mass(self.ladder.full[None])[0]:
            raise SpecError(
                f"NN-Mass cannot choose levels of {type(self.model).__name__}: it has no skips, "
                "so that its mass is 0 whatever the widths; use method 'norm' or 'greedy'"
            )

        def cost(counts: Counts) -> npt.NDArray[np.float64]:
            self.n_costs += len(counts)
            lost = -mass(counts)
            self.n_traces = mass.n_traces
            return lost

        return cost

    def held_out(self, batch: tuple[Tensor, Tensor] | None) -> Callable[[Kept], float]:
        """The loss on ``batch``, which must be there."""
        if batch is None:
            raise SpecError(
                "method 'greedy' needs something to judge by: give batch=(images, labels), held "
                "out from training, or a cost of your own; 'norm' and 'uniform' need neither"
            )
        return HeldOutLoss(self.model, self.groups, *batch)

    def cost_of(self, judge: Callable[[Kept], float]) -> Cost:
        """``judge`` on each candidate's kept channels."""

        def cost(counts: Counts) -> npt.NDArray[np.float64]:
            self.n_costs += len(counts)
            return np.array([judge(self.kept(row)) for row in counts], dtype=np.float64)

        return cost

    def kept(self, row: Row) -> dict[str, tuple[int, ...]]:
        """The most important channels of every group that may be narrowed."""
        return {
            group.name: tuple(np.sort(self.order[group.name][:count]).tolist())
            for group, count in zip(self.groups.groups, row, strict=True)
            if not group.whole
        }

    def result(
        self, rows: list[Row], wanted: list[int], *, method: Method, importance: str
    ) -> ChosenLevels:
        """The whole network and the levels of ``rows``, once they are known to differ."""
        counts = np.array([self.ladder.full, *rows], dtype=np.int64)
        for level, (above, row) in enumerate(pairwise(counts), start=1):
            if np.array_equal(above, row):
                raise BudgetError(
                    f"levels {level - 1} and {level} keep the same channels, with widths in steps "
                    f"of {self.ladder.divisor} (method {method!r}): ask for fewer levels, for "
                    "budgets farther apart, or take a smaller divisor"
                )
        prices = self.price(counts)
        return ChosenLevels(
            method=method,
            importance=importance,
            divisor=self.ladder.divisor,
            price=self.unit,
            budgets=(int(prices[0]), *wanted),
            kept=tuple(self.kept(row) for row in counts),
            macs=tuple(self.prices.macs(counts).tolist()),
            params=tuple(self.prices.params(counts).tolist()),
            mass=tuple(self._traced_mass(row) for row in counts),
            n_costs=self.n_costs,
            n_traces=self.n_traces,
        )

    def _traced_mass(self, row: Row) -> float:
        self.n_traces += 1
        try:
            topology = trace(resized(self.model, self.groups, row), self.shape)
        except TraceError as error:
            narrow = {group.name: int(n) for group, n in zip(self.groups.groups, row, strict=True)}
            error.add_note(f"with the widths {narrow}")
            raise
        return topology.mass
