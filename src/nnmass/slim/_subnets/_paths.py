"""Nested sub-networks found by training under a penalty on channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from nnmass.data import ImageData
from nnmass.errors import SpecError
from nnmass.runs import RunRecord
from nnmass.slim._subnets._cut import Kept, Macs, cut_to_budget, widths_of
from nnmass.slim._subnets._groups import ChannelGroup
from nnmass.slim._subnets._path_levels import PathLevels, PathSettings
from nnmass.slim._subnets._shrinking import ShrinkingObjective, Snapshot
from nnmass.train import Recipe, Step, Subject, train_module


def shrink_path(
    net: nn.Module,
    data: ImageData,
    settings: PathSettings,
    *,
    groups: Sequence[ChannelGroup],
    macs: Macs,
    subject: Subject | str,
    recipe: Recipe | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    on_step: Callable[[Step], None] | None = None,
) -> PathLevels:
    """Find nested sub-networks by training copies of ``net`` under a penalty on channels.

    The penalty grows in a straight line from 0; channels whose norms fall below the threshold are
    gone for good, and every level is what is left when its budget is first met. ``single`` finds
    all levels in one training, and they are nested because channels only fall away. ``multi``
    begins again from the weights of ``net`` for every level, and each keeps channels of the one
    before alone. A training ends as soon as its levels are found. ``net`` itself, with weights that
    no penalty has touched, is what a `SubnetFamily` is then made of.

    Args:
        net: The background network, trained; it is left as it was.
        data: What it was trained on.
        settings: Budgets, penalty, and one training or one for each level.
        groups: Its channel groups; those that must stay whole are left out.
        macs: Multiply-adds from the widths of the other groups.
        subject: The name of ``net``, or its name and sizes.
        recipe: Of each training.
        seed: The same.
        folder: Where the runs are kept, one folder each; without it nothing is written.
        resume: Go on with the runs of ``folder``.
        device: As in `nnmass.train.train`.
        on_step: The same.

    Raises:
        SpecError: No group may be narrowed, or the network does not fit the data.
        BudgetError: A budget is below the smallest sub-network.
        CheckpointError: As in `nnmass.train.train`.
        StoreError: The same.
        DeviceError: The same.
        TrainingError: The same.

    Source:
        ``multi``: L. Yang et al., DAC 2020; ``single``: L. Yang, D. Fan, ASP-DAC 2021; rebuilt from
        what is published of them. That a snapshot fills its budget with the strongest of the
        fallen channels is ours.
    """
    free = tuple(group for group in groups if not group.whole)
    if not free:
        raise SpecError("shrink_path needs a channel group that may be narrowed, got none")
    search = _Search(groups=free, macs=macs, settings=settings)
    search.check()
    if isinstance(subject, str):
        subject = Subject.of_module(net, data.info.shape, name=subject)
    runs = []
    for name, objective in search.objectives():
        result = train_module(
            net,
            data,
            subject=subject,
            objective=objective,
            recipe=recipe,
            seed=seed,
            folder=Path(folder) / name if folder is not None else None,
            resume=resume,
            device=device,
            on_step=on_step,
        )
        search.found += objective.finish()
        runs.append(result.record)
    return search.levels(runs)


@dataclass(slots=True, kw_only=True)
class _Search:
    """Budgets that are left and levels that are found."""

    groups: tuple[ChannelGroup, ...]
    macs: Macs
    settings: PathSettings
    found: list[Snapshot] = field(default_factory=list)

    @property
    def everything(self) -> Kept:
        """The full network."""
        return {group.name: tuple(range(group.channels)) for group in self.groups}

    @property
    def budgets(self) -> list[int]:
        """Multiply-adds of the levels below the full network."""
        full = self.macs(widths_of(self.everything))
        return [int(share * full) for share in self.settings.shares]

    def check(self) -> None:
        """Say before any training that the last budget cannot be met."""
        cut_to_budget(
            {group.name: [0.0] * group.channels for group in self.groups},
            self.macs,
            within=self.everything,
            most=self.budgets[-1],
            divisor=self.settings.divisor,
        )

    def objectives(self) -> Iterator[tuple[str, ShrinkingObjective]]:
        """Of each training, with its name; each is asked for when the one before is done."""
        if self.settings.path == "single":
            yield "single", self._objective(self.budgets)
            return
        for level, budget in enumerate(self.budgets, start=1):
            yield f"level-{level}", self._objective([budget])

    def _objective(self, budgets: Sequence[int]) -> ShrinkingObjective:
        return ShrinkingObjective(
            groups=self.groups,
            macs=self.macs,
            budgets=budgets,
            within=self.found[-1].kept if self.found else self.everything,
            lasso=self.settings.lasso,
            threshold=self.settings.threshold,
            divisor=self.settings.divisor,
        )

    def levels(self, runs: Sequence[RunRecord]) -> PathLevels:
        """The result."""
        kept = (self.everything, *(snapshot.kept for snapshot in self.found))
        return PathLevels(
            path=self.settings.path,
            kept=kept,
            macs=tuple(self.macs(widths_of(level)) for level in kept),
            epochs=tuple(snapshot.epoch for snapshot in self.found),
            records=tuple(runs),
        )
