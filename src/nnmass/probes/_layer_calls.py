"""Watching a forward pass for its layers, each with the slope of the activation in front of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nnmass.probes._slopes import Elementwise, is_elementwise, is_move, moved, slope_of, start
from nnmass.tracing import ModulePaths, tensors_in

_LAYERS = {"_convolution", "addmm", "bmm", "convolution", "linear", "mm"}
_RECURRENT = "a recurrent layer has a Jacobian for every step of the sequence"
_MANY = "it multiplies with another matrix for every part of the batch"
_UNSUPPORTED = {
    "_cudnn_rnn": _RECURRENT,
    "_trilinear": "a bilinear layer has two inputs, and no single matrix",
    "baddbmm": _MANY,
    "bmm": _MANY,
    "deform_conv2d": "where a deformable convolution reads depends on its input",
    "gru": _RECURRENT,
    "lstm": _RECURRENT,
    "miopen_rnn": _RECURRENT,
    "mkldnn_rnn_layer": _RECURRENT,
    "rnn_relu": _RECURRENT,
    "rnn_tanh": _RECURRENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """How a convolution moves over its input; as `torch.ops.aten.convolution` has it."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    transposed: bool
    output_padding: list[int]
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCall:
    """A layer in a forward pass.

    Attributes:
        path: The module that called it.
        activation: The activations in front of it, ``""`` for none.
        features: What it reads: (B, in) for a linear layer, where every row counts as one of a
            batch, and (B, C, ...) for a convolution.
        weight: (out, in) for a linear layer; as PyTorch has it for a convolution.
        slope: Of the shape of ``features``, or ``None`` where it is 1 everywhere.
        convolution: ``None`` for a linear layer.
        out_shape: Shape of its output.
        unsupported: The operation and why its Jacobian is not known, for such a layer.
    """

    path: str
    activation: str
    features: Tensor
    weight: Tensor
    slope: Tensor | None
    convolution: Convolution | None
    out_shape: tuple[int, ...]
    unsupported: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Operation:
    """What there is to know of an operation of PyTorch's."""

    name: str
    is_in_place: bool
    is_elementwise: bool
    is_move: bool
    may_be_layer: bool


@cache
def _operation(func: Any) -> _Operation:
    name = func._schema.name.rpartition("::")[2]
    is_in_place = func._schema.is_mutable
    name = name.removesuffix("_") if is_in_place else name
    return _Operation(
        name=name,
        is_in_place=is_in_place,
        is_elementwise=is_elementwise(name, func),
        is_move=is_move(name) and not is_in_place,
        may_be_layer=name in _LAYERS or name in _UNSUPPORTED,
    )


