"""A line of the table of certified accuracies."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

Patch = int | tuple[int, int]
"""Side of a square in pixels, or height and width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRow:
    """What is certified at one threshold against one patch; shares of all images in [0, 1].

    Attributes:
        threshold: Of the votes, or ``top-one``.
        patch: Height and width in pixels.
        reach: Most copies that such a patch touches; Delta.
        n_images: Judged.
        clean_accuracy: Predictions that are right without any patch.
        certified_accuracy: Right and certified by the location rule.
        count_accuracy: Right and certified by the count rule.
        certified_wrong: Certified by the location rule, and wrong.
        clean_interval: 95 % interval of the clean accuracy (Wilson) over the draw of images.
        certified_interval: The same of the certified accuracy.
    """

    threshold: float | str
    patch: tuple[int, int]
    reach: int
    n_images: int
    clean_accuracy: float
    certified_accuracy: float
    count_accuracy: float
    certified_wrong: float
    clean_interval: tuple[float, float]
    certified_interval: tuple[float, float]

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        told = dataclasses.asdict(self)
        lists = ("patch", "clean_interval", "certified_interval")
        return told | {name: list(told[name]) for name in lists}


def sides_of(patch: Patch) -> tuple[int, int]:
    """Height and width of a patch."""
    return patch if isinstance(patch, tuple) else (patch, patch)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, of ``successes`` in ``n`` trials.

    Source:
        E. B. Wilson, J. Am. Stat. Assoc. 22, 1927.

    Example:
        >>> [round(end, 3) for end in wilson(50, 100)]
        [0.404, 0.596]
    """
    z = 1.959964
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
