"""The slope of the activations in front of every tensor of a forward pass.

A tensor that comes from the input carries what lies between it and the last point where features
were mixed: for each of its numbers the derivative by the number that went into the activations
there. Concatenation and selection move slopes along with the numbers, elementwise functions of one
tensor multiply them, everything else starts anew with slope 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nnmass.tracing import tensors_in

_ATTRIBUTE = "_nnmass_slope"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# They move every number to at most one place, or to several layers but once to each.
_MOVES = _names("""
    _conj _reshape_alias _to_copy _unsafe_view alias cat channel_shuffle chunk clone
    constant_pad_nd contiguous detach flip index index_select lift_fresh movedim narrow
    native_channel_shuffle permute pixel_shuffle pixel_unshuffle roll select slice split
    split_with_sizes squeeze stack swapaxes t transpose unbind unsqueeze unsafe_chunk unsafe_split
    unsafe_split_with_sizes view
""")

# Elementwise, and not always tagged so by PyTorch.
_ELEMENTWISE = _names("""
    _prelu_kernel celu elu gelu hardsigmoid hardswish hardtanh leaky_relu log_sigmoid mish relu
    relu6 selu sigmoid silu softplus softshrink tanh threshold
""")

# Elementwise, but no activation: not worth a name.
_PLAIN = _names("add sub rsub mul div neg clone copy where")


class Slope:
    """What a tensor carries.

    Attributes:
        token: The same for tensors whose numbers come one by one from the same numbers.
        values: Derivative of each number, of the tensor's shape; ``None`` where all are 1.
        names: The activations passed on the way.
        version: The version of the tensor's memory that this holds for.
    """

    __slots__ = ("names", "token", "values", "version")

    def __init__(
        self, token: object, values: Tensor | None, names: tuple[str, ...], version: int
    ) -> None:
        self.token, self.values, self.names, self.version = token, values, names, version


def slope_of(tensor: Tensor) -> Slope | None:
    """What ``tensor`` carries; ``None`` where it does not come from the input."""
    slope: Slope | None = getattr(tensor, _ATTRIBUTE, None)
    if slope is not None and slope.version != tensor._version:
        slope = start(tensor)  # written through another view of its memory since
    return slope


def start(tensor: Tensor, *, writes: int = 0) -> Slope:
    """Let ``tensor`` carry slope 1 from here on.

    Args:
        tensor: Any tensor.
        writes: Writes to its memory that are under way and not yet counted.
    """
    return carry(tensor, object(), None, (), writes=writes)


def carry(
    tensor: Tensor,
    token: object,
    values: Tensor | None,
    names: tuple[str, ...],
    *,
    writes: int = 0,
) -> Slope:
    """Let ``tensor`` carry this; see `Slope`."""
    slope = Slope(token, values, names, tensor._version + writes)
    setattr(tensor, _ATTRIBUTE, slope)
    return slope


def is_move(name: str) -> bool:
    """The operation moves numbers and changes none."""
    return name in _MOVES


def is_elementwise(name: str, func: Any) -> bool:
    """The operation computes every number from those at the same place."""
    return name in _ELEMENTWISE or torch.Tag.pointwise in func.tags


def moved(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], outputs: list[Tensor]
) -> None:
    """Let the outputs of a moving operation carry the slopes, moved along."""
    slopes = [slope for slope in map(slope_of, tensors_in(args, kwargs)) if slope is not None]
    names = tuple(dict.fromkeys(name for slope in slopes for name in slope.names))
    is_padded = func is torch.ops.aten.constant_pad_nd.default  # padding does not follow the input
    if all(slope.values is None for slope in slopes) and not is_padded:
        for out in outputs:
            carry(out, object(), None, names)
        return
    given = _with_slopes(args)
    result = func(*given[:2], 0) if is_padded else func(*given, **kwargs)
    values = [result] if isinstance(result, Tensor) else result
    for out, value in zip(outputs, values, strict=True):
        carry(out, object(), value, names)


def _with_slopes(args: Sequence[Any]) -> list[Any]:
    """The arguments with their slopes in place of the features; constants have slope 1."""
    first, *rest = args
    if isinstance(first, Tensor):
        return [_slope_values(first), *rest]
    return [[_slope_values(entry) for entry in first], *rest]


def _slope_values(tensor: Tensor) -> Tensor:
    slope = slope_of(tensor)
    return torch.ones_like(tensor) if slope is None or slope.values is None else slope.values


class Elementwise:
    """An elementwise operation, looked at before it runs, since it may write over its operand.

    Args:
        name: Without namespace and in-place mark.
        func: The operation.
        args: Its arguments.
        kwargs: Its keyword arguments.
    """

    def __init__(
        self, name: str, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        operands = [
            (index, slope)
            for index, arg in enumerate(args)
            if isinstance(arg, Tensor)
            and arg.is_floating_point()  # masks choose, nothing is differentiated by them
            and (slope := slope_of(arg)) is not None
        ]
        self.slope: tuple[object, Tensor, tuple[str, ...]] | None = None
        if not operands or len({id(slope.token) for _, slope in operands}) > 1:
            return
        derivatives = _derivatives(name, func, args, kwargs, [index for index, _ in operands])
        if derivatives is None:
            return
        terms = [
            derivative if slope.values is None else derivative * slope.values
            for derivative, (_, slope) in zip(derivatives, operands, strict=True)
        ]
        first = operands[0][1]
        names = first.names if name in _PLAIN else (*first.names, name)
        self.slope = first.token, sum(terms[1:], terms[0]), names

    def settle(self, out: Tensor, *, writes: int) -> None:
        """Let the operation's output carry the slope; it starts anew where there is none."""
        is_like = self.slope is not None and out.shape == self.slope[1].shape
        if self.slope is None or not is_like or not out.is_floating_point():
            start(out, writes=writes)
        else:
            carry(out, *self.slope, writes=writes)


def _derivatives(
    name: str,
    func: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    indices: Sequence[int],
) -> list[Tensor] | None:
    """Derivative of each number of the output by that of each operand, at the same place."""
    z = args[indices[0]]
    if name == "relu":
        return [(z > 0).to(z.dtype)]
    if name == "elu":
        alpha, scale, input_scale = [*args[1:], 1, 1, 1][:3]
        one = torch.ones_like(z)
        return [torch.ops.aten.elu_backward(one, alpha, scale, input_scale, False, z)]
    if any(args[index].shape != z.shape for index in indices):
        return None
    # Operations arrive here below autograd; for this one it is switched on again.
    autograd = torch._C.DispatchKey.AutogradFunctionality
    with torch._C._SetExcludeDispatchKeyGuard(autograd, False), torch.enable_grad():
        leaves = [args[index].detach().clone().requires_grad_() for index in indices]
        given = list(args)
        for index, leaf in zip(indices, leaves, strict=True):
            given[index] = leaf.clone()  # not the leaf itself, which nothing may write to
        result = func(*given, **kwargs)
        out = result if isinstance(result, Tensor) else result[0]
        if out.shape != z.shape or not out.requires_grad:
            return None
        return list(torch.autograd.grad(out, leaves, torch.ones_like(out)))