class LayerWatcher(TorchDispatchMode):
    """Calls ``on_layer`` for every layer of a forward pass, as it runs.

    Args:
        paths: Knows which module is running.
        on_layer: Gets the layer; what it computes is not watched.
    """

    def __init__(self, paths: ModulePaths, on_layer: Callable[[LayerCall], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._paths, self._on_layer = paths, on_layer
        self._times = Counter[str]()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation, and carry slopes through it."""
        kwargs = kwargs or {}
        if not any(slope_of(tensor) is not None for tensor in tensors_in(args, kwargs)):
            return func(*args, **kwargs)
        operation = _operation(func)
        writes = int(operation.is_in_place)
        if operation.is_elementwise:
            slopes = Elementwise(operation.name, func, args, kwargs)
            out = func(*args, **kwargs)
            for tensor in tensors_in((out,), {}):
                slopes.settle(tensor, writes=writes)
            return out
        if operation.may_be_layer:
            self._tell(operation.name, args)
        out = func(*args, **kwargs)
        outputs = tensors_in((out,), {})
        is_no_repeat = operation.name == "expand" and outputs[0].numel() == args[0].numel()
        if operation.is_move or is_no_repeat:
            moved(func, args, kwargs, outputs)
        else:
            for tensor in outputs:
                start(tensor, writes=writes)
        return out

    def _tell(self, name: str, args: Any) -> None:
        """Tell of the operation, if it is a layer."""
        call: LayerCall | None = None
        if name in ("convolution", "_convolution"):
            call = self._convolution(args)
        elif name == "addmm":
            call = self._linear(args[1], args[2].mT)
        elif name == "mm":
            call = self._linear(args[0], args[1].mT) or self._linear(args[1], args[0], columns=True)
        elif name == "linear":
            call = self._linear(args[0], args[1])
        elif name == "bmm" and _is_repeated(args[1]):  # a linear layer on tokens
            call = self._linear(args[0], args[1][0].mT)
        elif name == "bmm" and _is_repeated(args[0]):
            call = self._linear(args[1], args[0][0], columns=True)
        elif name in _UNSUPPORTED:
            call = self._unsupported(name, args)
        if call is not None:
            self._on_layer(call)

    def _linear(
        self, features: Tensor, weight: Tensor, *, columns: bool = False
    ) -> LayerCall | None:
        """The product of features (..., in), or (..., in, places), with a weight (out, in)."""
        slope = slope_of(features)
        if slope is None or slope_of(weight) is not None:
            return None  # a product of two features, as in attention, or of two weights

        def rows(tensor: Tensor) -> Tensor:
            tensor = tensor.mT if columns else tensor
            return tensor if tensor.ndim == 2 else tensor.flatten(0, -2)

        return LayerCall(
            path=self._path(),
            activation="+".join(slope.names),
            features=rows(features),
            weight=weight,
            slope=None if slope.values is None else rows(slope.values),
            convolution=None,
            out_shape=(len(rows(features)), len(weight)),
        )

    def _convolution(self, args: Any) -> LayerCall | None:
        features, weight = args[:2]
        slope = slope_of(features)
        if slope is None or slope_of(weight) is not None:
            return None
        stride, padding, dilation, transposed, output_padding, groups = args[3:9]
        geometry = Convolution(
            stride=stride,
            padding=padding,
            dilation=dilation,
            transposed=transposed,
            output_padding=output_padding,
            groups=groups,
        )
        return LayerCall(
            path=self._path(),
            activation="+".join(slope.names),
            features=features,
            weight=weight,
            slope=slope.values,
            convolution=geometry,
            out_shape=_out_shape(features, weight, geometry),
        )

    def _unsupported(self, name: str, args: Any) -> LayerCall | None:
        tensors = tensors_in(args, {})
        weights = [t for t in tensors if slope_of(t) is None and t.is_floating_point()]
        weights = [t for t in weights if t.ndim >= 2 and t.numel()]
        features = [t for t in tensors if slope_of(t) is not None]
        if not weights:
            return None
        return LayerCall(
            path=self._path(),
            activation="",
            features=features[0],
            weight=weights[0],
            slope=None,
            convolution=None,
            out_shape=(0, 0),
            unsupported=(name, _UNSUPPORTED[name]),
        )

    def _path(self) -> str:
        """The running module; the second time it computes something, with ``#2``."""
        path = self._paths.here or "(the model)"
        self._times[path] += 1
        return path if self._times[path] == 1 else f"{path}#{self._times[path]}"


def _is_repeated(matrices: Tensor) -> bool:
    """A weight, once for every part of the batch."""
    return slope_of(matrices) is None and (matrices.stride(0) == 0 or len(matrices) == 1)


def _out_shape(features: Tensor, weight: Tensor, how: Convolution) -> tuple[int, ...]:
    """Shape of a convolution's output."""
    sizes = list[int]()
    for axis, size in enumerate(features.shape[2:]):
        reach = how.dilation[axis] * (weight.shape[2 + axis] - 1)
        pad, stride = how.padding[axis], how.stride[axis]
        if how.transposed:
            sizes.append((size - 1) * stride - 2 * pad + reach + how.output_padding[axis] + 1)
        else:
            sizes.append((size + 2 * pad - reach - 1) // stride + 1)
    channels = weight.shape[1] * how.groups if how.transposed else weight.shape[0]
    return (len(features), channels, *sizes)


def per_image(call: LayerCall, n_images: int) -> int:
    """How many rows or parts of the batch belong to one image; windows and tokens are several."""
    return max(1, len(call.features) // n_images)


def sizes(call: LayerCall, n_images: int) -> tuple[int, int]:
    """Rows and columns of the Jacobian of one image."""
    parts = per_image(call, n_images)
    return parts * math.prod(call.out_shape[1:]), parts * math.prod(call.features.shape[1:])
