"""Certified accuracy of a voting network: every patch, threshold and rule from one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nnmass.audit._patch._ablation import Flags
from nnmass.audit._patch._certificate import NOT_COVERED, PatchCertificate
from nnmass.audit._patch._certify import predicted
from nnmass.audit._patch._collect import collect_votes
from nnmass.audit._patch._counted import CountedVotes, checked_tolerance
from nnmass.audit._patch._patch_row import Patch, PatchRow, sides_of
from nnmass.audit._patch._smoothed import SmoothedNet
from nnmass.audit._patch._threshold import checked_threshold
from nnmass.audit._patch._votes import Counts, VoteTable
from nnmass.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchAudit:
    """All that the votes of some images prove.

    Attributes:
        table: The votes.
        rows: One for each threshold and patch, in the order asked.
        tolerance: Probabilities so near to the threshold count against a certificate.
    """

    table: VoteTable
    rows: tuple[PatchRow, ...]
    tolerance: float

    @property
    def network(self) -> str:
        """Its name."""
        return self.table.network

    @property
    def ablation(self) -> str:
        """What one vote sees, as text."""
        return str(self.table.ablation)

    @property
    def fingerprint(self) -> str:
        """sha256 of its weights."""
        return self.table.fingerprint

    @property
    def digest(self) -> str:
        """sha256 of its votes."""
        return self.table.digest

    @property
    def forward_copies(self) -> int:
        """Copies that were run in all."""
        return self.table.forward_copies

    @property
    def seconds(self) -> float:
        """That took."""
        return self.table.seconds

    @property
    def n_images(self) -> int:
        """How many were judged."""
        return len(self.table)

    @property
    def n_copies(self) -> int:
        """Votes on one image."""
        return self.table.ablation.n

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        return self.table.notes

    def predictions(self, threshold: float | str) -> Counts:
        """The class of each image, (B,)."""
        return predicted(self.table.votes(threshold).sum(1))

    def certified(self, threshold: float | str, patch: Patch, rule: str = "location") -> Flags:
        """Whether each image is certified, right or not, (B,).

        Args:
            threshold: Of the votes, or ``top-one``.
            patch: Side in pixels, or height and width.
            rule: ``location`` or ``count``.

        Raises:
            SpecError: There is no such rule, or the patch does not fit the image.
        """
        return CountedVotes(self.table, threshold, self.tolerance).certified(sides_of(patch), rule)

    def largest(self, threshold: float | str, rule: str = "location") -> Counts:
        """Side of the largest square patch that each image is certified against, (B,); 0: none.

        Args:
            threshold: Of the votes, or ``top-one``.
            rule: ``location`` or ``count``.
        """
        votes = CountedVotes(self.table, threshold, self.tolerance)
        sides = np.zeros(len(self.table), np.int64)
        for side, certified in votes.by_side(rule):
            sides[certified] = side
        return sides

    def curve(
        self, threshold: float | str, rule: str = "location"
    ) -> tuple[tuple[int, float], ...]:
        """Certified accuracy by side of a square patch, from 1 up to the first that has none.

        Args:
            threshold: Of the votes, or ``top-one``.
            rule: ``location`` or ``count``.

        Returns:
            Pairs of side in pixels and certified accuracy in [0, 1].
        """
        votes = CountedVotes(self.table, threshold, self.tolerance)
        points: list[tuple[int, float]] = []
        for side, certified in votes.by_side(rule):
            points.append((side, float((certified & votes.is_right).mean())))
        return tuple(points)

    def certificates(
        self, threshold: float | str, patch: Patch, rule: str = "location"
    ) -> tuple[PatchCertificate, ...]:
        """One for each image, of the certified and of the others.

        Args:
            threshold: Of the votes, or ``top-one``.
            patch: Side in pixels, or height and width.
            rule: ``location`` or ``count``.
        """
        votes = CountedVotes(self.table, threshold, self.tolerance)
        return tuple(votes.certificates(sides_of(patch), rule))

    def to_dict(self) -> dict[str, object]:
        """Settings, rows and notes as JSON values; not the votes."""
        return {
            "network": self.network,
            "fingerprint": self.fingerprint,
            "digest": self.digest,
            "ablation": self.table.ablation.to_dict() | {"text": self.ablation},
            "n_images": self.n_images,
            "n_copies": self.n_copies,
            "forward_copies": self.forward_copies,
            "seconds": self.seconds,
            "tolerance": self.tolerance,
            "rows": [row.to_dict() for row in self.rows],
            "not_covered": list(NOT_COVERED),
            "notes": list(self.notes),
        }


def certify_votes(
    table: VoteTable,
    *,
    patches: Sequence[Patch] = (5,),
    thresholds: Sequence[float | str] = (0.3,),
    tolerance: float = 0.0,
) -> PatchAudit:
    """What stored votes prove against each patch at each threshold.

    Args:
        table: From `collect_votes` or `read_votes`.
        patches: Sides of squares, or (height, width), in pixels.
        thresholds: Each in (0, 1], or ``top-one``.
        tolerance: At least 0: a probability within it of the threshold counts against.

    Raises:
        SpecError: A patch does not fit the image, or a number is out of range.

    Source:
        A. Levine, S. Feizi, NeurIPS 2020 (arXiv:2002.10733); the location rule is ours.
    """
    if not patches or not thresholds:
        raise SpecError("certify_votes needs at least one patch and one threshold, got none")
    rows = []
    for threshold in thresholds:
        votes = CountedVotes(table, threshold, tolerance)
        rows += [votes.row(table.ablation.checked_patch(sides_of(patch))) for patch in patches]
    return PatchAudit(table=table, rows=tuple(rows), tolerance=float(tolerance))


def certify_patches(
    net: SmoothedNet,
    images: object,
    labels: object,
    *,
    patches: Sequence[Patch] = (5,),
    thresholds: Sequence[float | str] | None = None,
    tolerance: float = 0.0,
    network: str = "network",
    images_at_once: int = 1,
    device: str = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> PatchAudit:
    """Which predictions no patch can change, proven for each image.

    Args:
        net: A voting network; left as it was.
        images: Pixels in [0, 1] or uint8, (B, C, H, W).
        labels: Whole numbers, (B,).
        patches: Sides of squares, or (height, width), in pixels.
        thresholds: Of the votes; the network's own unless told.
        tolerance: As in `certify_votes`.
        network: Name of the network, for tables.
        images_at_once: As in `collect_votes`.
        device: The same.
        on_progress: The same.

    Returns:
        Clean and certified accuracy for each threshold and patch, the certified curve, the largest
        certified patch and a certificate of each image.

    Raises:
        SpecError: The network does not vote, or an argument is out of range.
        DataError: Images or labels are out of range, or the network gives no numbers.

    Source:
        As `certify_votes`.

    Example:
        >>> import torch
        >>> from nnmass.audit import Ablation
        >>> base = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(128, 10))
        >>> net = SmoothedNet(base, Ablation(mode="column", size=2, image=(8, 8)))
        >>> audit = certify_patches(net, torch.rand(4, 1, 8, 8), torch.arange(4), patches=(1, 2))
        >>> [row.reach for row in audit.rows]
        [2, 3]
    """
    if isinstance(net, SmoothedNet):
        for patch in patches:  # before hours of forward passes
            net.ablation.checked_patch(sides_of(patch))
        checked_tolerance(tolerance)
        thresholds = tuple(map(checked_threshold, thresholds or (net.threshold,)))
    table = collect_votes(
        net,
        images,
        labels,
        network=network,
        images_at_once=images_at_once,
        device=device,
        on_progress=on_progress,
    )
    return certify_votes(table, patches=patches, thresholds=thresholds or (), tolerance=tolerance)
