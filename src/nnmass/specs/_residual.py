"""Residual networks as data: stem, blocks, head. ResNet, Wide ResNet and ResNeXt are made of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nnmass.errors import SpecError
from nnmass.specs._cost import Cost, batch_norm, conv, halved, linear, strided
from nnmass.specs._kinds import Choice, Whole, WholeList
from nnmass.specs._residual_layout import (
    BlockKind,
    LayoutDepth,
    Layouts,
    StageBlocks,
    weight_layers,
)
from nnmass.specs._spec import Spec, spec_field
from nnmass.topology import AdditiveCell

Shortcut = Literal["identity", "projection", "pad"]

STEMS = Choice(("imagenet", "cifar", "mnist"))
STEM_HELP = "imagenet: 7x7 stride 2 and max pooling; cifar, mnist: 3x3 at full size"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualBlock:
    """One residual block.

    Attributes:
        kind: ``basic`` (two 3x3), ``bottleneck`` (1x1, 3x3, 1x1) or ``pre-activation`` (two 3x3,
            norm and ReLU before each).
        inputs: Channels that come in.
        inner: Channels of the first convolution (of the first two in a bottleneck).
        outputs: Channels that go out.
        stride: Of the 3x3 convolution that carries it.
        groups: Of the 3x3 convolution in a bottleneck.
        shortcut: ``identity``, ``projection`` (1x1 convolution) or ``pad`` (zeros for the new
            channels, every second pixel).
    """

    kind: BlockKind
    inputs: int
    inner: int
    outputs: int
    stride: int
    groups: int = 1
    shortcut: Shortcut = "identity"

    @property
    def cell(self) -> AdditiveCell:
        """The block as a cell."""
        chain = (self.inner, self.inner) if self.kind == "bottleneck" else (self.inner,)
        return AdditiveCell(
            widths=(self.inputs, *chain, self.outputs),
            carried=self.inputs,
            has_projection=self.shortcut == "projection",
        )

    def cost(self, size_in: int) -> Cost:
        """Cost on feature maps of ``size_in`` pixels a side."""
        size = strided(size_in, self.stride)
        shortcut = Cost()
        if self.shortcut == "projection":
            shortcut = conv(self.inputs, self.outputs, kernel=1, size=size)
            if self.kind != "pre-activation":
                shortcut += batch_norm(self.outputs)
        if self.kind == "bottleneck":
            return (
                conv(self.inputs, self.inner, kernel=1, size=size_in)
                + conv(self.inner, self.inner, kernel=3, size=size, groups=self.groups)
                + conv(self.inner, self.outputs, kernel=1, size=size)
                + 2 * batch_norm(self.inner)
                + batch_norm(self.outputs)
                + shortcut
            )
        normed_first = self.inputs if self.kind == "pre-activation" else self.inner
        normed_second = self.inner if self.kind == "pre-activation" else self.outputs
        return (
            conv(self.inputs, self.inner, kernel=3, size=size)
            + conv(self.inner, self.outputs, kernel=3, size=size)
            + batch_norm(normed_first)
            + batch_norm(normed_second)
            + shortcut
        )

    def alive(self, size_in: int) -> Iterator[int]:
        """Values alive while each layer runs, on feature maps of ``size_in`` pixels a side."""
        area_in, area = size_in**2, strided(size_in, self.stride) ** 2
        inputs, outputs = self.inputs * area_in, self.outputs * area
        inner = self.inner * area
        if self.kind == "bottleneck":
            wide = self.inner * area_in  # before the stride
            yield from (inputs + wide, inputs + wide + inner, inputs + inner + outputs)
        elif self.kind == "pre-activation" and self.shortcut == "projection":  # runs first
            yield from (inputs + outputs, inputs + outputs + inner, inner + 2 * outputs)
            return
        else:
            yield from (inputs + inner, inputs + inner + outputs)
        if self.shortcut == "projection":
            yield inputs + 2 * outputs


def stage_blocks(
    kind: BlockKind,
    *,
    inputs: int,
    stages: Sequence[tuple[int, int, int]],
    groups: int = 1,
    widening: Literal["projection", "pad"] = "projection",
) -> tuple[ResidualBlock, ...]:
    """The blocks of ``stages``, each ``(inner, outputs, number of blocks)``.

    Every stage but the first starts with stride 2. Where a block changes the shape, its shortcut
    is ``widening``.
    """
    blocks = []
    for index, (inner, outputs, count) in enumerate(stages):
        for position in range(count):
            stride = 2 if index and not position else 1
            same = stride == 1 and inputs == outputs
            blocks.append(
                ResidualBlock(
                    kind=kind,
                    inputs=inputs,
                    inner=inner,
                    outputs=outputs,
                    stride=stride,
                    groups=groups,
                    shortcut="identity" if same else widening,
                )
            )
            inputs = outputs
    return tuple(blocks)


def channels_default(earlier: Mapping[str, Any]) -> int:
    """Image channels of a stem."""
    return 1 if earlier["stem"] == "mnist" else 3


def image_default(earlier: Mapping[str, Any]) -> int:
    """Image side of a stem."""
    return {"imagenet": 224, "cifar": 32, "mnist": 28}[earlier["stem"]]


def classes_default(earlier: Mapping[str, Any]) -> int:
    """Outputs that go with a stem."""
    return 1000 if earlier["stem"] == "imagenet" else 10


def stem_by_stages(earlier: Mapping[str, Any]) -> str:
    """The stem that goes with so many stages."""
    return "imagenet" if len(earlier["blocks"]) == 4 else "cifar"


def blocks_field(stages: tuple[int, ...], default: Callable[[Mapping[str, Any]], object]) -> Any:
    """The field ``blocks``, of one of these numbers of stages."""
    return spec_field("blocks", StageBlocks(stages), default, help="blocks of each stage")


def depth_field(layouts: Layouts) -> Any:
    """The field ``depth``, which ``blocks`` may tell."""
    kind = LayoutDepth(rule=layouts.rule)
    return spec_field("depth", kind, unless="blocks", help="weight layers (or give blocks)")


def in_field() -> Any:
    """The field ``in``."""
    return spec_field("in", Whole(1), channels_default, help="channels of the image")


def image_field() -> Any:
    """The field ``image``."""
    return spec_field("image", Whole(1), image_default, help="side of the image in pixels")


def classes_field() -> Any:
    """The field ``classes``."""
    return spec_field("classes", Whole(1), classes_default, help="outputs")


class ResidualSpec(Spec):
    """What the residual families share: stem, blocks, global average pooling, linear head."""

    __slots__ = ()
    depth: int
    blocks: tuple[int, ...]
    stem: str
    in_channels: int
    image: int
    classes: int

    @property
    @abstractmethod
    def stem_channels(self) -> int:
        """Channels that the stem gives."""

    @property
    @abstractmethod
    def residual_blocks(self) -> tuple[ResidualBlock, ...]:
        """The blocks, from input to output."""

    @abstractmethod
    def _block_kind(self, blocks: tuple[int, ...]) -> BlockKind:
        """Kind of the blocks where the stages have so many, as far as it is told.

        Raises:
            ValueError: What tells it is wrong.
        """

    def _fill_in(self) -> None:
        """The same; ``blocks`` tell the depth where it is not given, and must not contradict it.

        Raises:
            SpecError: They do, or a field is missing or out of range.
        """
        if self.depth is None and self.blocks is not None:
            object.__setattr__(self, "depth", self._told_depth())
        Spec._fill_in(self)
        kind = self._block_kind(self.blocks)
        depth = weight_layers(kind, self.blocks)
        if self.depth != depth:
            raise SpecError(
                f"{self.family}: depth={self.depth} contradicts "
                f"blocks={WholeList(1).show(self.blocks)}, which have {depth} weight layers as "
                f"{kind} blocks; leave one of the two out"
            )

    def _told_depth(self) -> int:
        """Weight layers of what was given for the blocks."""
        try:
            blocks = WholeList(1).check(self.blocks)
            return weight_layers(self._block_kind(blocks), blocks)
        except (ValueError, TypeError, OverflowError):
            return 1  # what is wrong with them is told with the other faults

    @property
    def is_preactivated(self) -> bool:
        """Norm and ReLU stand before the convolutions, and once more before the head."""
        return self.residual_blocks[0].kind == "pre-activation"

    @property
    def cells(self) -> tuple[AdditiveCell, ...]:
        """One cell a block."""
        return tuple(block.cell for block in self.residual_blocks)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(in_channels, image, image)``."""
        return (self.in_channels, self.image, self.image)

    @property
    def cost(self) -> Cost:
        """Stem, blocks, head; each in closed form."""
        return sum(self._costs(), Cost())

    def _costs(self) -> Iterator[Cost]:
        size, kernel = self.image, 3
        if self.stem == "imagenet":
            size, kernel = halved(size), 7
        yield conv(self.in_channels, self.stem_channels, kernel=kernel, size=size)
        if self.stem == "imagenet":
            size = halved(size)
        for block in self.residual_blocks:
            yield block.cost(size)
            size = strided(size, block.stride)
        last = self.residual_blocks[-1].outputs
        yield batch_norm(last if self.is_preactivated else self.stem_channels)
        yield linear(last, self.classes)

    def _alive(self) -> Iterator[int]:
        is_imagenet = self.stem == "imagenet"
        size, stem = self.image, self.stem_channels
        before, size = size, halved(size) if is_imagenet else size
        yield self.in_channels * before**2 + stem * size**2
        if is_imagenet:
            before, size = size, halved(size)
            yield stem * (before**2 + size**2)
        for block in self.residual_blocks:
            yield from block.alive(size)
            size = strided(size, block.stride)
        last = self.residual_blocks[-1].outputs
        yield from (last * size**2 + last, last + self.classes)
