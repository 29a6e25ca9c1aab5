"""Which parts of an image each vote sees: bands, blocks, and the patches that touch them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError, did_you_mean, whole_number

MODES = ("column", "row", "block", "both")

Flags = npt.NDArray[np.bool_]
"""An array of booleans; its shape stands where it is used."""

_TEXT = re.compile(r"\s*([A-Za-z+-]+)\s*:\s*(-?\d+)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """The ablated copies of an image: copy i keeps one band and loses all else.

    Every kept part is a product of rows and columns, so that "patch meets band" is exact for
    rectangles; counts of what a patch can reach are enumerated, never taken from a formula.

    Attributes:
        mode: ``column`` (bands of full height), ``row`` (bands of full width), ``block`` (squares)
            or ``both`` (the columns, then the rows).
        size: Width of a band, or side of a square, in pixels; s in the paper.
        image: Height and width of the images in pixels.
        stride: Pixels from one start to the next.
        wrap: Bands go on at the opposite edge; without it only bands that lie inside are used.

    Raises:
        SpecError: A field is out of range: all of them in one message.

    Source:
        A. Levine, S. Feizi, "(De)Randomized Smoothing for Certifiable Defense against Patch
        Attacks", NeurIPS 2020 (arXiv:2002.10733), there with stride 1 and wrapping. Strides with
        an enumerated count and ``both`` in one vote: ours.

    Example:
        >>> bands = Ablation(mode="column", size=4, image=(32, 32))
        >>> str(bands), bands.n, bands.reach((5, 5))
        ('column:4', 32, 8)
        >>> Ablation(mode="column", size=19, image=(224, 224), stride=10).reach((32, 32))
        6
    """

    mode: str
    size: int
    image: tuple[int, int]
    stride: int = 1
    wrap: bool = True

    def __post_init__(self) -> None:
        """Check all fields."""
        if self.mode not in MODES:
            hint = did_you_mean(str(self.mode), MODES)
            raise SpecError(f"mode must be {', '.join(MODES)}, got {self.mode!r}.{hint}")
        height, width = _sides(self.image, "image")
        object.__setattr__(self, "image", (height, width))
        size = whole_number(self.size, "size", low=1)
        whole_number(self.stride, "stride", low=1)
        side, what = self._limit()
        if size > side:
            raise SpecError(
                f"size must be at most {side}, the {what} of the images of {height}x{width}, "
                f"got {size}: a wider band would see everything"
            )
        if self.stride > side:
            raise SpecError(f"stride must be at most {side}, the {what}, got {self.stride}")

    def __str__(self) -> str:
        stride = f",stride={self.stride}" if self.stride > 1 else ""
        return f"{self.mode}:{self.size}{stride}{'' if self.wrap else ',no-wrap'}"

    @property
    def n(self) -> int:
        """How many ablated copies there are: votes of one image."""
        return len(self.rows)

    @property
    def rows(self) -> Flags:
        """Rows that each copy keeps, (n, H)."""
        return self._kept()[0]

    @property
    def columns(self) -> Flags:
        """Columns that each copy keeps, (n, W); a pixel is kept if its row and its column are."""
        return self._kept()[1]

    @property
    def masks(self) -> Flags:
        """Pixels that each copy keeps, (n, H, W)."""
        rows, columns = self._kept()
        return rows[:, :, None] & columns[:, None, :]

    def touched(self, patch: tuple[int, int]) -> Flags:
        """Copies that a patch can change, a row for each placement inside the image.

        Args:
            patch: Height and width in pixels.

        Returns:
            (P, n) with P = (H - height + 1) * (W - width + 1), the top row of places first.

        Raises:
            SpecError: The patch is smaller than a pixel or larger than the image.
        """
        height, width = self.checked_patch(patch)
        rows, columns = self._kept()
        by_row = _windows(rows, height)
        by_column = _windows(columns, width)
        return (by_row[:, None] & by_column[None]).reshape(-1, len(rows))

    def reach(self, patch: tuple[int, int]) -> int:
        """Most copies that one patch of this size can change, over all its places; Delta."""
        return int(self.touched(patch).sum(axis=1).max())

    def checked_patch(self, patch: tuple[int, int]) -> tuple[int, int]:
        """The height and the width of a patch that fits into the image.

        Raises:
            SpecError: It does not.
        """
        sides = _sides(patch, "patch")
        if sides[0] > self.image[0] or sides[1] > self.image[1]:
            raise SpecError(
                f"patch of {sides[0]}x{sides[1]} pixels is larger than the images of "
                f"{self.image[0]}x{self.image[1]}: certify a patch that fits inside"
            )
        return sides

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return {
            "mode": self.mode,
            "size": self.size,
            "image": list(self.image),
            "stride": self.stride,
            "wrap": self.wrap,
        }

    def _limit(self) -> tuple[int, str]:
        height, width = self.image
        if self.mode == "column":
            return width, "width"
        return (height, "height") if self.mode == "row" else (min(height, width), "smaller side")

    def _kept(self) -> tuple[Flags, Flags]:
        """Rows (n, H) and columns (n, W) of every copy."""
        height, width = self.image
        rows, columns = self._bands(height), self._bands(width)
        if self.mode == "block":
            n_rows, n_columns = len(rows), len(columns)
            return np.repeat(rows, n_columns, axis=0), np.tile(columns, (n_rows, 1))
        by_column = np.ones((len(columns), height), bool), columns
        by_row = rows, np.ones((len(rows), width), bool)
        if self.mode == "column":
            return by_column
        if self.mode == "row":
            return by_row
        return np.concatenate([by_column[0], by_row[0]]), np.concatenate([by_column[1], by_row[1]])

    def _bands(self, length: int) -> Flags:
        """Bands along one side, (number of starts, length)."""
        if self.size > length:
            return np.zeros((0, length), bool)
        starts = np.arange(0, length if self.wrap else length - self.size + 1, self.stride)
        offset = (np.arange(length)[None] - starts[:, None]) % length
        return offset < self.size


def parse_ablation(
    text: str, image: tuple[int, int], *, stride: int = 1, wrap: bool = True
) -> Ablation:
    """The ablation that a text such as ``column:4`` or ``block:12`` names.

    Args:
        text: Mode and size in pixels, ``MODE:PIXELS``; the modes are those of `Ablation`.
        image: Height and width of the images in pixels.
        stride: Pixels from one start to the next.
        wrap: Whether bands go on at the opposite edge.

    Raises:
        SpecError: The text names none, or its size does not fit the image.

    Example:
        >>> parse_ablation("row:2", (28, 28)).n
        28
    """
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise SpecError(
            f"an ablation must be MODE:PIXELS, such as column:4, got {text!r}; modes: "
            f"{', '.join(MODES)}"
        )
    return Ablation(
        mode=found[1].lower(), size=int(found[2]), image=image, stride=stride, wrap=wrap
    )


def _windows(kept: Flags, size: int) -> Flags:
    """Whether each copy keeps anything in each window of ``size``, (places, n)."""
    inside = np.cumsum(np.pad(kept, ((0, 0), (1, 0))).astype(np.int32), axis=1)
    return (inside[:, size:] - inside[:, :-size] > 0).T


def _sides(value: object, name: str) -> tuple[int, int]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise SpecError(f"{name} must be (height, width) in pixels, got {value!r}")
    height, width = value
    return (
        whole_number(height, f"height of the {name}", low=1),
        whole_number(width, f"width of the {name}", low=1),
    )
