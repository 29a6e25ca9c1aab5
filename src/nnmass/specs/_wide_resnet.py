"""Wide ResNet."""

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
    stem_by_stages,
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
    rule="6n + 4 (16, 22, 28, 40, ..), 50, 101 or 152",
    published={"bottleneck": BOTTLENECK_STAGES},
    equal="pre-activation",
    instead="blocks instead, such as blocks=2/3/2",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WideResNet(ResidualSpec):
    """Wide ResNets: the CIFAR kind (28-10, pre-activation) and the ImageNet kind (50-2).

    Args:
        depth: 6n + 4 (16, 22, 28, 40, ..) for the CIFAR kind; 50, 101 or 152 for bottlenecks
            whose inner width is multiplied. Left out, ``blocks`` tell it: two a block and four,
            or three a bottleneck and two.
        widen: Widening factor, at least 1.
        blocks: Blocks of each stage, 1 to 1000: three stages are the CIFAR kind, four the
            ImageNet kind. Left out, ``depth`` tells them.
        stem: ``imagenet``, ``cifar`` or ``mnist``; of three stages ``cifar`` unless told.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range, or depth and blocks contradict each other.

    Source:
        Zagoruyko and Komodakis, BMVC 2016.

    Example:
        >>> WideResNet(depth=28, widen=10).params
        36479194
        >>> round(WideResNet(depth=50, widen=2).mass, 1)
        10883.2
        >>> str(WideResNet(widen=4, blocks=(2, 2, 2))), WideResNet(widen=4, blocks=(2, 3, 2)).depth
        ('wide-resnet(depth=16,widen=4)', 18)
    """

    family: ClassVar[str] = "wide-resnet"
    summary: ClassVar[str] = (
        "wide residual networks, CIFAR kind (28-10), ImageNet kind (50-2), any blocks"
    )
    example: ClassVar[str] = "wide-resnet(depth=16,widen=4)"

    depth: int = depth_field(_LAYOUTS)
    widen: int = spec_field("widen", Whole(1), help="widening factor")
    blocks: tuple[int, ...] = blocks_field((3, 4), _LAYOUTS.blocks)
    stem: str = spec_field("stem", STEMS, stem_by_stages, help=STEM_HELP)
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in_layout()

    def _block_kind(self, blocks: tuple[int, ...]) -> BlockKind:
        return "bottleneck" if len(blocks) == 4 else "pre-activation"

    @property
    def stem_channels(self) -> int:
        """64 in the ImageNet kind, 16 in the CIFAR kind."""
        return PLANES[len(self.blocks)][0]

    @property
    def residual_blocks(self) -> tuple[ResidualBlock, ...]:
        """Bottlenecks with a wide middle, or wide pre-activation blocks."""
        kind = self._block_kind(self.blocks)
        stages = [
            (p * self.widen, 4 * p if kind == "bottleneck" else p * self.widen, n)
            for p, n in zip(PLANES[len(self.blocks)], self.blocks, strict=True)
        ]
        return stage_blocks(kind, inputs=self.stem_channels, stages=stages)
