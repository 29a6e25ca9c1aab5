"""Residual networks as data: stem, blocks, head. ResNet, Wide ResNet and ResNeXt are made of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from nnmass.errors import SpecError
from nnmass.specs._cost import Cost, batch_norm, conv, halved, linear, sized, strided
from nnmass.specs._kinds import Choice, Whole, WholeList
from nnmass.specs._residual_block import ResidualBlock
from nnmass.specs._residual_layout import BlockKind, weight_layers
from nnmass.specs._spec import Spec, spec_field
from nnmass.topology import AdditiveCell

STEMS = Choice(("imagenet", "cifar", "mnist"))
STEM_HELP = "imagenet: 7x7 stride 2 and max pooling; cifar, mnist: 3x3 at full size"


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

    def _fill_in_layout(self) -> None:
        """`_fill_in`; ``blocks`` tell the depth where it is not given, and must not contradict it.

        Raises:
            SpecError: They do, or a field is missing or out of range.
        """
        if self.depth is None and self.blocks is not None:
            object.__setattr__(self, "depth", self._told_depth())
        self._fill_in()
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
        size, kernel = (halved(self.image), 7) if self.stem == "imagenet" else (self.image, 3)
        yield conv(self.in_channels, self.stem_channels, kernel=kernel, size=size)
        for block, size in self.sized_blocks:
            yield block.cost(size)
        last = self.residual_blocks[-1].outputs
        yield batch_norm(last if self.is_preactivated else self.stem_channels)
        yield linear(last, self.classes)

    @property
    def first_size(self) -> int:
        """Side of the feature maps that the blocks get, in pixels."""
        return halved(halved(self.image)) if self.stem == "imagenet" else self.image

    @property
    def sized_blocks(self) -> tuple[tuple[ResidualBlock, int], ...]:
        """Each block with the side of the feature maps that it gets, in pixels."""
        return sized(self.residual_blocks, self.first_size)

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
        is_imagenet = self.stem == "imagenet"
        size, stem = self.image, self.stem_channels
        before, size = size, halved(size) if is_imagenet else size
        yield self.in_channels * before**2 + stem * size**2
        if is_imagenet:
            before, size = size, halved(size)
            yield stem * (before**2 + size**2)
        last = self.residual_blocks[-1].outputs
        yield from (last * self.last_size**2 + last, last + self.classes)
