"""Nested sub-networks found by training under a penalty on channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """What both paths have in common: a network, its groups, and how it is trained."""

    net: nn.Module
    data: ImageData
    groups: tuple[ChannelGroup, ...]
    macs: Macs
    budgets: tuple[int, ...]
    lasso: GroupLasso
    threshold: float
    divisor: int
    subject: Subject
    recipe: Recipe | None
    seed: int
    resume: bool
    device: str
    on_step: Callable[[Step], None] | None

    @property
    def everything(self) -> Kept:
        """The full network."""
        return {group.name: tuple(range(group.channels)) for group in self.groups}

    def train(
        self, budgets: Sequence[int], *, within: Kept, folder: Path | None
    ) -> tuple[tuple[Snapshot, ...], RunRecord]:
        """One training from the network's weights, until all ``budgets`` are reached."""
        objective = ShrinkingObjective(
            groups=self.groups,
            macs=self.macs,
            budgets=budgets,
            within=within,
            lasso=self.lasso,
            threshold=self.threshold,
            divisor=self.divisor,
        )
        result = train_module(
            self.net,
            self.data,
            subject=self.subject,
            objective=objective,
            recipe=self.recipe,
            seed=self.seed,
            folder=folder,
            resume=self.resume,
            device=self.device,
            on_step=self.on_step,
        )
        return objective.finish(), result.record


def shrink_path(
    net: nn.Module,
    data: ImageData,
    *,
    groups: Sequence[ChannelGroup],
    macs: Macs,
    shares: Sequence[float],
    subject: Subject | str,
    path: str = "single",
    lasso: GroupLasso | None = None,
    threshold: float = 0.05,
    divisor: int = 8,
    recipe: Recipe | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    on_step: Callable[[Step], None] | None = None,
) -> PathLevels:
    """Find nested sub-networks by training a copy of ``net`` under a penalty on channels.

    The penalty grows in a straight line from 0; channels whose norm falls below ``threshold`` times
    the largest of their group are gone for good, and every level is what is left when its budget
    is first met. ``single`` finds all levels in one training, and they are nested because channels
    only fall away. ``multi`` begins again from the weights of ``net`` for every level, and each
    keeps channels of the one before alone. A training ends as soon as its levels are found. ``net``
    itself, with weights that no penalty has touched, is what a `SubnetFamily` is then made of.

    Args:
        net: The background network, trained.
        data: What it was trained on.
        groups: Its channel groups; those that must stay whole are left out.
        macs: Multiply-adds from the widths of the other groups.
        shares: Budgets of the levels below the full network as shares of its multiply-adds,
            falling, in (0, 1).
        subject: The name of ``net``, or its name and sizes.
        path: ``single`` or ``multi``.
        lasso: The penalty at its strongest; the defaults of `GroupLasso` unless told.
        threshold: In (0, 1).
        divisor: Widths are multiples of it; none falls below it.
        recipe: Of each training.
        seed: The same.
        folder: Where the runs are kept, one folder each; without it nothing is written.
        resume: Go on with the runs of ``folder``.
        device: As in `nnmass.train.train`.
        on_step: The same.

    Raises:
        SpecError: A value is out of range, or the network does not fit the data.
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
    if path not in PATHS:
        raise SpecError(f"path must be single or multi, got {path!r}.{did_you_mean(path, PATHS)}")
    if positive_number(threshold, "threshold") >= 1:
        raise SpecError(f"threshold must be in (0, 1), got {threshold!r}")
    free = tuple(group for group in groups if not group.whole)
    if not free:
        raise SpecError("shrink_path needs a channel group that may be narrowed, got none")
    if isinstance(subject, str):
        subject = Subject.of_module(net, data.info.shape, name=subject)
    search = _Search(
        net=net,
        data=data,
        groups=free,
        macs=macs,
        budgets=_budgets(shares, macs({group.name: group.channels for group in free})),
        lasso=lasso or GroupLasso(),
        threshold=threshold,
        divisor=whole_number(divisor, "divisor", low=1),
        subject=subject,
        recipe=recipe,
        seed=seed,
        resume=resume,
        device=device,
        on_step=on_step,
    )
    _check_reachable(search)
    runs = _runs(search, path, folder=Path(folder) if folder is not None else None)
    snapshots = [snapshot for found, _ in runs for snapshot in found]
    kept = (search.everything, *(snapshot.kept for snapshot in snapshots))
    return PathLevels(
        path=path,
        kept=kept,
        macs=tuple(macs(widths_of(level)) for level in kept),
        epochs=tuple(snapshot.epoch for snapshot in snapshots),
        records=tuple(record for _, record in runs),
    )


def _runs(
    search: _Search, path: str, *, folder: Path | None
) -> list[tuple[tuple[Snapshot, ...], RunRecord]]:
    within = search.everything
    if path == "single":
        return [search.train(search.budgets, within=within, folder=folder and folder / "single")]
    runs = []
    for level, budget in enumerate(search.budgets, start=1):
        runs.append(
            search.train([budget], within=within, folder=folder and folder / f"level-{level}")
        )
        within = runs[-1][0][0].kept
    return runs


def _budgets(shares: Sequence[float], full: int) -> tuple[int, ...]:
    falls = all(low < high for high, low in pairwise(shares))
    if not shares or not falls or not all(0 < share < 1 for share in shares):
        raise SpecError(
            "shares must be falling shares of the full network's multiply-adds, each in (0, 1), "
            f"got {list(shares)}"
        )
    return tuple(int(share * full) for share in shares)


def _check_reachable(search: _Search) -> None:
    """Say before any training that the last budget cannot be met."""
    scores: Mapping[str, Sequence[float]] = {
        group.name: [0.0] * group.channels for group in search.groups
    }
    cut_to_budget(
        scores,
        search.macs,
        within=search.everything,
        most=search.budgets[-1],
        divisor=search.divisor,
    )
