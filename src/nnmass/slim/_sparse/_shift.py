"""Shifting groups of channels, so that a sparse convolution becomes a small dense one.

Where the support of a kernel depends on its input channel alone and is a window, reading that
channel shifted by the window's corner lets a dense kernel of the window's size do the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from nnmass.errors import SpecError
from nnmass.slim._sparse._supports import Window

Pair = tuple[int, int]

_SMALL = 1 << 17  # elements; below, one more pass over them costs less than more calls


@dataclass(frozen=True, slots=True)
class Geometry:
    """Kernel, stride, padding and dilation of a convolution; the last three by axis."""

    kernel: int
    stride: Pair
    padding: Pair
    dilation: Pair

    def output_size(self, size: Pair) -> Pair:
        """Height and width of the output of an image of ``size``.

        Raises:
            SpecError: The image is smaller than the kernel.
        """
        spans = (d * (self.kernel - 1) for d in self.dilation)
        made = [
            (n + 2 * p - span - 1) // s + 1
            for n, p, s, span in zip(size, self.padding, self.stride, spans, strict=True)
        ]
        if min(made) < 1:
            raise SpecError(
                f"an image of {size[0]}x{size[1]} is too small for a {self.kernel}x{self.kernel} "
                f"kernel with padding {self.padding} and dilation {self.dilation}; give a larger "
                "one, or more padding"
            )
        return made[0], made[1]


@dataclass(frozen=True, slots=True)
class Move:
    """Channels of x that go to channels of z, with the rectangle that lies inside both."""

    to: tuple[slice, ...]
    source: tuple[slice, ...]
    borders: tuple[tuple[slice, ...], ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """How x becomes z.

    Attributes:
        moves: One for each group of channels.
        size: Height and width of x.
        shifted: Height and width of z.
        channels: Channels of x, and of z.
        stride: What is left of the convolution's stride: along an axis on which windows are one
            tap wide, z holds only what is read.
    """

    moves: tuple[Move, ...]
    size: Pair
    shifted: Pair
    channels: Pair
    stride: Pair


@lru_cache(maxsize=512)
def shift_of(
    windows: tuple[tuple[int, int, Window], ...], channels: int, geometry: Geometry, size: Pair
) -> Shift:
    """The shift for images of ``size``; ``windows`` of one size with their channels of x."""
    first = windows[0][2]
    extents = (first.height, first.width)
    steps = tuple(s if n == 1 else 1 for s, n in zip(geometry.stride, extents, strict=True))
    left = tuple(1 if n == 1 else s for s, n in zip(geometry.stride, extents, strict=True))
    outputs = geometry.output_size(size)
    lengths = tuple(
        (out - 1) * s + d * (n - 1) + 1
        for out, s, d, n in zip(outputs, left, geometry.dilation, extents, strict=True)
    )
    moves, place = [], 0
    for start, stop, window in windows:
        corner = (window.top, window.left)
        axes = [
            _along(
                size[a],
                lengths[a],
                corner[a] * geometry.dilation[a] - geometry.padding[a],
                steps[a],
            )
            for a in range(2)
        ]
        here = slice(place, place + stop - start)
        moves.append(_move(here, slice(start, stop), axes, lengths))
        place += stop - start
    return Shift(
        moves=tuple(moves),
        size=size,
        shifted=(lengths[0], lengths[1]),
        channels=(channels, place),
        stride=(left[0], left[1]),
    )


def _along(size: int, length: int, origin: int, step: int) -> tuple[slice, slice]:
    """Of one axis: where z lies inside the image, and what is read there."""
    begin = max(0, -(origin // step))  # first u with origin + step * u >= 0
    end = max(begin, min(length, (size - 1 - origin) // step + 1))
    start = origin + step * begin
    return slice(begin, end), slice(start, start + step * (end - begin - 1) + 1, step)


def _move(
    to: slice, source: slice, axes: list[tuple[slice, slice]], lengths: tuple[int, ...]
) -> Move:
    (rows, from_rows), (columns, from_columns) = axes
    if rows.stop == rows.start or columns.stop == columns.start:  # nothing but border
        empty = slice(0, 0)
        return Move(
            to=(slice(None), to, empty, empty),
            source=(slice(None), source, empty, empty),
            borders=((slice(None), to),),
        )
    every = slice(None)
    borders = [
        *((every, to, slice(*ends)) for ends in _ends(rows, lengths[0])),
        *((every, to, rows, slice(*ends)) for ends in _ends(columns, lengths[1])),
    ]
    return Move(
        to=(every, to, rows, columns),
        source=(every, source, from_rows, from_columns),
        borders=tuple(borders),
    )


def _ends(inside: slice, length: int) -> list[Pair]:
    ends = [(0, inside.start), (inside.stop, length)]
    return [(begin, end) for begin, end in ends if end > begin]


def _shifted(x: Tensor, shift: Shift) -> Tensor:
    z = _empty_like(x, shift.channels[1], shift.shifted)
    is_small = z.numel() < _SMALL
    if is_small:
        z.zero_()
    for move in shift.moves:
        if not is_small:
            for border in move.borders:
                z[border].zero_()
        z[move.to].copy_(x[move.source])
    return z


def _shifted_back(z: Tensor, shift: Shift) -> Tensor:
    """The transpose of `_shifted`: every pixel of x went to one place of z at most."""
    x = _empty_like(z, shift.channels[0], shift.size).zero_()
    for move in shift.moves:
        x[move.source].copy_(z[move.to])
    return x


def _empty_like(tensor: Tensor, channels: int, size: Pair) -> Tensor:
    """Of the given shape, in the memory format of ``tensor``."""
    if tensor.stride(1) == 1 and tensor.shape[1] > 1 and not tensor.is_contiguous():
        return tensor.new_empty((tensor.shape[0], *size, channels)).permute(0, 3, 1, 2)
    return tensor.new_empty((tensor.shape[0], channels, *size))


class ShiftChannels(torch.autograd.Function):
    """x (N, Ci, H, W) to z; its gradient is shifted back."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, shift: Shift) -> Tensor:
        """Z of x."""
        return _shifted(x, shift)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Remember the shift."""
        ctx.shift = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Gradient for x."""
        return _back(grad, ctx.shift), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        """Shifting is linear."""
        return _shifted(tangent, ctx.shift)


class ShiftBack(torch.autograd.Function):
    """The transpose of `ShiftChannels`, with it as its gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, shift: Shift) -> Tensor:
        """X of z."""
        return _shifted_back(z, shift)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Remember the shift."""
        ctx.shift = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Gradient for z."""
        return shift_channels(grad, ctx.shift), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        """Shifting is linear."""
        return _shifted_back(tangent, ctx.shift)


def shift_channels(x: Tensor, shift: Shift) -> Tensor:
    """Z of x, with gradients where they are asked for."""
    if torch.is_grad_enabled() and x.requires_grad:
        result: Tensor = ShiftChannels.apply(x, shift)  # type: ignore[no-untyped-call]
        return result
    return _shifted(x, shift)


def _back(grad: Tensor, shift: Shift) -> Tensor:
    if torch.is_grad_enabled() and grad.requires_grad:
        result: Tensor = ShiftBack.apply(grad, shift)  # type: ignore[no-untyped-call]
        return result
    return _shifted_back(grad, shift)
