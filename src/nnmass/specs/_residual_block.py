"""One residual block, and the blocks of stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from nnmass.specs._cost import Cost, batch_norm, conv, strided
from nnmass.specs._residual_layout import BlockKind
from nnmass.topology import AdditiveCell

Shortcut = Literal["identity", "projection", "pad"]


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
