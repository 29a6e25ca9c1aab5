"""The dense CNN and its depthwise kind: cells of convolutions with concatenation skips."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nnmass.errors import SpecError
from nnmass.specs._cost import Cost, batch_norm, conv, linear, strided
from nnmass.specs._dense_memory import most_kept_channels
from nnmass.specs._kinds import CellDepths, Whole, WholeList
from nnmass.specs._spec import Spec, spec_field
from nnmass.topology import Cell

FIRST_WIDTH = 16
"""Channels of the first cell at width multiplier 1; every further cell has twice as many."""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell of a dense CNN, where it stands, and its affine cost.

    Attributes:
        cell: Width, depth, link cap.
        inputs: Channels that come into the cell.
        size: Side of its feature maps, in pixels.
        size_in: Side of the feature maps that come in.
        stride: Of its first convolution.
        is_separable: Its convolutions (but the network's first) are 1x1, depthwise, 1x1.
        base: Cost without any link.
        per_link: Cost of every link.
    """

    cell: Cell
    inputs: int
    size: int
    size_in: int
    stride: int
    is_separable: bool
    base: Cost
    per_link: Cost

    @property
    def cost(self) -> Cost:
        """Cost of the cell with its links."""
        return self.base + self.cell.links * self.per_link

    @property
    def first_alive(self) -> int:
        """Values alive at the most while the first layer runs."""
        w, outputs = self.cell.width, self.cell.width * self.size**2
        if self.is_separable and self.stride == 2:  # the 1x1 before the stride is the largest
            return max((self.inputs + w) * self.size_in**2, w * self.size_in**2 + outputs)
        return self.inputs * self.size_in**2 + outputs

    def alive(self, link_caps: Any) -> Any:
        """Values alive at the most while any layer runs, at worst, with these link caps.

        Args:
            link_caps: One instead of the cell's, or an int64 array of them.

        Returns:
            A number, or one for each link cap, that never falls with it.
        """
        w = self.cell.width
        later = (most_kept_channels(w, self.cell.depth, link_caps) + 2 * w) * self.size**2
        if isinstance(link_caps, int):
            return max(self.first_alive, later)
        return later.clip(min=self.first_alive)


