"""MobileNetV2, with any table of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nnmass.errors import SpecError
from nnmass.specs._cost import Cost, batch_norm, conv, halved, linear, sized, strided
from nnmass.specs._kinds import Multiplier, Rows
from nnmass.specs._residual import STEMS, classes_field, image_field, in_field
from nnmass.specs._spec import Spec, spec_field
from nnmass.topology import AdditiveCell

ROWS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""The published table: expansion t, channels c, blocks n, stride s of the first block."""


def rounded_channels(channels: float, divisor: int = 8) -> int:
    """The multiple of ``divisor`` nearest to ``channels``, and never below 90 % of it.

    Args:
        channels: Above 0; need not be whole.
        divisor: The least that is given, too.

    Source:
        Sandler et al., CVPR 2018 (arXiv:1801.04381), as in the released code.

    Example:
        >>> rounded_channels(32 * 1.4), rounded_channels(16 * 0.35)
        (48, 8)
    """
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertedResidual:
    """One block: 1x1 to ``inner`` (left out at expansion ratio 1), 3x3 depthwise, 1x1.

    Attributes:
        inputs: Channels that come in.
        inner: Channels between the 1x1 convolutions; ``inputs`` at expansion ratio 1.
        outputs: Channels that go out.
        stride: Of the depthwise convolution, in pixels; input and output are added at 1 alone.

    Source:
        Sandler et al., CVPR 2018 (arXiv:1801.04381).

    Example:
        >>> block = InvertedResidual(inputs=24, inner=144, outputs=24, stride=1)
        >>> block.is_residual, block.cost(56)
        (True, Cost(params=8832, macs=25740288))
    """

    inputs: int
    inner: int
    outputs: int
    stride: int

    @property
    def is_residual(self) -> bool:
        """Input and output have one shape and are added."""
        return self.stride == 1 and self.inputs == self.outputs

    @property
    def has_expansion(self) -> bool:
        """The first 1x1 convolution is there."""
        return self.inner != self.inputs

    @property
    def cell(self) -> AdditiveCell | None:
        """The block as a cell; ``None`` where nothing is added."""
        if not self.is_residual:
            return None
        chain = (self.inner, self.inner) if self.has_expansion else (self.inner,)
        return AdditiveCell(
            widths=(self.inputs, *chain, self.outputs),
            carried=self.inputs,
            is_ratio_one=not self.has_expansion,
        )

    def cost(self, size_in: int) -> Cost:
        """Cost on feature maps of ``size_in`` pixels a side."""
        size = strided(size_in, self.stride)
        expansion = Cost()
        if self.has_expansion:
            expansion = conv(self.inputs, self.inner, kernel=1, size=size_in)
            expansion += batch_norm(self.inner)
        return (
            expansion
            + conv(self.inner, self.inner, kernel=3, size=size, groups=self.inner)
            + conv(self.inner, self.outputs, kernel=1, size=size)
            + batch_norm(self.inner)
            + batch_norm(self.outputs)
        )

    def alive(self, size_in: int) -> Iterator[int]:
        """Values alive while each layer runs, on feature maps of ``size_in`` pixels a side."""
        area_in, area = size_in**2, strided(size_in, self.stride) ** 2
        inputs, outputs, inner = self.inputs * area_in, self.outputs * area, self.inner * area
        kept = inputs if self.is_residual else 0
        if self.has_expansion:
            wide = self.inner * area_in  # before the stride
            yield from (inputs + wide, kept + wide + inner)
        else:
            yield inputs + inner
        yield kept + inner + outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileNetV2(Spec):
    """Inverted residuals after a table of rows.

    Args:
        width_multiplier: Of all widths (key ``wm``); channels are rounded to multiples of 8.
        rows: ``(expansion, channels, blocks, stride of the first)`` for each row, the stride 1 or
            2; the published table unless told.
        stem: ``imagenet`` (stride 2), ``cifar`` or ``mnist`` (stride 1).
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range.

    Source:
        Sandler et al., CVPR 2018; widths and head as torchvision has them.

    Example:
        >>> spec = MobileNetV2(width_multiplier=1.4)
        >>> spec.params, spec.mass
        (6108776, 1807.0)
    """

    family: ClassVar[str] = "mobilenet-v2"
    summary: ClassVar[str] = "inverted residuals, any table of rows"
    example: ClassVar[str] = "mobilenet-v2(wm=1.4)"

    width_multiplier: float = spec_field("wm", Multiplier(), 1, help="width multiplier")
    rows: tuple[tuple[int, int, int, int], ...] = spec_field(
        "rows", Rows(("t", "c", "n", "s")), ROWS, help="expansion, channels, blocks, stride"
    )
    stem: str = spec_field("stem", STEMS, "imagenet", help="imagenet: stride 2; others: stride 1")
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in()
        for number, (_, _, _, stride) in enumerate(self.rows, start=1):
            if stride not in (1, 2):
                raise SpecError(
                    f"{self.family}: the stride of a row must be 1 or 2, got {stride} in row "
                    f"{number} of rows"
                )

    @property
    def stem_channels(self) -> int:
        """32 times the width multiplier."""
        return rounded_channels(32 * self.width_multiplier)

    @property
    def head_channels(self) -> int:
        """1280, more for a width multiplier above 1."""
        return rounded_channels(1280 * max(1.0, self.width_multiplier))

    @property
    def first_size(self) -> int:
        """Side of the feature maps that the blocks get, in pixels."""
        return halved(self.image) if self.stem == "imagenet" else self.image

    @property
    def blocks(self) -> tuple[InvertedResidual, ...]:
        """The blocks, from input to output."""
        blocks, inputs = [], self.stem_channels
        for expansion, channels, count, first_stride in self.rows:
            outputs = rounded_channels(channels * self.width_multiplier)
            for position in range(count):
                stride = first_stride if position == 0 else 1
                blocks.append(
                    InvertedResidual(
                        inputs=inputs, inner=inputs * expansion, outputs=outputs, stride=stride
                    )
                )
                inputs = outputs
        return tuple(blocks)

    @property
    def cells(self) -> tuple[AdditiveCell, ...]:
        """One cell for each block that adds its input."""
        return tuple(block.cell for block in self.blocks if block.cell is not None)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(in_channels, image, image)``."""
        return (self.in_channels, self.image, self.image)

    @property
    def cost(self) -> Cost:
        """Stem, blocks, head; each in closed form."""
        return sum(self._costs(), Cost())

    def _costs(self) -> Iterator[Cost]:
        yield conv(self.in_channels, self.stem_channels, kernel=3, size=self.first_size)
        yield batch_norm(self.stem_channels)
        for block, size in self.sized_blocks:
            yield block.cost(size)
        last = self.blocks[-1].outputs
        yield conv(last, self.head_channels, kernel=1, size=self.last_size)
        yield batch_norm(self.head_channels)
        yield linear(self.head_channels, self.classes)

    @property
    def sized_blocks(self) -> tuple[tuple[InvertedResidual, int], ...]:
        """Each block with the side of the feature maps that it gets, in pixels."""
        return sized(self.blocks, self.first_size)

    @property
    def last_size(self) -> int:
        """Side of the feature maps that the blocks give, in pixels."""
        last, size = self.sized_blocks[-1]
        return strided(size, last.stride)

    def _alive(self) -> Iterator[int]:
        for block, size in self.sized_blocks:
            yield from block.alive(size)
        yield from self._outer_alive()

    def _outer_alive(self) -> Iterator[int]:
        yield self.in_channels * self.image**2 + self.stem_channels * self.first_size**2
        size, head = self.last_size, self.head_channels
        yield (self.blocks[-1].outputs + head) * size**2
        yield from (head * size**2 + head, head + self.classes)
