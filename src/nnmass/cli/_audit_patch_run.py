"""The work of `nnmass audit patch`: votes once, thresholds chosen apart from what is reported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nnmass.errors import SpecError

if TYPE_CHECKING:
    import numpy as np

    from nnmass.audit import PatchAttack, PatchAudit, SmoothedNet
    from nnmass.cli._counting import Tick
    from nnmass.data import ImageData


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchRun:
    """What was certified.

    Attributes:
        audit: Of the reported images.
        pixels: Those images, uint8 (B, C, H, W).
        chosen: The threshold that other images chose among several; ``None`` with one.
        attack: Made on some of the reported images.
    """

    audit: PatchAudit
    pixels: np.ndarray
    chosen: float | str | None
    attack: PatchAttack | None

    def meets(self, share: float) -> bool:
        """Every patch has a certified accuracy of at least ``share``, at the chosen threshold."""
        rows = [row for row in self.audit.rows if self.chosen in (None, row.threshold)]
        return all(row.certified_accuracy >= share for row in rows)


def certified(
    net: SmoothedNet,
    images: ImageData,
    *,
    network: str,
    patches: tuple[tuple[int, int], ...],
    thresholds: tuple[float | str, ...],
    tolerance: float,
    n_attacked: int,
    seed: int,
    device: str,
    tick: Tick,
) -> PatchRun:
    """Certify the test images; with several thresholds the first half of them chooses one.

    Raises:
        SpecError: There are too few images to choose on.
    """
    import numpy as np

    from nnmass.audit import attack_patches, certify_patches, certify_votes

    pixels = np.ascontiguousarray(images.test_images)
    scaled = (pixels.astype(np.float32) / images.info.scale).astype(np.float32)
    labels = images.test_labels
    audit = certify_patches(
        net,
        scaled,
        labels,
        patches=patches,
        thresholds=thresholds,
        tolerance=tolerance,
        network=network,
        device=device,
        on_progress=lambda done, total: tick("votes", done, total),
    )
    chosen = None
    first = 0
    if len(thresholds) > 1:
        first = len(labels) // 2
        if first < 1:
            raise SpecError(f"several thresholds need at least 2 images, got {len(labels)}")
        judged = partial(certify_votes, patches=patches, thresholds=thresholds, tolerance=tolerance)
        choosing = judged(audit.table.part(slice(0, first)))
        own = [row for row in choosing.rows if row.patch == patches[0]]
        chosen = max(own, key=lambda row: row.certified_accuracy).threshold
        audit = judged(audit.table.part(slice(first, None)))
    attack = None
    if n_attacked:
        part = slice(first, first + n_attacked)
        attack = attack_patches(
            net,
            scaled[part],
            labels[part],
            patch=patches[0],
            seed=seed,
            device=device,
            on_progress=lambda done, total: tick("attack", done, total),
        )
    shown = (pixels[first:].astype(np.float32) * (255 / images.info.scale)).astype(np.uint8)
    return PatchRun(audit=audit, pixels=shown, chosen=chosen, attack=attack)
