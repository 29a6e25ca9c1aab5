"""ResNet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

from nnmass.errors import SpecError
from nnmass.specs._kinds import Choice, Multiplier, WholeList
from nnmass.specs._residual import (
    STEM_HELP,
    STEMS,
    ResidualSpec,
    classes_field,
    image_field,
    in_field,
    stem_by_stages,
)
from nnmass.specs._residual_block import ResidualBlock, stage_blocks
from nnmass.specs._residual_layout import (
    BASIC_STAGES,
    BOTTLENECK_STAGES,
    PLANES,
    BlockKind,
    Layouts,
    blocks_field,
    depth_field,
)
from nnmass.specs._spec import spec_field

_LAYOUTS = Layouts(
    rule="18, 34, 50, 101, 152, or 6n + 2 (20, 32, ..)",
    published={"basic": BASIC_STAGES, "bottleneck": BOTTLENECK_STAGES},
    equal="basic",
    instead="block and blocks instead, such as block=bottleneck,blocks=2/3/4/2",
)
_KINDS = Choice(("basic", "bottleneck"))


def _block_default(earlier: Mapping[str, Any]) -> str:
    return _LAYOUTS.of(earlier["depth"])[0]


def _blocks_default(earlier: Mapping[str, Any]) -> tuple[int, ...]:
    kind, blocks = _LAYOUTS.of(earlier["depth"])
    if kind != earlier["block"]:
        raise SpecError(
            f"block={earlier['block']} contradicts depth={earlier['depth']}, which stands for "
            f"{WholeList(1).show(blocks)} {kind} blocks; leave block out, or give blocks instead "
            "of depth"
        )
    return blocks


def _shortcut_default(earlier: Mapping[str, Any]) -> str:
    return "projection" if len(earlier["blocks"]) == 4 else "pad"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNet(ResidualSpec):
    """Residual networks: four stages (18 to 152), or three narrow ones (the CIFAR kind, 6n + 2).

    Args:
        depth: Weight layers: 18, 34, 50, 101 or 152; or 6n + 2 (20, 32, 44, 56, 110, ..) for the
            CIFAR kind of n/n/n basic blocks. Left out, ``blocks`` tell it: two a basic block,
            three a bottleneck, and two.
        block: ``basic`` (two 3x3) or ``bottleneck`` (1x1, 3x3, 1x1). ``depth`` tells it; beside
            ``blocks`` it must be given, since both kinds may have the same blocks.
        blocks: Blocks of each stage, 1 to 1000: four of 64/128/256/512 channels, or three of
            16/32/64; a bottleneck gives out four times as many. Left out, ``depth`` tells them.
        width_multiplier: Of all widths (key ``wm``), 1 unless told.
        shortcut: Where the shape changes: ``projection`` (1x1 convolution; the default of the
            four-stage kind) or ``pad`` (zeros; of the CIFAR kind, as in the paper).
        stem: ``imagenet``, ``cifar`` or ``mnist``; of three stages ``cifar`` unless told.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range, or depth and blocks contradict each other.

    Source:
        He, Zhang, Ren, Sun, CVPR 2016; stride on the 3x3 of a bottleneck, as torchvision has it.
        Bottlenecks in three stages are those of the same authors at ECCV 2016 (ResNet-164 is
        18/18/18), with norm and ReLU behind the convolutions ("original" there).

    Example:
        >>> spec = ResNet(depth=50)
        >>> spec.params, round(spec.mass, 4), spec.block, spec.blocks
        (25557032, 9006.9333, 'bottleneck', (3, 4, 6, 3))
        >>> smaller = ResNet(block="bottleneck", blocks=(2, 3, 4, 2))
        >>> str(smaller), smaller.depth, smaller.params
        ('resnet(block=bottleneck,blocks=2/3/4/2)', 35, 18509608)
        >>> str(ResNet(block="basic", blocks=(2, 2, 2, 2)))
        'resnet(depth=18)'
    """

    family: ClassVar[str] = "resnet"
    summary: ClassVar[str] = "residual networks, ImageNet kind (18-152), CIFAR kind (20-110), any"
    example: ClassVar[str] = "resnet(depth=18,stem=cifar)"

    depth: int = depth_field(_LAYOUTS)
    block: Literal["basic", "bottleneck"] = spec_field(
        "block",
        _KINDS,
        _block_default,
        beside="blocks",
        help="kind of the blocks (needed with blocks)",
    )
    blocks: tuple[int, ...] = blocks_field((3, 4), _blocks_default)
    width_multiplier: float = spec_field("wm", Multiplier(), 1, help="width multiplier")
    shortcut: str = spec_field(
        "shortcut",
        Choice(("projection", "pad")),
        _shortcut_default,
        help="where the shape changes: 1x1 convolution, or zeros",
    )
    stem: str = spec_field("stem", STEMS, stem_by_stages, help=STEM_HELP)
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in_layout()

    def _block_kind(self, blocks: tuple[int, ...]) -> BlockKind:
        return cast(BlockKind, _KINDS.check(self.block))

    @property
    def stem_channels(self) -> int:
        """64, or 16 in the CIFAR kind, times the width multiplier."""
        return self._scaled(PLANES[len(self.blocks)][0])

    @property
    def residual_blocks(self) -> tuple[ResidualBlock, ...]:
        """Basic blocks or bottlenecks, from input to output."""
        planes = [self._scaled(channels) for channels in PLANES[len(self.blocks)]]
        wider = 4 if self.block == "bottleneck" else 1
        return stage_blocks(
            self.block,
            inputs=self.stem_channels,
            stages=[(p, wider * p, n) for p, n in zip(planes, self.blocks, strict=True)],
            widening=cast(Literal["projection", "pad"], self.shortcut),
        )

    def _scaled(self, channels: int) -> int:
        return max(1, round(channels * self.width_multiplier))
