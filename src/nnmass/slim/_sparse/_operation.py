"""The sparse convolution as a function of tensors, and as one operation to those who watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import has_torch_function_unary

from nnmass.slim._sparse._columns import Columns, product
from nnmass.slim._sparse._pattern import Group
from nnmass.slim._sparse._shift import Geometry, shift_channels, shift_of
from nnmass.slim._sparse._supports import Window
from nnmass.tracing import LayerShape, Step, register_rule

Way = Literal["shift", "shift-nhwc", "product"]
WAYS: tuple[Way, ...] = get_args(Way)
"""How a layer computes in inference. ``shift``: shifted channels in the memory format of the
input, then a small convolution; ``shift-nhwc``: the same with channels last, whatever the input;
``product``: a matrix product, of a single image (batches go through ``shift``)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the compact tensors of a layer are read.

    Attributes:
        channels: Of the output and of the input.
        geometry: Kernel, stride, padding, dilation.
        windows: Groups of channels with one window each, all of one size; empty where the weights
            are a list of values for the live taps.
        dense: The group whose kernels are dense, where there is one.
    """

    channels: tuple[int, int]
    geometry: Geometry
    windows: tuple[tuple[int, int, Window], ...]
    dense: tuple[int, int] | None
    _columns: dict[tuple[int, ...], Columns] = field(
        default_factory=dict, compare=False, repr=False
    )

    def columns(self, x: Tensor) -> Columns:
        """The plan of the matrix product for images like x."""
        _, _, height, width = x.shape
        _, *strides = x.stride()
        key = (height, width, *strides)
        found = self._columns.get(key)
        if found is None:
            inner = (strides[0], strides[1], strides[2])
            made = Columns.of(self.windows, self.geometry, (height, width), inner)
            found = self._columns[key] = made
        return found

    @classmethod
    def of(cls, channels: tuple[int, int], geometry: Geometry, groups: Sequence[Group]) -> Layout:
        """The layout of a layer with these groups; none for a list of values."""
        k = geometry.kernel
        full = [(g.start, g.stop) for g in groups if g.window.taps == k * k]
        rest = tuple((g.start, g.stop, g.window) for g in groups if g.window.taps < k * k)
        return cls(channels, geometry, rest, full[0] if full else None)

    def to_numbers(self) -> list[int]:
        """All of it as whole numbers, as an operation of PyTorch's takes them."""
        g = self.geometry
        numbers = [*self.channels, g.kernel, *g.stride, *g.padding, *g.dilation]
        numbers += self.dense or (0, 0)
        for start, stop, w in self.windows:
            numbers += (start, stop, w.top, w.left, w.height, w.width)
        return numbers

    @classmethod
    def from_numbers(cls, numbers: Sequence[int]) -> Layout:
        """The layout that `to_numbers` told."""
        co, ci, k, sy, sx, py, px, dy, dx, start, stop, *rest = numbers
        windows = tuple(
            (rest[n], rest[n + 1], Window(*rest[n + 2 : n + 6])) for n in range(0, len(rest), 6)
        )
        geometry = Geometry(k, (sy, sx), (py, px), (dy, dx))
        return cls((co, ci), geometry, windows, (start, stop) if stop > start else None)


@dataclass(frozen=True, slots=True)
class Weights:
    """The compact tensors of a layer.

    Attributes:
        windows: (Co, channels of windows, height, width); with ``live``, (1, live taps);
            ``None`` where every kernel is dense.
        dense: (Co, dense channels, k, k).
        bias: (Co,).
        live: Place of each value in the flat dense weight.
    """

    windows: Tensor | None
    dense: Tensor | None
    bias: Tensor | None
    live: Tensor | None


def sparse_convolution(x: Tensor, weights: Weights, layout: Layout, way: Way = "shift") -> Tensor:
    """The convolution of x (N, Ci, H, W) with the sparse weight: (N, Co, Ho, Wo).

    ``way`` changes no value but by rounding, and is for inference; see `WAYS`.

    Under a watcher of functions (as `nnmass.trace` is) it is one operation,
    ``nnmass::sparse_convolution``; else it is taken apart into copies and dense convolutions.
    """
    if has_torch_function_unary(x) and not torch.is_grad_enabled():
        whole: Tensor = torch.ops.nnmass.sparse_convolution(
            x, weights.windows, weights.dense, weights.bias, weights.live, layout.to_numbers()
        )
        return whole
    return _convolution(x, weights, layout, way)


