"""VGG: plain networks, whose mass is 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nnmass.errors import SpecError
from nnmass.specs._cost import Cost, batch_norm, conv, linear
from nnmass.specs._kinds import Choice, Flag, OneOf
from nnmass.specs._residual import classes_field, image_field, in_field
from nnmass.specs._spec import Spec, spec_field

STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
PLANES = (64, 128, 256, 512, 512)
HIDDEN = 4096
POOLED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class VGG(Spec):
    """Stacks of 3x3 convolutions; no skips, so a mass of 0.

    Args:
        depth: 11, 13, 16 or 19.
        batch_norm: A batch norm after each convolution (key ``bn``), no unless told.
        stem: ``imagenet`` has the head of three large linear layers; ``cifar`` averages the last
            feature maps and has one linear layer.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels, at least 32.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range, or the image is below 32 pixels.

    Source:
        Simonyan and Zisserman, ICLR 2015.

    Example:
        >>> VGG(depth=16).params, VGG(depth=16).mass
        (138357544, 0.0)
    """

    family: ClassVar[str] = "vgg"
    summary: ClassVar[str] = "plain stacks of 3x3 convolutions (mass 0)"
    example: ClassVar[str] = "vgg(depth=16,bn=true,stem=cifar)"

    depth: int = spec_field("depth", OneOf("11, 13, 16 or 19", tuple(STAGES)), help="weight layers")
    batch_norm: bool = spec_field("bn", Flag(), False, help="batch norm after each convolution")
    stem: str = spec_field(
        "stem",
        Choice(("imagenet", "cifar")),
        "imagenet",
        help="imagenet: three linear layers at the end; others: one",
    )
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in()
        if self.image < 32:
            raise SpecError(
                f"vgg: image must be at least 32 pixels, got {self.image}: five poolings halve "
                "the side; give image=32 and pad or resize the images"
            )

    @property
    def stages(self) -> tuple[tuple[int, int], ...]:
        """(channels, convolutions) of each stage; a 2x2 max pooling follows each."""
        return tuple(zip(PLANES, STAGES[self.depth], strict=True))

    @property
    def cells(self) -> tuple[()]:
        """None: a plain network."""
        return ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(in_channels, image, image)``."""
        return (self.in_channels, self.image, self.image)

    @property
    def cost(self) -> Cost:
        """Convolutions and head, each in closed form."""
        return sum(self._costs(), Cost())

    def _costs(self) -> Iterator[Cost]:
        size, inputs = self.image, self.in_channels
        for channels, count in self.stages:
            for _ in range(count):
                yield conv(inputs, channels, kernel=3, size=size, bias=True)
                yield batch_norm(channels) if self.batch_norm else Cost()
                inputs = channels
            size //= 2
        if self.stem != "imagenet":
            yield linear(inputs, self.classes)
            return
        yield linear(inputs * POOLED**2, HIDDEN)
        yield linear(HIDDEN, HIDDEN)
        yield linear(HIDDEN, self.classes)

    def _alive(self) -> Iterator[int]:
        size, inputs = self.image, self.in_channels
        for channels, count in self.stages:
            for _ in range(count):
                yield (inputs + channels) * size**2
                inputs = channels
            yield inputs * (size**2 + (size // 2) ** 2)
            size //= 2
        if self.stem != "imagenet":
            yield from (inputs * (size**2 + 1), inputs + self.classes)
            return
        pooled = inputs * POOLED**2
        yield from (inputs * size**2 + pooled, pooled + HIDDEN)
        yield from (2 * HIDDEN, HIDDEN + self.classes)
