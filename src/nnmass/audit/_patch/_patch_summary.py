"""A patch audit as its document tells it, without the votes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnmass._from_plain import from_plain
from nnmass.audit._patch._patch_row import PatchRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSummary:
    """What `nnmass.audit.PatchAudit` says of all images together.

    Attributes:
        network: Its name.
        fingerprint: sha256 of its weights.
        digest: sha256 of its votes.
        ablation: What one vote sees, as text.
        n_images: Judged.
        n_copies: Votes on one image.
        forward_copies: Copies that were run in all.
        seconds: That took.
        tolerance: Probabilities so near to the threshold count against a certificate.
        rows: One for each threshold and patch.
        curves: Certified accuracy by side of a square patch, for each threshold and rule.
        notes: What a reader must know.
    """

    network: str
    fingerprint: str
    digest: str
    ablation: str
    n_images: int
    n_copies: int
    forward_copies: int
    seconds: float
    tolerance: float
    rows: tuple[PatchRow, ...]
    curves: Mapping[tuple[float | str, str], tuple[tuple[int, float], ...]]
    notes: tuple[str, ...]

    def curve(
        self, threshold: float | str, rule: str = "location"
    ) -> tuple[tuple[int, float], ...]:
        """Certified accuracy by side of a square patch, from 1 up to the first that has none.

        Args:
            threshold: Of the votes, or ``top-one``; one of those that were audited.
            rule: ``location`` or ``count``.

        Returns:
            Pairs of side in pixels and certified accuracy in [0, 1].
        """
        return self.curves[threshold, rule]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PatchSummary:
        """The audit that the document of ``nnmass audit patch --json`` tells of."""
        rows = tuple(from_plain(PatchRow, row) for row in values["rows"])
        curves = {
            (curve["threshold"], curve["rule"]): tuple(map(tuple, curve["certified_accuracy"]))
            for curve in values["curves"]
        }
        ablation = values["ablation"]["text"]
        return from_plain(cls, values, rows=rows, curves=curves, ablation=ablation)
