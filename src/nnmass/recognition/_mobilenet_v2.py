"""MobileNetV2 from layers: the width multiplier and the table of rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nnmass.recognition._seen import Seen, UnlikeError
from nnmass.recognition._simplest import simplest
from nnmass.specs import MobileNetV2, rounded_channels
from nnmass.tracing import WeightLayer

Row = tuple[int, int, int, int]

_USUAL = (1.0, 1.4, 0.75, 0.5, 0.35, 1.1, 1.2, 1.3, 0.25, 0.1)
"""Multipliers that are published; of all that give the same widths one of these is meant."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A block as it was seen: channels, expansion, stride."""

    expansion: int
    outputs: int
    stride: int


def mobilenet_v2s(seen: Seen) -> Iterator[MobileNetV2]:
    """The published table at a multiplier that gives these blocks, or a table of their own."""
    blocks, head = _blocks(seen)
    stem = seen.convolutions[0].shape
    kind = "imagenet" if stem.stride == (2, 2) else seen.small_stem
    multiplier = _multiplier(stem.outputs, head, blocks)
    rows = MobileNetV2().rows
    if not _is_same(MobileNetV2(width_multiplier=multiplier), blocks):
        rows = tuple(_rows(blocks, multiplier))
    shape: dict[str, Any] = {"stem": kind, **seen.image}
    yield MobileNetV2(width_multiplier=multiplier, rows=rows, **shape)


def _blocks(seen: Seen) -> tuple[list[_Block], int]:
    """The blocks behind the first convolution, and the channels of the one behind them."""
    layers = seen.convolutions[1:]
    word = "".join(map(_letter, layers))
    blocks, at = list[_Block](), 0
    while word.startswith(("DP", "PDP"), at):
        has_expansion = word[at] == "P"
        depthwise, project = layers[at + has_expansion], layers[at + has_expansion + 1]
        inputs = layers[at].shape.inputs
        blocks.append(
            _Block(
                expansion=max(1, round(depthwise.shape.outputs / inputs)),
                outputs=project.shape.outputs,
                stride=min(2, depthwise.shape.stride[0]),
            )
        )
        at += 2 + has_expansion
    if not blocks:
        raise UnlikeError("no block of 1x1, depthwise, 1x1 stands behind its first convolution")
    if at == len(layers) or word[at] != "P":
        what = f"{layers[at].path} is a {layers[at]}" if at < len(layers) else "the last is missing"
        raise UnlikeError(
            f"{len(blocks)} blocks of 1x1, depthwise, 1x1 and a 1x1 behind them were looked for, "
            f"but {what}"
        )
    return blocks, layers[at].shape.outputs


def _letter(layer: WeightLayer) -> str:
    if layer.is_depthwise:
        return "D"
    is_pointwise = layer.shape.kernel == (1, 1) and layer.shape.groups == 1
    return "P" if is_pointwise and layer.shape.stride == (1, 1) else "x"


def _multiplier(stem: int, head: int, blocks: Sequence[_Block]) -> float:
    """The multiplier that gives stem and head, and the published widths if it can be."""
    low, high = max(stem - 8, 1) / 32, (stem + 8) / 32

    def fits_ends(share: float) -> bool:
        is_head = rounded_channels(1280 * max(1.0, share)) == head
        return is_head and rounded_channels(32 * share) == stem

    def fits_all(share: float) -> bool:
        return fits_ends(share) and _is_same(MobileNetV2(width_multiplier=share), blocks)

    for fits in (fits_all, fits_ends):
        usual = next((share for share in _USUAL if fits(share)), None)
        if usual is not None:
            return usual
        is_published = len(blocks) == len(MobileNetV2().blocks)
        found = simplest(low, high, fits) if fits is fits_ends or is_published else None
        if found is not None:
            return found
    return simplest(low, high, lambda share: rounded_channels(32 * share) == stem) or stem / 32


def _is_same(spec: MobileNetV2, blocks: Sequence[_Block]) -> bool:
    mine = [
        _Block(expansion=block.inner // block.inputs, outputs=block.outputs, stride=block.stride)
        for block in spec.blocks
    ]
    return mine == list(blocks)


def _rows(blocks: Sequence[_Block], multiplier: float) -> Iterator[Row]:
    """The fewest rows that give ``blocks``: one for each run of equal blocks."""
    start = 0
    for index in range(1, len(blocks) + 1):
        first = blocks[start]
        if index < len(blocks):
            block = blocks[index]
            same = (block.expansion, block.outputs) == (first.expansion, first.outputs)
            if same and block.stride == 1:
                continue
        channels = _channels(first.outputs, multiplier)
        yield (first.expansion, channels, index - start, first.stride)
        start = index


def _channels(outputs: int, multiplier: float) -> int:
    """Channels of a row that the multiplier makes ``outputs``: the roundest there are."""
    near = [
        n
        for n in range(
            max(1, math.floor((outputs - 8) / multiplier)),
            math.ceil((outputs + 8) / multiplier) + 1,
        )
        if rounded_channels(n * multiplier) == outputs
    ]
    if not near:
        return max(1, round(outputs / multiplier))
    middle = outputs / multiplier
    return min(near, key=lambda n: (n % 8 != 0, abs(n - middle)))
