"""A training under a growing penalty, in which channels fall away for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from nnmass.slim._subnets._cut import Kept, Macs, cut_to_budget, widths_of
from nnmass.slim._subnets._group_lasso import (
    GroupLasso,
    channel_norms,
    scale_channels,
    strength_to_reach,
)
from nnmass.slim._subnets._groups import ChannelGroup
from nnmass.train import CrossEntropy, Moment, Objective

REACH = 12.0
"""Times that a penalty nobody chose would shrink all channels to nothing.

The loss and the norms hold against it: on digits 6 missed the last of three levels in two of three
trainings, 12 found all in 6 or 7 of 10 epochs.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A level when it was found.

    Attributes:
        kept: Its channels.
        epoch: The epoch after which the network was small enough, from 1; ``None`` where the
            training ended before, and the channels were cut by their norms as they were then.
    """

    kept: Kept
    epoch: int | None


class ShrinkingObjective(Objective):
    """Cross entropy and a group lasso that grows from 0 in a straight line over the training.

    After every epoch the channels whose norm is below ``threshold`` times the largest of their
    group fall away: their weights are held at 0 from then on. When the multiply-adds of what is
    left first come under a budget, that level is a snapshot: the channels that are left, and of
    the fallen ones the last and strongest as far as the budget and the divisor allow.

    Args:
        groups: The channel groups that may be narrowed.
        macs: Multiply-adds from widths.
        budgets: Multiply-adds of the levels that are sought, falling.
        within: What the first of them may keep.
        lasso: The penalty at its strongest. ``None``: as strong as would, against no resistance,
            shrink all channels `REACH` times to nothing over the training.
        threshold: In (0, 1).
        divisor: Of widths.
    """

    def __init__(
        self,
        *,
        groups: Sequence[ChannelGroup],
        macs: Macs,
        budgets: Sequence[int],
        within: Kept,
        lasso: GroupLasso | None,
        threshold: float,
        divisor: int,
    ) -> None:
        self.groups, self.macs, self.budgets, self.within = tuple(groups), macs, budgets, within
        self.lasso, self.threshold, self.divisor = lasso, threshold, divisor
        self.snapshots: list[Snapshot] = []
        self._asked = {"strength": None, "clip": None} if lasso is None else asdict(lasso)
        self._scores = {group.name: [0.0] * group.channels for group in groups}
        self._fallen = {group.name: [0] * group.channels for group in groups}

    def backward(
        self, net: nn.Module, images: Tensor, labels: Tensor, moment: Moment
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the cross entropy; the penalty acts after the step."""
        return CrossEntropy().backward(net, images, labels, moment)

    def step(self, net: nn.Module, optimiser: torch.optim.Optimizer, moment: Moment) -> None:
        """Move the weights, then shrink the channels by a proximal step."""
        if self.lasso is None:
            self.lasso = self._chosen(net, moment)
        optimiser.step()
        self.lasso.shrink(net, self.groups, rate=moment.lr * moment.share_done)
        for group in self.groups:
            if any(self._fallen[group.name]):
                _silence(net, group, fallen=self._fallen[group.name])

    def end_epoch(self, net: nn.Module, moment: Moment) -> None:
        """Let channels fall, and take a snapshot of every level that is reached."""
        with torch.no_grad():
            for group in self.groups:
                norms = channel_norms(net, group)
                most = norms.max().clamp_min(torch.finfo(norms.dtype).tiny)
                self._drop(group.name, (norms / most).tolist(), moment)
        while not self.is_reached() and self.macs(self._left()) <= self._budget:
            self._take_snapshot(moment.epoch)

    def is_reached(self) -> bool:
        """All levels are found."""
        return len(self.snapshots) == len(self.budgets)

    def finish(self) -> tuple[Snapshot, ...]:
        """All levels; those that were not reached are cut by the norms after the last epoch."""
        while not self.is_reached():
            self._take_snapshot(None)
        return tuple(self.snapshots)

    def to_dict(self) -> dict[str, object]:
        """The settings as JSON values."""
        return {
            "kind": "shrinking",
            "budgets": list(self.budgets),
            "within": widths_of(self.within),
            "threshold": self.threshold,
            "divisor": self.divisor,
            **self._asked,
        }

    def state(self) -> dict[str, object]:
        """Fallen channels, scores and snapshots."""
        return {
            "lasso": None if self.lasso is None else asdict(self.lasso),
            "fallen": self._fallen,
            "scores": self._scores,
            "snapshots": [asdict(snapshot) for snapshot in self.snapshots],
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on from what `state` gave."""
        if not state:
            return
        lasso = cast(dict[str, Any] | None, state["lasso"])
        self.lasso = None if lasso is None else GroupLasso(**lasso)
        self._fallen = cast(dict[str, list[int]], state["fallen"])
        self._scores = cast(dict[str, list[float]], state["scores"])
        self.snapshots = [
            Snapshot(
                kept={name: tuple(channels) for name, channels in saved["kept"].items()},
                epoch=saved["epoch"],
            )
            for saved in cast(list[dict[str, Any]], state["snapshots"])
        ]

    def _chosen(self, net: nn.Module, moment: Moment) -> GroupLasso:
        n_all = moment.recipe.epochs * moment.steps
        lrs = [moment.recipe.lr_at(k, steps_per_epoch=moment.steps) for k in range(n_all)]
        rates = sum(lr * (k + 1) / n_all for k, lr in enumerate(lrs))
        return GroupLasso(strength=REACH * strength_to_reach(net, self.groups, rates=rates))

    @property
    def _within(self) -> Kept:
        """What the next level may keep."""
        return self.snapshots[-1].kept if self.snapshots else self.within

    @property
    def _budget(self) -> int:
        """Of the next level."""
        return self.budgets[len(self.snapshots)]

    def _left(self) -> dict[str, int]:
        """Widths of what has not fallen, of what the next level may keep."""
        return {
            name: max(
                sum(not self._fallen[name][channel] for channel in channels),
                min(self.divisor, len(channels)),
            )
            for name, channels in self._within.items()
        }

    def _drop(self, name: str, scores: Sequence[float], moment: Moment) -> None:
        """Weak channels fall, once; the strongest of a group stay, as many as the divisor.

        The fallen rank below all others, and those that fell first below all.
        """
        fallen, ranks = self._fallen[name], self._scores[name]
        left = sorted((score, c) for c, score in enumerate(scores) if not fallen[c])
        n_spare = len(left) - self.divisor
        for place, (score, channel) in enumerate(left):
            ranks[channel] = score
            if place < n_spare and score < self.threshold:
                fallen[channel] = moment.epoch
                ranks[channel] = score - (1 + moment.recipe.epochs - moment.epoch)

    def _take_snapshot(self, epoch: int | None) -> None:
        kept = cut_to_budget(
            self._scores, self.macs, within=self._within, most=self._budget, divisor=self.divisor
        )
        self.snapshots.append(Snapshot(kept=kept, epoch=epoch))


@torch.no_grad()
def _silence(net: nn.Module, group: ChannelGroup, *, fallen: Sequence[int]) -> None:
    """Make the outputs of fallen channels 0; a norm over these channels alone would shift them."""
    device = next(net.parameters()).device
    factors = torch.tensor([float(not epoch) for epoch in fallen], device=device)
    scale_channels(net, group, factors)
    for path in group.norms:
        for parameter in net.get_submodule(path).parameters(recurse=False):
            if len(parameter) == group.channels:
                parameter.mul_(factors.to(parameter.dtype))
