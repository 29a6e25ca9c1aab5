"""DenseNet: dense blocks with transitions between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nnmass.errors import SpecError
from nnmass.specs._cost import Cost, batch_norm, conv, halved, linear
from nnmass.specs._dense_block_cost import block_cost, compressed, transition_cost
from nnmass.specs._kinds import Share, Whole, WholeList
from nnmass.specs._residual import STEM_HELP, STEMS, classes_field, image_field, in_field
from nnmass.specs._spec import Spec, spec_field
from nnmass.topology import DenseBlock

LAYOUTS = {
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
}
"""Layers of each block in the published networks for ImageNet, by their depth."""

_DEPTH_RULE = (
    "121, 161, 169 or 201, or that of three equal blocks of n layers: 6n + 4 (40, 100, 190, ..), "
    "3n + 4 without bottleneck"
)


def weight_layers(blocks: Sequence[int], bottleneck: int) -> int:
    """Depth of a DenseNet: stem, layers, transitions, classifier."""
    return sum(blocks) * (2 if bottleneck else 1) + len(blocks) + 1


def _layout(depth: int, bottleneck: int) -> tuple[int, ...] | None:
    """The blocks that a depth alone tells; ``None`` where it tells none."""
    if bottleneck and depth in LAYOUTS:
        return LAYOUTS[depth]
    count, rest = divmod(depth - 4, 6 if bottleneck else 3)
    return None if rest or count < 1 else (count,) * 3


def _blocks_default(earlier: Mapping[str, Any]) -> tuple[int, ...]:
    layout = _layout(earlier["depth"], earlier["bottleneck"])
    if layout is None:
        raise SpecError(
            f"depth must be {_DEPTH_RULE}, got {earlier['depth']}; or give blocks instead, such "
            "as blocks=6/12/24/16"
        )
    return layout


def _growth_default(earlier: Mapping[str, Any]) -> int:
    return 48 if earlier["blocks"] == LAYOUTS[161] else 32


def _compression_default(earlier: Mapping[str, Any]) -> float:
    return 0.5 if earlier["bottleneck"] else 1


def _stem_default(earlier: Mapping[str, Any]) -> str:
    return "cifar" if len(earlier["blocks"]) == 3 else "imagenet"


def _first_default(earlier: Mapping[str, Any]) -> int:
    is_bc = earlier["bottleneck"] and earlier["compression"] < 1
    return 2 * earlier["growth"] if is_bc or earlier["stem"] == "imagenet" else 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseNet(Spec):
    """Dense blocks: every layer reads all layers before it in its block.

    A layer is batch norm, ReLU, 1x1 convolution to ``bottleneck * growth`` channels, batch norm,
    ReLU, 3x3 convolution to ``growth`` channels; without the bottleneck the last three. Between
    two blocks stands a transition: batch norm, ReLU, 1x1 convolution to ``compression`` of the
    channels, 2x2 average pooling. Batch norm, ReLU, global average pooling and a linear layer end
    the network.

    Each block, with the convolution before it and the layer behind it, is one cell of the general
    rule; `nnmass.topology.DenseBlock` derives its mass. With c channels in, growth k, n layers,
    h = bottleneck * k, s = 2 with a bottleneck and 1 without, and A = 2 c + k (n - 1):

        mass = sum over blocks of A (s n + 2) (c + n (h + k)) / ((s A + 2 h n) (s n + 1))

    Args:
        depth: Weight layers: 121, 161, 169 or 201 (four published blocks), or 6n + 4 for three
            blocks of n layers (3n + 4 without bottleneck). Left out, ``blocks`` tell it.
        bottleneck: Channels of the 1x1 over ``growth``, 4 unless told; 0: no 1x1 in the layers.
        blocks: Layers of each block. Left out, ``depth`` tells them.
        growth: Channels that each layer adds; 32 unless told, 48 for depth 161.
        compression: Share of its channels that a transition keeps, rounded down; 0.5 unless told,
            1 without bottleneck.
        stem: ``imagenet``, ``cifar`` or ``mnist``; of three blocks ``cifar`` unless told.
        first: Channels of the first convolution; ``2 * growth`` unless told, 16 for small images
            where bottleneck or compression is missing.
        in_channels: Channels of the image (key ``in``).
        image: Side of the image in pixels.
        classes: Outputs.

    Raises:
        SpecError: A field is missing or out of range, depth and blocks contradict each other, or
            the image is too small for the number of blocks.

    Source:
        Huang, Liu, van der Maaten, Weinberger, CVPR 2017 (arXiv:1608.06993). Without its dropout
        of 0.2 for unaugmented data.

    Example:
        >>> spec = DenseNet(depth=121)
        >>> spec.params, round(spec.mass, 2), spec.blocks
        (7978856, 1726.19, (6, 12, 24, 16))
        >>> str(DenseNet(growth=12, blocks=(16, 16, 16))), str(DenseNet(blocks=(6, 6, 8, 6)))
        ('densenet(depth=100,growth=12)', 'densenet(blocks=6/6/8/6)')
        >>> DenseNet(depth=40, bottleneck=0, growth=12).params  # the first of the paper
        1019722
    """

    family: ClassVar[str] = "densenet"
    summary: ClassVar[str] = "dense blocks, ImageNet kind (121-201), CIFAR kind (40, 100), any"
    example: ClassVar[str] = "densenet(depth=121)"

    depth: int = spec_field(
        "depth", Whole(1), unless="blocks", help="weight layers (or give blocks)"
    )
    bottleneck: int = spec_field(
        "bottleneck", Whole(0), 4, help="1x1 channels over growth; 0: plain layers"
    )
    blocks: tuple[int, ...] = spec_field(
        "blocks", WholeList(1), _blocks_default, help="layers of each block"
    )
    growth: int = spec_field(
        "growth", Whole(1), _growth_default, help="channels that each layer adds"
    )
    compression: float = spec_field(
        "compression", Share(), _compression_default, help="share that a transition keeps"
    )
    stem: str = spec_field("stem", STEMS, _stem_default, help=STEM_HELP)
    first: int = spec_field("first", Whole(1), _first_default, help="channels of the stem")
    in_channels: int = in_field()
    image: int = image_field()
    classes: int = classes_field()

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        if self.depth is None and self.blocks is not None:
            object.__setattr__(self, "depth", self._told_depth())
        self._fill_in()
        depth = weight_layers(self.blocks, self.bottleneck)
        if self.depth != depth:
            blocks = "/".join(map(str, self.blocks))
            raise SpecError(
                f"densenet: depth={self.depth} contradicts blocks={blocks}, which have {depth} "
                "weight layers; leave one of the two out"
            )
        self._check_image()

    def _told_depth(self) -> int:
        """Weight layers of what was given for the blocks."""
        try:
            blocks = WholeList(1).check(self.blocks)
            bottleneck = 4 if self.bottleneck is None else Whole(0).check(self.bottleneck)
        except (ValueError, TypeError, OverflowError):
            return 1  # what is wrong with them is told with the other faults
        return weight_layers(blocks, bottleneck)

    def _check_image(self) -> None:
        smallest = 2 ** (len(self.blocks) - 1)
        smallest = 4 * smallest - 3 if self.stem == "imagenet" else smallest
        if self.image < smallest:
            raise SpecError(
                f"densenet: image must be at least {smallest} pixels for {len(self.blocks)} blocks "
                f"behind the stem {self.stem}, got {self.image}: each transition halves the side; "
                f"give image={smallest} or more, or fewer blocks"
            )

    @property
    def cells(self) -> tuple[DenseBlock, ...]:
        """One cell a block."""
        cells, inputs = list[DenseBlock](), self.first
        inner = self.bottleneck * self.growth
        for layers in self.blocks:
            cells.append(DenseBlock(inputs=inputs, growth=self.growth, layers=layers, inner=inner))
            inputs = compressed(cells[-1].outputs, self.compression)
        return tuple(cells)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Side of the feature maps of each block, in pixels."""
        side = halved(halved(self.image)) if self.stem == "imagenet" else self.image
        return tuple(side >> index for index in range(len(self.blocks)))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(in_channels, image, image)``."""
        return (self.in_channels, self.image, self.image)

    @property
    def cost(self) -> Cost:
        """Stem, blocks, transitions, head; each in closed form."""
        return sum(self._costs(), Cost())

    @property
    def stem_cost(self) -> Cost:
        """What stands before the first block."""
        if self.stem == "imagenet":
            stem = conv(self.in_channels, self.first, kernel=7, size=halved(self.image))
            return stem + batch_norm(self.first)
        return conv(self.in_channels, self.first, kernel=3, size=self.image)

    def _costs(self) -> Iterator[Cost]:
        yield self.stem_cost
        cells, sizes = self.cells, self.sizes
        for cell, size in zip(cells, sizes, strict=True):
            yield block_cost(cell, size=size)
        for cell, following, size in zip(cells, cells[1:], sizes, strict=False):
            yield transition_cost(cell.outputs, following.inputs, size=size)
        yield batch_norm(cells[-1].outputs)
        yield linear(cells[-1].outputs, self.classes)

    def _alive(self) -> Iterator[int]:
        yield from self._outer_alive()
        cells, sizes = self.cells, self.sizes
        for cell, size in zip(cells, sizes, strict=True):  # the last layer has most around it
            yield (cell.outputs + cell.inner) * size**2
        for cell, following, size in zip(cells, cells[1:], sizes, strict=False):
            yield (cell.outputs + following.inputs) * size**2
            yield following.inputs * (size**2 + (size // 2) ** 2)
        last = cells[-1].outputs
        yield from (last * sizes[-1] ** 2 + last, last + self.classes)

    def _outer_alive(self) -> Iterator[int]:
        """Of the stem: what the head reads hangs on the blocks."""
        if self.stem == "imagenet":
            halfway = halved(self.image)
            yield self.in_channels * self.image**2 + self.first * halfway**2
            yield self.first * (halfway**2 + self.sizes[0] ** 2)
        else:
            yield (self.in_channels + self.first) * self.image**2
