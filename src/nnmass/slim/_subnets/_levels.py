"""Which channels each level of a network keeps, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Method = Literal["uniform", "norm", "greedy", "mass"]
"""How widths are found; see `choose_levels`."""

METHODS: tuple[str, ...] = get_args(Method)

Kept = Mapping[str, tuple[int, ...]]
"""For each group by its name, the channels that stay, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLevels:
    """Nested sets of channels, from everything (level 0) down.

    Attributes:
        method: How the widths were found.
        importance: By what channels were ranked within a group.
        divisor: Of the widths.
        price: What the budgets are of: ``macs`` or ``params``.
        budgets: One for each level; level 0's is the whole network.
        kept: One for each level; each holds the next.
        macs: Multiply-adds of one image, for each level.
        params: Trainable parameters, for each level.
        mass: NN-Mass, for each level; ``nan`` where the network has none that can be read.
        n_costs: Candidates whose cost was asked for (``greedy``, ``mass``).
        n_traces: Networks traced on the way.
    """

    method: Method
    importance: str
    divisor: int
    price: str
    budgets: tuple[int, ...]
    kept: tuple[Kept, ...]
    macs: tuple[int, ...]
    params: tuple[int, ...]
    mass: tuple[float, ...]
    n_costs: int = 0
    n_traces: int = 0

    def __len__(self) -> int:
        """How many levels there are."""
        return len(self.kept)

    @property
    def widths(self) -> tuple[dict[str, int], ...]:
        """For each level, how many channels each group keeps."""
        return tuple({name: len(channels) for name, channels in kept.items()} for kept in self.kept)

    def to_dict(self) -> dict[str, object]:
        """Plain data; a mass that is not there is ``None``."""
        return {
            "method": self.method,
            "importance": self.importance,
            "divisor": self.divisor,
            "price": self.price,
            "n_costs": self.n_costs,
            "n_traces": self.n_traces,
            "levels": [self._level(number) for number in range(len(self))],
        }

    def _level(self, number: int) -> dict[str, object]:
        mass = self.mass[number]
        return {
            "budget": self.budgets[number],
            "macs": self.macs[number],
            "params": self.params[number],
            "mass": mass if mass == mass else None,  # only nan differs from itself
            "kept": {name: list(channels) for name, channels in self.kept[number].items()},
        }
