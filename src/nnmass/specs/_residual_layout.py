"""How many blocks the stages of a residual network have, and the depth that goes with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nnmass.errors import SpecError
from nnmass.specs._kinds import Whole, WholeList
from nnmass.specs._spec import spec_field

BlockKind = Literal["basic", "bottleneck", "pre-activation"]

BOTTLENECK_STAGES = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
BASIC_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Blocks of each stage in the published networks for ImageNet, by their depth."""

PLANES = {3: (16, 32, 64), 4: (64, 128, 256, 512)}
"""Channels of the stages, by their number: three are the CIFAR kind, four the ImageNet kind."""

MOST_BLOCKS = 1000
"""Of each stage. Pricing walks through all blocks: no slip of the pen shall fill the memory."""


def weight_layers(kind: BlockKind, blocks: Sequence[int]) -> int:
    """Depth of a residual network as its name gives it, without the projections.

    The name of a Wide ResNet of pre-activation blocks counts the projections of two stages.
    """
    each, others = {"basic": (2, 2), "bottleneck": (3, 2), "pre-activation": (2, 4)}[kind]
    return each * sum(blocks) + others


@dataclass(frozen=True)
class LayoutDepth(Whole):
    """A depth; whether it tells the blocks is seen when they are asked for."""

    rule: str = ""

    @property
    def allowed(self) -> str:
        return self.rule


@dataclass(frozen=True)
class StageBlocks:
    """Blocks of each stage, written ``2/3/4/2``, for one of the numbers of ``stages``."""

    stages: tuple[int, ...]

    @property
    def allowed(self) -> str:
        numbers = " or ".join(map(str, self.stages))
        return f"{numbers} whole numbers from 1 to {MOST_BLOCKS} with / between them"

    def read(self, text: str) -> tuple[int, ...]:
        return self.check(WholeList(1).read(text))

    def check(self, value: object) -> tuple[int, ...]:
        blocks = WholeList(1).check(value)
        if len(blocks) not in self.stages or max(blocks) > MOST_BLOCKS:
            raise ValueError
        return blocks

    def show(self, value: object) -> str:
        return WholeList(1).show(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """The blocks that the depths of a family tell.

    Attributes:
        rule: The depths in words.
        published: Blocks of four stages by depth, for each kind of block.
        equal: Kind of the blocks where a depth stands for three equal stages, if it may.
        instead: What to give instead of such a depth.
    """

    rule: str
    published: Mapping[BlockKind, Mapping[int, tuple[int, ...]]]
    equal: BlockKind | None = None
    instead: str

    def of(self, depth: int) -> tuple[BlockKind, tuple[int, ...]]:
        """Kind of the blocks, and how many each stage has.

        Raises:
            SpecError: The depth alone tells none.
        """
        for kind, networks in self.published.items():
            if depth in networks:
                return kind, networks[depth]
        if self.equal is not None:
            count, rest = divmod(depth - weight_layers(self.equal, ()), 6)
            if not rest and 1 <= count <= MOST_BLOCKS:
                return self.equal, (count,) * 3
        raise SpecError(f"depth must be {self.rule}, got {depth}; or give {self.instead}")

    def blocks(self, earlier: Mapping[str, Any]) -> tuple[int, ...]:
        """Blocks of each stage by the depth alone: a default of the field ``blocks``."""
        return self.of(earlier["depth"])[1]


def blocks_field(stages: tuple[int, ...], default: Callable[[Mapping[str, Any]], object]) -> Any:
    """The field ``blocks``, of one of these numbers of stages."""
    return spec_field("blocks", StageBlocks(stages), default, help="blocks of each stage")


def depth_field(layouts: Layouts) -> Any:
    """The field ``depth``, which ``blocks`` may tell."""
    kind = LayoutDepth(rule=layouts.rule)
    return spec_field("depth", kind, unless="blocks", help="weight layers (or give blocks)")
