"""The votes of one threshold, counted, and what they certify."""

from __future__ import annotations

from collections.abc import Iterator

from nnmass.audit._patch._ablation import Flags
from nnmass.audit._patch._certificate import RULES, PatchCertificate
from nnmass.audit._patch._certify import (
    count_rule,
    hardest_places,
    location_rule,
    margins,
    predicted,
)
from nnmass.audit._patch._patch_row import PatchRow, wilson
from nnmass.audit._patch._threshold import checked_threshold
from nnmass.audit._patch._votes import Counts, VoteTable
from nnmass.errors import SpecError, did_you_mean


class CountedVotes:
    """The votes of one threshold, counted."""

    def __init__(self, table: VoteTable, threshold: float | str, tolerance: float) -> None:
        self.table = table
        self.threshold = checked_threshold(threshold)
        self.tolerance = checked_tolerance(tolerance)
        self.counts: Counts = table.votes(threshold).sum(1)
        self.prediction = predicted(self.counts)
        self.sure, self.possible = table.possible_votes(threshold, tolerance)
        self.is_right: Flags = self.prediction == table.labels

    def certified(self, patch: tuple[int, int], rule: str) -> Flags:
        if rule not in RULES:
            hint = did_you_mean(str(rule), RULES)
            raise SpecError(f"rule must be {' or '.join(RULES)}, got {rule!r}.{hint}")
        ablation = self.table.ablation
        if rule == "count":
            sums = self.sure.sum(1), self.possible.sum(1)
            return count_rule(*sums, self.prediction, ablation.reach(patch))
        places = hardest_places(ablation, patch)
        return location_rule(self.sure, self.possible, self.prediction, places)

    def by_side(self, rule: str) -> Iterator[tuple[int, Flags]]:
        """The squares from 1 up, until none is certified: a larger patch certifies no more."""
        for side in range(1, min(self.table.ablation.image) + 1):
            certified = self.certified((side, side), rule)
            yield side, certified
            if not certified.any():
                return

    def row(self, patch: tuple[int, int]) -> PatchRow:
        by_location, by_count = (self.certified(patch, rule) for rule in ("location", "count"))
        n = len(self.table)
        right, safe = int(self.is_right.sum()), int((by_location & self.is_right).sum())
        return PatchRow(
            threshold=self.threshold,
            patch=patch,
            reach=self.table.ablation.reach(patch),
            n_images=n,
            clean_accuracy=right / n,
            certified_accuracy=safe / n,
            count_accuracy=int((by_count & self.is_right).sum()) / n,
            certified_wrong=int((by_location & ~self.is_right).sum()) / n,
            clean_interval=wilson(right, n),
            certified_interval=wilson(safe, n),
        )

    def certificates(self, patch: tuple[int, int], rule: str) -> Iterator[PatchCertificate]:
        certified = self.certified(patch, rule)
        found = margins(self.sure.sum(1), self.possible.sum(1), self.prediction)
        ablation, digest = self.table.ablation, self.table.digest
        reach = ablation.reach(patch)
        for index, t in enumerate(self.prediction):
            others = self.counts[index].copy()
            others[t] = -1
            rival = int(others.argmax())
            yield PatchCertificate(
                index=index,
                label=int(self.table.labels[index]),
                prediction=int(t),
                votes=int(self.counts[index, t]),
                rival=rival,
                rival_votes=int(others[rival]),
                patch=patch,
                rule=rule,
                threshold=self.threshold,
                tolerance=self.tolerance,
                reach=reach,
                margin=int(found[index]),
                is_certified=bool(certified[index]),
                ablation=str(ablation),
                network=self.table.network,
                digest=digest,
            )


def checked_tolerance(value: float) -> float:
    """A number in [0, 1).

    Raises:
        SpecError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise SpecError(f"tolerance must be a number in [0, 1), got {value!r}")
    return float(value)
