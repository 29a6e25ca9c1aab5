"""One image as a matrix product: the live taps of every channel as rows of a matrix.

For a single image a product of matrices is faster than a small convolution, and a row is what one
tap reads, shifted: zeros around a rectangle of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from nnmass.slim._sparse._shift import Geometry, Pair, taken_along
from nnmass.slim._sparse._supports import Window

_View = tuple[tuple[int, ...], tuple[int, ...], int]
"""Size, strides and offset, as `torch.Tensor.as_strided` takes them: half the time of slices."""

_Strides = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Columns:
    """How an image becomes a matrix.

    Attributes:
        rows: Of the matrix: channels times taps, the taps of a channel one after the other.
        output: Height and width of the result.
        moves: For each group of channels and each tap, where its rectangle goes and comes from.
    """

    rows: int
    output: Pair
    moves: tuple[tuple[_View, _View], ...]

    @classmethod
    def of(
        cls,
        windows: tuple[tuple[int, int, Window], ...],
        geometry: Geometry,
        size: Pair,
        strides: _Strides,
    ) -> Columns:
        """The plan for images of ``size`` with these strides of channels, rows and columns."""
        output, taps = geometry.output_size(size), windows[0][2].taps
        moves, place = [], 0
        for start, stop, window in windows:
            for tap in range(taps):
                top, left = window.top + tap // window.width, window.left + tap % window.width
                axes = [
                    taken_along(size[a], output[a], corner * d - p, s)
                    for a, corner, d, p, s in zip(
                        range(2),
                        (top, left),
                        geometry.dilation,
                        geometry.padding,
                        geometry.stride,
                        strict=True,
                    )
                ]
                to = _view(axes, 0, stop - start, (taps * prod(output), output[1], 1))
                source = _view(axes, 1, stop - start, strides, steps=geometry.stride)
                row = (place * taps + tap) * prod(output)
                moves.append((_moved(to, row), _moved(source, start * strides[0])))
            place += stop - start
        return cls(place * taps, output, tuple(move for move in moves if 0 not in move[0][0]))


def _view(
    axes: list[tuple[slice, slice]],
    side: int,
    channels: int,
    strides: _Strides,
    *,
    steps: Pair = (1, 1),
) -> _View:
    """The rectangle of some channels on one side of the move."""
    extent = (channels, *(axis[0].stop - axis[0].start for axis in axes))
    offset = axes[0][side].start * strides[1] + axes[1][side].start * strides[2]
    return extent, (strides[0], strides[1] * steps[0], strides[2] * steps[1]), offset


def _moved(view: _View, by: int) -> _View:
    return (*view[:2], view[2] + by)


def product(x: Tensor, weight: Tensor, bias: Tensor | None, columns: Columns) -> Tensor:
    """The convolution of one image x (1, Ci, H, W): (1, Co, Ho, Wo).

    Args:
        x: The image.
        weight: (Co, channels of windows, height, width).
        bias: (Co,).
        columns: The plan for the size and strides of x.
    """
    area = prod(columns.output)
    matrix = x.new_zeros((columns.rows, area))
    base = x.storage_offset()
    for (extent, to, offset), (_, source, begin) in columns.moves:
        matrix.as_strided(extent, to, offset).copy_(x.as_strided(extent, source, base + begin))
    filters = weight.reshape(len(weight), columns.rows)
    shape = (1, len(weight), *columns.output)
    if bias is None:
        return torch.mm(filters, matrix).view(shape)
    return torch.addmm(bias[:, None], filters, matrix).view(shape)
