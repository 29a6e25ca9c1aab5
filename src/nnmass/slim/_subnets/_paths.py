"""Nested sub-networks found by training under a penalty on channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from torch import nn

from nnmass.data import ImageData
from nnmass.errors import SpecError, did_you_mean, positive_number, whole_number
from nnmass.runs import RunRecord
from nnmass.slim._subnets._cut import Kept, Macs, cut_to_budget, widths_of
from nnmass.slim._subnets._group_lasso import GroupLasso
from nnmass.slim._subnets._groups import ChannelGroup
from nnmass.slim._subnets._shrinking import ShrinkingObjective, Snapshot
from nnmass.train import Recipe, Step, Subject, train_module

PATHS = ("single", "multi")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSettings:
    """How sub-networks are sought by training under a penalty.

    Args:
        shares: Budgets of the levels below the full network as shares of its multiply-adds,
            falling, in (0, 1).
        path: ``single``, all levels in one training; or ``multi``, one for each.
        lasso: The penalty at its strongest; unless told it follows from the recipe and the norms
            that the channels begin with.
        threshold: Channels whose norm is below so much of the largest of their group fall; (0, 1).
        divisor: Widths are multiples of it; none falls below it.

    Raises:
        SpecError: A field is out of range.

    Example:
        >>> PathSettings(shares=(0.5, 0.25)).path
        'single'
    """

    shares: Sequence[float]
    path: str = "single"
    lasso: GroupLasso | None = None
    threshold: float = 0.05
    divisor: int = 8

    def __post_init__(self) -> None:
        """Check all fields."""
        if self.path not in PATHS:
            hint = did_you_mean(str(self.path), PATHS)
            raise SpecError(f"path must be single or multi, got {self.path!r}.{hint}")
        if positive_number(self.threshold, "threshold") >= 1:
            raise SpecError(f"threshold must be in (0, 1), got {self.threshold!r}")
        whole_number(self.divisor, "divisor", low=1)
        if isinstance(self.shares, str) or not isinstance(self.shares, Sequence):
            raise SpecError(f"shares must be a sequence such as (0.5, 0.25), got {self.shares!r}")
        if not isinstance(self.lasso, GroupLasso | None):
            raise SpecError(f"lasso must be a GroupLasso or None, got {self.lasso!r}")
        shares = [positive_number(share, "a share") for share in self.shares]
        falls = all(low < high for high, low in pairwise(shares))
        if not shares or not falls or shares[0] >= 1:
            raise SpecError(
                "shares must be falling shares of the full network's multiply-adds, each in "
                f"(0, 1), got {list(self.shares)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PathLevels:
    """Nested kept sets, and how they were found.

    Attributes:
        path: ``single`` or ``multi``.
        kept: For every level from the full network down, the kept channels of each group.
        macs: Multiply-adds of each level.
        epochs: For every level below the full one, the epoch of its training after which it was
            reached; ``None`` where it was not and the channels were cut by their norms at the end.
        records: Of the trainings.
    """

    path: str
    kept: tuple[Kept, ...]
    macs: tuple[int, ...]
    epochs: tuple[int | None, ...]
    records: tuple[RunRecord, ...]

    @property
    def epochs_spent(self) -> int:
        """Epochs of the full network in all trainings."""
        return sum(record.epochs_done for record in self.records)

    def to_dict(self) -> dict[str, object]:
        """All of it as plain data."""
        return {
            "path": self.path,
            "levels": [
                {
                    "macs": macs,
                    "share": macs / self.macs[0],
                    "epoch": epoch,
                    "kept": {name: list(channels) for name, channels in kept.items()},
                }
                for macs, epoch, kept in zip(
                    self.macs, (None, *self.epochs), self.kept, strict=True
                )
            ],
            "epochs_spent": self.epochs_spent,
            "records": [record.to_dict() for record in self.records],
        }


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
