"""What joint training needs to know of a network that holds several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, cast

from torch import Tensor, nn

from nnmass.errors import SpecError
from nnmass.train import Figures


class SubnetFacts(Protocol):
    """Name and sizes of a sub-network."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def widths(self) -> Mapping[str, int]:
        """Channels of every group."""

    @property
    def macs(self) -> int:
        """Multiply-adds of one input."""

    @property
    def params(self) -> int:
        """Trainable parameters."""

    @property
    def mass(self) -> float:
        """NN-Mass; ``nan`` where it is not known."""


class Switchable(Protocol):
    """A module that runs one of its sub-networks at a time, on shared weights."""

    @property
    def subnets(self) -> Sequence[SubnetFacts]:
        """From the full network down."""

    def using(self, index: int) -> AbstractContextManager[object]:
        """A block in which ``forward`` runs the sub-network ``index``."""

    def used(self, index: int) -> Mapping[str, Tensor]:
        """Which elements of its parameters the sub-network ``index`` has: bool, by name.

        A parameter that is not named belongs to it as a whole, or gets no gradient from it.
        """


def switchable(net: nn.Module) -> Switchable:
    """``net`` as a network with sub-networks.

    Raises:
        SpecError: It has none.
    """
    if not getattr(net, "subnets", None) or not hasattr(net, "using"):
        raise SpecError(
            f"joint training needs a network with sub-networks, got a {type(net).__name__}: make "
            "one of it with nnmass.slim.SubnetFamily"
        )
    return cast(Switchable, net)


def figures_of(family: Switchable) -> dict[str, Figures]:
    """Sizes of every sub-network for the record of a training."""
    return {
        subnet.name: {
            "mass": None if math.isnan(subnet.mass) else subnet.mass,
            "params": subnet.params,
            "macs": subnet.macs,
        }
        for subnet in family.subnets
    }
