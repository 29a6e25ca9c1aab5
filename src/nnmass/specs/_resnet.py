"""ResNet, Wide ResNet and ResNeXt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

from nnmass.specs._kinds import Choice, Multiplier, OneOf, Whole
from nnmass.specs._residual import (
    BASIC_STAGES,
    BOTTLENECK_STAGES,
    STEM_HELP,
    STEMS,
    ResidualBlock,
    ResidualSpec,
    classes_field,
    image_field,
    in_field,
    stage_blocks,
)
from nnmass.specs._spec import spec_field

_IMAGENET_DEPTHS = (*BASIC_STAGES, *BOTTLENECK_STAGES)
_CIFAR_DEPTHS = tuple(n for n in range(8, 1203, 6) if n not in _IMAGENET_DEPTHS)
_WIDE_DEPTHS = tuple(range(10, 1205, 6))
_PLANES = (64, 128, 256, 512)


def _stem_default(earlier: Mapping[str, Any]) -> str:
    return "imagenet" if earlier["depth"] in _IMAGENET_DEPTHS else "cifar"


def _shortcut_default(earlier: Mapping[str, Any]) -> str:
    return "projection" if earlier["depth"] in _IMAGENET_DEPTHS else "pad"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNet(ResidualSpec):
    """Residual networks: four stages (18 to 152), or three narrow ones (the CIFAR kind, 6n + 2).

    Args:
        depth: 18, 34, 50, 101 or 152; or 6n + 2 (20, 32, 44, 56, 110, ..) for the CIFAR kind.
        width_multiplier: Of all widths (key ``wm``), 1 unless told.
        shortcut: Where the shape changes: ``projection`` (1x1 convolution; the default of the
            four-stage kind) or ``pad`` (zeros; of the CIFAR kind, as in the paper).
        stem: ``imagenet``, ``cifar`` or ``mnist``.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range.

    Source:
        He, Zhang, Ren, Sun, CVPR 2016; stride on the 3x3 of a bottleneck, as torchvision has it.

    Example:
        >>> spec = ResNet(depth=50)
        >>> spec.params, round(spec.mass, 4)
        (25557032, 9006.9333)
    """

    family: ClassVar[str] = "resnet"
    summary: ClassVar[str] = "residual networks, ImageNet kind (18-152) and CIFAR kind (20-110)"
    example: ClassVar[str] = "resnet(depth=18,stem=cifar)"

    depth: int = spec_field(
        "depth",
        OneOf("18, 34, 50, 101, 152, or 6n + 2 (20, 32, ..)", (*_IMAGENET_DEPTHS, *_CIFAR_DEPTHS)),
        help="weight layers",
    )
    width_multiplier: float = spec_field("wm", Multiplier(), 1, help="width multiplier")
    shortcut: str = spec_field(
        "shortcut",
        Choice(("projection", "pad")),
        _shortcut_default,
        help="where the shape changes: 1x1 convolution, or zeros",
    )
    stem: str = spec_field("stem", STEMS, _stem_default, help=STEM_HELP)
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in()

    @property
    def stem_channels(self) -> int:
        """64, or 16 in the CIFAR kind, times the width multiplier."""
        return self._scaled(64 if self.depth in _IMAGENET_DEPTHS else 16)

    @property
    def blocks(self) -> tuple[ResidualBlock, ...]:
        """Basic blocks, or bottlenecks from depth 50 on in the ImageNet kind."""
        widening = cast(Literal["projection", "pad"], self.shortcut)
        if self.depth in BOTTLENECK_STAGES:
            counts = BOTTLENECK_STAGES[self.depth]
            stages = [
                (self._scaled(p), 4 * self._scaled(p), n)
                for p, n in zip(_PLANES, counts, strict=True)
            ]
            return stage_blocks(
                "bottleneck", inputs=self.stem_channels, stages=stages, widening=widening
            )
        planes = _PLANES if self.depth in BASIC_STAGES else (16, 32, 64)
        per_stage = BASIC_STAGES.get(self.depth) or ((self.depth - 2) // 6,) * 3
        stages = [
            (self._scaled(p), self._scaled(p), n) for p, n in zip(planes, per_stage, strict=True)
        ]
        return stage_blocks("basic", inputs=self.stem_channels, stages=stages, widening=widening)

    def _scaled(self, channels: int) -> int:
        return max(1, round(channels * self.width_multiplier))


def _wide_stem_default(earlier: Mapping[str, Any]) -> str:
    return "imagenet" if earlier["depth"] in BOTTLENECK_STAGES else "cifar"


@dataclass(frozen=True, slots=True, kw_only=True)
class WideResNet(ResidualSpec):
    """Wide ResNets: the CIFAR kind (28-10, pre-activation) and the ImageNet kind (50-2).

    Args:
        depth: 6n + 4 (16, 22, 28, 40, ..) for the CIFAR kind; 50, 101 or 152 for bottlenecks
            whose inner width is multiplied.
        widen: Widening factor, at least 1.
        stem: ``imagenet``, ``cifar`` or ``mnist``.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range.

    Source:
        Zagoruyko and Komodakis, BMVC 2016.

    Example:
        >>> WideResNet(depth=28, widen=10).params
        36479194
        >>> round(WideResNet(depth=50, widen=2).mass, 1)
        10883.2
    """

    family: ClassVar[str] = "wide-resnet"
    summary: ClassVar[str] = "wide residual networks, CIFAR kind (28-10) and ImageNet kind (50-2)"
    example: ClassVar[str] = "wide-resnet(depth=16,widen=4)"

    depth: int = spec_field(
        "depth",
        OneOf("6n + 4 (16, 22, 28, 40, ..), 50, 101 or 152", (*_WIDE_DEPTHS, *BOTTLENECK_STAGES)),
        help="weight layers",
    )
    widen: int = spec_field("widen", Whole(1), help="widening factor")
    stem: str = spec_field("stem", STEMS, _wide_stem_default, help=STEM_HELP)
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in()

    @property
    def stem_channels(self) -> int:
        """64 in the ImageNet kind, 16 in the CIFAR kind."""
        return 64 if self.depth in BOTTLENECK_STAGES else 16

    @property
    def blocks(self) -> tuple[ResidualBlock, ...]:
        """Bottlenecks with a wide middle, or wide pre-activation blocks."""
        if self.depth in BOTTLENECK_STAGES:
            return _bottlenecks(self.depth, [p * self.widen for p in _PLANES])
        count = (self.depth - 4) // 6
        stages = [(p * self.widen, p * self.widen, count) for p in (16, 32, 64)]
        return stage_blocks("pre-activation", inputs=self.stem_channels, stages=stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNeXt(ResidualSpec):
    """ResNets whose bottleneck convolutions are grouped.

    Args:
        depth: 50, 101 or 152.
        groups: Groups of the 3x3 convolution, 32 unless told.
        width: Channels of a group in the first stage, 4 unless told.
        stem: ``imagenet``, ``cifar`` or ``mnist``.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range.

    Source:
        Xie, Girshick, Dollar, Tu, He, CVPR 2017.

    Example:
        >>> spec = ResNeXt(depth=50)
        >>> spec.params, round(spec.mass, 1)
        (25028904, 10883.2)
    """

    family: ClassVar[str] = "resnext"
    summary: ClassVar[str] = "residual networks with grouped bottlenecks"
    example: ClassVar[str] = "resnext(depth=50,groups=32,width=4)"

    depth: int = spec_field(
        "depth", OneOf("50, 101 or 152", tuple(BOTTLENECK_STAGES)), help="weight layers"
    )
    groups: int = spec_field("groups", Whole(1), 32, help="groups of the 3x3 convolution")
    width: int = spec_field("width", Whole(1), 4, help="channels of a group in the first stage")
    stem: str = spec_field("stem", STEMS, "imagenet", help=STEM_HELP)
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in()

    @property
    def stem_channels(self) -> int:
        """Always 64."""
        return 64

    @property
    def blocks(self) -> tuple[ResidualBlock, ...]:
        """Bottlenecks of ``groups * width * 2^stage`` inner channels."""
        inner = [self.groups * self.width * 2**stage for stage in range(4)]
        return _bottlenecks(self.depth, inner, groups=self.groups)


def _bottlenecks(depth: int, inner: list[int], *, groups: int = 1) -> tuple[ResidualBlock, ...]:
    counts = BOTTLENECK_STAGES[depth]
    stages = [(h, 4 * p, n) for h, p, n in zip(inner, _PLANES, counts, strict=True)]
    return stage_blocks("bottleneck", inputs=64, stages=stages, groups=groups)
