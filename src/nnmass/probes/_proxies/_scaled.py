"""Numbers beyond the range of float64 on their way through a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor
from torch.overrides import TorchFunctionMode

Output = TypeVar("Output")

_LARGE = 1e60  # magnitudes are kept between its inverse and this, far from the ends of float64

_POOLS = {
    f"{kind}_pool{axes}d"
    for kind in ("max", "avg", "adaptive_avg", "adaptive_max")
    for axes in "123"
}
_FIRST = frozenset({  # f(c x) = c f(x) for c > 0 in the first argument, whatever the others
    *("relu", "relu_", "leaky_relu", "leaky_relu_", "prelu", "dropout", "dropout_", "dropout2d"),
    *_POOLS,
    *("mean", "sum", "amax", "neg", "abs", "abs_", "interpolate", "pad"),
    *("flatten", "unflatten", "reshape", "view", "view_as", "permute", "transpose", "movedim", "t"),
    *("squeeze", "unsqueeze", "expand", "expand_as", "repeat", "roll", "flip", "contiguous"),
    *("clone", "to", "double", "pixel_shuffle", "channel_shuffle"),
    *("chunk", "split", "unbind", "narrow", "select", "index_select", "__getitem__"),
    "__get__",  # attributes such as x.shape and x.T
})  # fmt: skip
_CONVOLUTIONS = {f"conv{which}{axes}d" for which in ("", "_transpose") for axes in "123"}
_WITH_BIAS = frozenset({"linear", *_CONVOLUTIONS})
_SUMS = frozenset({"add", "__add__", "__radd__", "add_", "__iadd__"})
_PRODUCTS = frozenset(
    {"mul", "__mul__", "__rmul__", "mul_", "__imul__", "matmul", "__matmul__", "bmm", "mm"}
)
_QUOTIENTS = frozenset({"div", "__truediv__", "true_divide", "div_", "__itruediv__"})
_OPERATORS_IN_PLACE = frozenset({"__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__"})
_JOINS = frozenset({"cat", "concat", "concatenate", "stack"})


class ScaledNumbers(TorchFunctionMode):
    """Within it a tensor x may stand for ``x * exp(s)``, with a number s that is kept beside it.

    After every convolution, linear layer, sum and product a tensor whose largest magnitude has left
    [1e-60, 1e60] is divided by that magnitude, whose logarithm is added to s. Operations that scale
    with their input pass s on; sums bring their terms to the largest s among them (what is smaller
    by more than the range of float64 then counts as 0, as it would in the exact sum, rounded);
    for everything else the true value is made first, which may be infinite. What is written into a
    view is written in the scale of the whole.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """``func`` on scaled tensors."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        is_bounded = name in _WITH_BIAS | _SUMS | _PRODUCTS | _JOINS
        if not any(scale_of(x) for x in _tensors((args, kwargs))):
            result = func(*args, **kwargs)
        else:
            result = _scaled_call(func, name, args, kwargs)
        return _bounded(result) if is_bounded and isinstance(result, Tensor) else result


def scale_of(x: Any) -> float:
    """The s of a tensor that stands for ``x * exp(s)``."""
    return getattr(x, "_log_scale", 0.0)


def _set_scale(result: Output, scale: float) -> Output:
    for tensor in _tensors(result):
        tensor._log_scale = scale  # type: ignore[attr-defined]
    return result


def _scaled_call(
    func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    scale = scale_of(args[0]) if args else 0.0
    others = [x for x in _tensors((args[1:], kwargs)) if scale_of(x)]
    if name in _FIRST and not others:
        return _set_scale(func(*args, **kwargs), scale)
    if name in _WITH_BIAS and not others:
        args, kwargs = _with_bias(args, kwargs, scale)
        return _set_scale(func(*args, **kwargs), scale)
    if name in _JOINS:
        common = max(map(scale_of, args[0]))
        parts = [_brought_to(x, common) for x in args[0]]
        return _set_scale(func(parts, *args[1:], **kwargs), common)
    if name in _SUMS and not kwargs and _are_tensors(args):
        return _sum(func, args, is_in_place=_is_in_place(name))
    if name in _PRODUCTS and not kwargs and len(args) == 2:
        return _set_scale(func(*args), sum(map(scale_of, args)))
    if name == "__setitem__":
        return func(*args[:2], _brought_to(args[2], scale))
    if name in _QUOTIENTS and len(args) == 2:
        return _set_scale(func(*args, **kwargs), scale - scale_of(args[1]))
    if name == "batch_norm" and args and func(*args, **kwargs) is args[0]:
        return args[0]  # norms are off
    true = _true_values(args)
    result = func(*true, **_true_values(kwargs))
    return _written(args[0], result) if scale and _is_in_place(name) else result


def _are_tensors(args: tuple[Any, ...]) -> bool:
    return len(args) == 2 and all(isinstance(x, Tensor) for x in args)


def _is_in_place(name: str) -> bool:
    return name in _OPERATORS_IN_PLACE or (name.endswith("_") and not name.endswith("__"))


def _written(x: Tensor, result: Tensor) -> Tensor:
    """``x``, with the true values that were to be written into it."""
    scale = scale_of(x) if x._is_view() else 0.0  # what it is a view of keeps its scale
    return _set_scale(x.copy_(result * _exp(-scale)), scale)


def _with_bias(
    args: tuple[Any, ...], kwargs: dict[str, Any], scale: float
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the bias in the scale of the input."""
    if kwargs.get("bias") is not None:
        return args, {**kwargs, "bias": kwargs["bias"] * _exp(-scale)}
    if len(args) > 2 and args[2] is not None:
        return (*args[:2], args[2] * _exp(-scale), *args[3:]), kwargs
    return args, kwargs


def _sum(func: Callable[..., Tensor], args: tuple[Any, ...], *, is_in_place: bool) -> Tensor:
    first, second = args
    is_view = is_in_place and first._is_view()  # what it is a view of keeps its scale
    common = scale_of(first) if is_view else max(scale_of(first), scale_of(second))
    second = _brought_to(second, common)
    if not is_in_place:
        return _set_scale(func(_brought_to(first, common), second), common)
    if scale_of(first) != common:
        first.mul_(_exp(scale_of(first) - common))
    return _set_scale(func(first, second), common)


def _brought_to(x: Any, scale: float) -> Any:
    return x if scale_of(x) == scale else x * _exp(scale_of(x) - scale)


def _true_values(given: Any) -> Any:
    if isinstance(given, Tensor):
        return given * _exp(scale_of(given)) if scale_of(given) else given
    if isinstance(given, dict):
        return {key: _true_values(value) for key, value in given.items()}
    return type(given)(map(_true_values, given)) if isinstance(given, list | tuple) else given


def _bounded(x: Tensor) -> Tensor:
    """``x``, divided by its largest magnitude where that is far from 1."""
    if not x.is_floating_point() or not x.numel():
        return x
    size = float(x.detach().abs().amax())
    if 1 / _LARGE < size < _LARGE or not math.isfinite(size) or size == 0:
        return x
    scale = scale_of(x) + math.log(size)
    return _set_scale(x / size, scale)


def _exp(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf


def _tensors(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, list | tuple):
        return [tensor for item in given for tensor in _tensors(item)]
    return []
