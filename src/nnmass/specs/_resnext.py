"""ResNeXt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnmass.specs._kinds import Whole
from nnmass.specs._residual import (
    STEM_HELP,
    STEMS,
    ResidualSpec,
    classes_field,
    image_field,
    in_field,
)
from nnmass.specs._residual_block import ResidualBlock, stage_blocks
from nnmass.specs._residual_layout import (
    BOTTLENECK_STAGES,
    PLANES,
    BlockKind,
    Layouts,
    blocks_field,
    depth_field,
)
from nnmass.specs._spec import spec_field

_LAYOUTS = Layouts(
    rule="50, 101 or 152",
    published={"bottleneck": BOTTLENECK_STAGES},
    instead="blocks instead, such as blocks=2/3/4/2",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNeXt(ResidualSpec):
    """ResNets whose bottleneck convolutions are grouped.

    Args:
        depth: 50, 101 or 152. Left out, ``blocks`` tell it: three a block, and two.
        blocks: Blocks of each of the four stages, 1 to 1000. Left out, ``depth`` tells them.
        groups: Groups of the 3x3 convolution, 32 unless told.
        width: Channels of a group in the first stage, 4 unless told.
        stem: ``imagenet``, ``cifar`` or ``mnist``.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range, or depth and blocks contradict each other.

    Source:
        Xie, Girshick, Dollar, Tu, He, CVPR 2017.

    Example:
        >>> spec = ResNeXt(depth=50)
        >>> spec.params, round(spec.mass, 1)
        (25028904, 10883.2)
        >>> str(ResNeXt(blocks=(3, 4, 6, 3))), str(ResNeXt(blocks=(2, 3, 4, 2), width=8))
        ('resnext(depth=50)', 'resnext(blocks=2/3/4/2,width=8)')
    """

    family: ClassVar[str] = "resnext"
    summary: ClassVar[str] = "residual networks with grouped bottlenecks (50-152), any blocks"
    example: ClassVar[str] = "resnext(depth=50,groups=32,width=4)"

    depth: int = depth_field(_LAYOUTS)
    blocks: tuple[int, ...] = blocks_field((4,), _LAYOUTS.blocks)
    groups: int = spec_field("groups", Whole(1), 32, help="groups of the 3x3 convolution")
    width: int = spec_field("width", Whole(1), 4, help="channels of a group in the first stage")
    stem: str = spec_field("stem", STEMS, "imagenet", help=STEM_HELP)
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in_layout()

    def _block_kind(self, blocks: tuple[int, ...]) -> BlockKind:
        return "bottleneck"

    @property
    def stem_channels(self) -> int:
        """Always 64."""
        return PLANES[4][0]

    @property
    def residual_blocks(self) -> tuple[ResidualBlock, ...]:
        """Bottlenecks of ``groups * width * 2^stage`` inner channels."""
        inner = [self.groups * self.width * 2**stage for stage in range(4)]
        stages = [(h, 4 * p, n) for h, p, n in zip(inner, PLANES[4], self.blocks, strict=True)]
        return stage_blocks(
            "bottleneck", inputs=self.stem_channels, stages=stages, groups=self.groups
        )