def _convolution(x: Tensor, weights: Weights, layout: Layout, way: Way = "shift") -> Tensor:
    geometry = layout.geometry
    own = (geometry.stride, geometry.padding, geometry.dilation)
    if weights.live is not None:
        return F.conv2d(x, scattered(weights, layout), weights.bias, *own)
    if weights.windows is None:
        assert weights.dense is not None  # a layer has one of the two
        return F.conv2d(x, weights.dense, weights.bias, *own)
    if torch.is_grad_enabled():
        way = "shift"
    if way == "product" and x.shape[0] == 1:
        y = product(x, weights.windows, weights.bias, layout.columns(x))
    else:
        size = (x.shape[2], x.shape[3])
        shift = shift_of(layout.windows, layout.channels[1], geometry, size)
        z = shift_channels(x, shift, channels_last=(way == "shift-nhwc") or None)
        y = F.conv2d(z, weights.windows, weights.bias, shift.stride, 0, geometry.dilation)
    if layout.dense is None or weights.dense is None:
        return y
    start, stop = layout.dense
    return y.add_(F.conv2d(x[:, start:stop], weights.dense, None, *own))


def scattered(weights: Weights, layout: Layout) -> Tensor:
    """The dense weight (Co, Ci, k, k), exactly 0 on the dead taps."""
    (outputs, inputs), k = layout.channels, layout.geometry.kernel
    values = weights.dense if weights.windows is None else weights.windows
    assert values is not None  # a layer has one of the two
    shape = (outputs, inputs, k, k)
    if weights.live is not None:
        return values.new_zeros(prod(shape)).index_copy(0, weights.live, values[0]).view(shape)
    dense = values.new_zeros(shape)
    if layout.dense is not None and weights.dense is not None:
        dense[:, slice(*layout.dense)] = weights.dense
    place = 0
    for start, stop, w in layout.windows:
        rows, columns = slice(w.top, w.top + w.height), slice(w.left, w.left + w.width)
        dense[:, start:stop, rows, columns] = values[:, place : place + stop - start]
        place += stop - start
    return dense


_LIBRARY = torch.library.Library("nnmass", "DEF")
_LIBRARY.define(
    "sparse_convolution(Tensor x, Tensor? windows, Tensor? dense, Tensor? bias, Tensor? live, "
    "int[] layout) -> Tensor"
)


def _run(
    x: Tensor,
    windows: Tensor | None,
    dense: Tensor | None,
    bias: Tensor | None,
    live: Tensor | None,
    layout: Sequence[int],
) -> Tensor:
    return _convolution(x, Weights(windows, dense, bias, live), Layout.from_numbers(layout))


def _shape_alone(x: Tensor, *_: Any) -> Tensor:
    layout = Layout.from_numbers(_[-1])
    size = layout.geometry.output_size((x.shape[2], x.shape[3]))
    return x.new_empty((x.shape[0], layout.channels[0], *size))


_LIBRARY.impl("sparse_convolution", _run, "CompositeExplicitAutograd")
_LIBRARY.impl("sparse_convolution", _shape_alone, "Meta")


def _layer(step: Step) -> Any:
    """One weight layer, of the shape of the dense one that it stands for."""
    layout = Layout.from_numbers(step["layout"])
    shape = LayerShape(
        kind="convolution",
        inputs=layout.channels[1],
        outputs=layout.channels[0],
        kernel=(layout.geometry.kernel,) * 2,
        stride=layout.geometry.stride,
        has_bias=step["bias"] is not None,
    )
    return step.layer(step["x"], size=step.out.shape[2:], shape=shape)


def _macs(step: Step) -> int:
    weights = [step[name] for name in ("windows", "dense") if step[name] is not None]
    return int(sum(weight.numel() for weight in weights) * prod(step.out.shape[2:]))


register_rule("nnmass::sparse_convolution", _layer, macs=_macs, kind="convolution")