def _image_default(earlier: Mapping[str, Any]) -> int:
    return 28 if earlier["in"] == 1 else 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseConvSpec(Spec):
    """What the dense CNNs share: the fields, the places of the cells, the head.

    Args:
        width_multiplier: Of all widths (key ``wm``): cell c (from 0) has
            ``16 * width_multiplier * 2^c`` channels.
        depths: Layers of each cell, or one number for all (key ``d``).
        link_caps: Link cap of each cell; its length is the number of cells (key ``t``).
        in_channels: Channels of the image (key ``in``), 3 unless told.
        image: Side of the image in pixels: 32, or 28 for one channel, unless told.
        classes: Outputs, 10 unless told.

    Raises:
        SpecError: A field is missing or out of range, the lists differ in length, or the image
            is too small for the number of cells.
    """

    width_multiplier: int = spec_field("wm", Whole(1), help="width multiplier")
    depths: tuple[int, ...] = spec_field("d", CellDepths(3), help="layers of a cell")
    link_caps: tuple[int, ...] = spec_field("t", WholeList(0), help="link cap of each cell")
    in_channels: int = spec_field("in", Whole(1), 3, help="channels of the image")
    image: int = spec_field("image", Whole(1), _image_default, help="side of the image in pixels")
    classes: int = spec_field("classes", Whole(1), 10, help="outputs")

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in()
        if len(self.depths) == 1:
            object.__setattr__(self, "depths", self.depths * len(self.link_caps))
        if len(self.depths) != len(self.link_caps):
            raise SpecError(
                f"{self.family}: d has {len(self.depths)} entries and t has "
                f"{len(self.link_caps)}: give t one entry for each cell, and d either one for "
                "each or a single one for all"
            )
        n_cells = len(self.link_caps)
        smallest = 2 ** (n_cells - 1) + 1
        if self.image < smallest:
            raise SpecError(
                f"{self.family}: image must be at least {smallest} pixels for {n_cells} cells, "
                f"got {self.image}: every cell after the first halves the side, and the head "
                "pools 2x2"
            )

    @staticmethod
    @abstractmethod
    def plan_cell(cell: Cell, *, inputs: int, size_in: int, stride: int) -> CellPlan:
        """The cost of ``cell`` behind ``inputs`` channels of ``size_in`` pixels.

        Args:
            cell: What is priced.
            inputs: Channels that come in.
            size_in: Side of the feature maps that come in.
            stride: Of the cell's first layer, in pixels: 1 where the network starts, else 2.
        """

    @property
    def plans(self) -> tuple[CellPlan, ...]:
        """The cells with their places and affine costs."""
        plans, inputs, size = list[CellPlan](), self.in_channels, self.image
        for index, (depth, cap) in enumerate(zip(self.depths, self.link_caps, strict=True)):
            cell = Cell(FIRST_WIDTH * self.width_multiplier * 2**index, depth, cap)
            stride = 1 if index == 0 else 2
            plans.append(self.plan_cell(cell, inputs=inputs, size_in=size, stride=stride))
            inputs, size = cell.width, plans[-1].size
        return tuple(plans)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells, from input to output."""
        return tuple(plan.cell for plan in self.plans)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(in_channels, image, image)``."""
        return (self.in_channels, self.image, self.image)

    @property
    def head_inputs(self) -> int:
        """Features that the linear head reads."""
        last = self.plans[-1]
        return last.cell.width * (last.size // 2) ** 2

    @property
    def cost(self) -> Cost:
        """Closed form, affine in the links of each cell."""
        return sum((plan.cost for plan in self.plans), linear(self.head_inputs, self.classes))

    def _alive(self) -> Iterator[int]:
        plans = self.plans
        yield from (plan.alive(plan.cell.link_cap) for plan in plans)
        yield from self._outer_alive()

    def _outer_alive(self) -> Iterator[int]:
        last = self.plans[-1]
        yield last.cell.width * last.size**2 + self.head_inputs
        yield self.head_inputs + self.classes


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseCNN(DenseConvSpec):
    """Cells of 3x3 convolutions with random concatenation skips; a linear head.

    Cell c (from 0) has ``16 * width_multiplier * 2^c`` channels; every cell after the first
    halves the feature maps. Layers 0 and 1 of a cell are convolution, batch norm; the later ones
    batch norm of the concatenation, ReLU, convolution. The head pools 2x2 and is linear.

    Args:
        width_multiplier: Of all widths (key ``wm``).
        depths: Layers of each cell, or one number for all (key ``d``).
        link_caps: Link cap of each cell; its length is the number of cells (key ``t``).
        in_channels: Channels of the image (key ``in``), 3 unless told.
        image: Side of the image in pixels: 32, or 28 for one channel, unless told.
        classes: Outputs, 10 unless told.

    Raises:
        SpecError: A field is missing or out of range, the lists differ in length, or the image
            is too small for the number of cells.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021; SLDGroup/NN_Mass, ``regular_dense``. Differs in the
        skips (its code skips the direct neighbour and never layer 0) and takes any number of
        cells and any image size.

    Example:
        >>> spec = DenseCNN(width_multiplier=2, depths=13, link_caps=(40, 80, 125))
        >>> spec.params, round(spec.mass, 4), str(spec)
        (4653192, 526.1061, 'dense-cnn(wm=2,d=13,t=40/80/125)')
    """

    family: ClassVar[str] = "dense-cnn"
    summary: ClassVar[str] = "cells of 3x3 convolutions with random concatenation skips"
    example: ClassVar[str] = "dense-cnn(wm=2,d=13,t=40/80/125)"

    @staticmethod
    def plan_cell(cell: Cell, *, inputs: int, size_in: int, stride: int) -> CellPlan:
        """3x3 convolutions, each with a batch norm."""
        w, size = cell.width, strided(size_in, stride)
        base = (
            conv(inputs, w, kernel=3, size=size)
            + (cell.depth - 1) * conv(w, w, kernel=3, size=size)
            + cell.depth * batch_norm(w)
        )
        per_link = Cost(9 * w + 2, 9 * w * size * size)
        return CellPlan(cell, inputs, size, size_in, stride, False, base, per_link)


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseCNNDepthwise(DenseConvSpec):
    """The dense CNN whose convolutions are 1x1, 3x3 depthwise, 1x1.

    As `DenseCNN`, with the same fields, but every convolution after the network's first is a 1x1
    to the cell's width, a 3x3 depthwise (which carries the stride) and another 1x1, with a batch
    norm after each and a ReLU after the first two. The mass does not change.

    Raises:
        SpecError: As `DenseCNN`.

    Source:
        SLDGroup/NN_Mass, ``dense_depth``; see `DenseCNN` for the differences.

    Example:
        >>> DenseCNNDepthwise(width_multiplier=2, depths=13, link_caps=(40, 80, 125)).params
        867656
    """

    family: ClassVar[str] = "dense-cnn-dw"
    summary: ClassVar[str] = "the dense CNN with depthwise-separable convolutions"
    example: ClassVar[str] = "dense-cnn-dw(wm=2,d=13,t=40/80/125)"

    @staticmethod
    def plan_cell(cell: Cell, *, inputs: int, size_in: int, stride: int) -> CellPlan:
        """1x1, depthwise 3x3, 1x1; a plain 3x3 where the network starts (stride 1)."""
        w, size = cell.width, strided(size_in, stride)
        if stride == 1:
            first = conv(inputs, w, kernel=3, size=size)
        else:
            first = _depthwise_layer(inputs, w, size_in=size_in, size=size)
        later = _depthwise_layer(w, w, size_in=size, size=size)
        base = first + (cell.depth - 1) * later + cell.depth * batch_norm(w)
        per_link = Cost(w + 2, w * size * size)
        return CellPlan(cell, inputs, size, size_in, stride, True, base, per_link)


def _depthwise_layer(inputs: int, w: int, *, size_in: int, size: int) -> Cost:
    pointwise = conv(inputs, w, kernel=1, size=size_in) + conv(w, w, kernel=1, size=size)
    return pointwise + conv(w, w, kernel=3, size=size, groups=w) + 3 * batch_norm(w)
