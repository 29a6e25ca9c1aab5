"""How sub-networks are sought by shrinking a network, and what is found, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nnmass.errors import SpecError, did_you_mean, positive_number, whole_number
from nnmass.runs import RunRecord
from nnmass.slim._subnets._cut import Kept
from nnmass.slim._subnets._group_lasso import GroupLasso

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
