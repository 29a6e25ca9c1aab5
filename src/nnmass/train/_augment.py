"""Random changes of whole batches of images on their device; each image has its own draw."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nnmass.errors import SpecError, did_you_mean

NOTHING = "none"
_SYNTAX = "crop:PIXELS, flip and cutout:PIXELS joined by +, such as crop:4+flip+cutout:8, or none"
_TAKES_PIXELS = {"crop": True, "flip": False, "cutout": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """Which random changes are made; prints as its canonical text, such as ``crop:4+flip``.

    They are made in this order, whatever the order of the text.

    Attributes:
        crop: The image is shifted by up to so many pixels to each side, rows and columns apart, all
            shifts equally likely; black comes in from outside. 0 makes no shift.
        flip: Left and right change places with probability 1/2.
        cutout: Side of a square, in pixels, that is set to the mean colour; its middle is any
            pixel, so that parts of it may lie outside. 0 cuts nothing.

    Source:
        Crop and flip as in K. He et al., CVPR 2016; cutout after T. DeVries, G. W. Taylor, 2017
        (arXiv:1708.04552). Differs from the latter's code for odd sides only, where that code cuts
        a square smaller by one.
    """

    crop: int = 0
    flip: bool = False
    cutout: int = 0

    def __str__(self) -> str:
        parts = (
            f"crop:{self.crop}" if self.crop else "",
            "flip" if self.flip else "",
            f"cutout:{self.cutout}" if self.cutout else "",
        )
        return "+".join(filter(None, parts)) or NOTHING

    def check_fit(self, shape: tuple[int, ...], name: str) -> None:
        """Check that the changes can be made on inputs of ``shape``.

        Args:
            shape: Of one input, (C, H, W) for images.
            name: Of the data set, for the message.

        Raises:
            SpecError: The inputs are no images, or smaller than a shift or a square.
        """
        if self == Augment():
            return
        if len(shape) != 3:
            raise SpecError(f"augment {self} is for images, and {name} has none: use augment=none")
        side = min(shape[1:])
        for what, pixels in (("crop", self.crop), ("cutout", self.cutout)):
            if pixels >= side:
                raise SpecError(
                    f"augment {self}: {what} must be less than the side of the images of {name}, "
                    f"{side} pixels, got {pixels}"
                )

    def moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Shifted and flipped images; takes and gives raw pixels, (N, C, H, W) of any type.

        Args:
            images: On any device; left as they are.
            generator: On the CPU, so that every device gets the same numbers.
        """
        if not self.crop and not self.flip:
            return images
        count, channels, height, width = images.shape
        device, p = images.device, self.crop
        # drawn where the generator is, so that every device gets the same numbers
        down, right = torch.zeros(2, count, dtype=torch.long)
        if p:
            down, right = torch.randint(2 * p + 1, (2, count), generator=generator)
            images = F.pad(images, (p, p, p, p))
        columns = torch.arange(width) + right[:, None]
        if self.flip:
            is_flipped = torch.rand(count, generator=generator) < 0.5
            columns = torch.where(is_flipped[:, None], columns.flip(1), columns)
        wide = width + 2 * p
        if p:  # whole rows first, which is a copy of memory
            first = torch.arange(count * channels).view(count, channels) * (height + 2 * p)
            rows = first[:, :, None] + (down[:, None] + torch.arange(height))[:, None]
            images = images.reshape(-1, wide).index_select(0, rows.flatten().to(device))
        images = images.reshape(count, channels * height, wide)
        picked = columns.to(device)[:, None].expand(-1, channels * height, -1)
        return images.gather(2, picked).view(count, channels, height, width)

    def cut(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images with a square of zeros; takes and gives normalised ones, whose mean is 0.

        Args:
            images: Normalised, (N, C, H, W), on any device; left as they are.
            generator: On the CPU, so that every device gets the same numbers.
        """
        if not self.cutout:
            return images
        count, _, height, width = images.shape
        inside = []
        for length in (height, width):
            middle = torch.randint(length, (count, 1), generator=generator).to(images.device)
            first = middle - self.cutout // 2
            at = torch.arange(length, device=images.device)
            inside.append((at >= first) & (at < first + self.cutout))
        is_cut = inside[0][:, None, :, None] & inside[1][:, None, None, :]
        return images.masked_fill(is_cut, 0.0)


def parse_augment(text: str) -> Augment:
    """The changes that ``text`` names, such as ``crop:4+flip+cutout:8`` or ``none``.

    Raises:
        SpecError: The text names something else; all that is wrong is said in one message.

    Example:
        >>> str(parse_augment("flip + crop:4"))
        'crop:4+flip'
    """
    if isinstance(text, str) and text.strip() == NOTHING:
        return Augment()
    faults: list[str] = []
    values: dict[str, int] = {}
    for part in str(text).split("+"):
        name, colon, pixels = (piece.strip() for piece in part.partition(":"))
        fault = _fault(name, bool(colon), pixels)
        if name in values:
            fault = f"{name} is given twice"
        values[name] = 0
        if fault:
            faults.append(fault)
        else:
            values[name] = int(pixels or 1)
    if faults or not isinstance(text, str):
        wrong = "; ".join(faults).removesuffix(".")
        raise SpecError(f"augment {text!r}: {wrong}. Allowed: {_SYNTAX}")
    return Augment(
        crop=values.get("crop", 0), flip="flip" in values, cutout=values.get("cutout", 0)
    )


def _fault(name: str, has_colon: bool, pixels: str) -> str:
    if name not in _TAKES_PIXELS:
        hint = did_you_mean(name, _TAKES_PIXELS)
        return f"unknown change {name!r}" + (f".{hint}" if hint else "")
    if not _TAKES_PIXELS[name]:
        return f"{name} takes no number, got {pixels!r}" if has_colon else ""
    if not re.fullmatch(r"[1-9]\d{0,3}", pixels):
        return f"{name} must be {name}:PIXELS with a whole number of at least 1, got {pixels!r}"
    return ""
