"""Running single operations without memory, beside tensors that do have values."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nnmass.tracing._operations import BINARY, INDEX_MAKERS, NORMS_OF_THREE, RECURRENT, SAME_SHAPE

Layout = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""Storage, offset, shape, strides: equal for two tensors that are the same elements."""


def layout_of(tensor: Tensor) -> Layout:
    """What tells the tensor from all others that are alive."""
    storage: int = tensor.untyped_storage()._cdata
    return (storage, int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride())


def run_on_meta(
    func: Any,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    tensors: Sequence[Tensor],
    *,
    own: Container[int],
) -> Any:
    """The result of an operation, without memory where its arguments have none.

    Args:
        func: The overload.
        name: Its name.
        args: As the model gave them.
        kwargs: As the model gave them.
        tensors: The tensors among these.
        own: Storages that this run made: only those may be written to.
    """
    if not any(tensor.is_meta for tensor in tensors):
        return _run_with_values(func, name, args, kwargs, own)
    first = args[0] if args else None
    if isinstance(first, Tensor) and "out" not in kwargs:
        if name in BINARY and len(args) == 2 and _fits(first, args[1]):
            return first if _writes_first(func) else torch.empty_like(first)
        if func._schema.is_mutable and _writes_first(func):
            if not first.is_meta or name in SAME_SHAPE:
                return first
        elif first.is_meta and name in SAME_SHAPE:
            return torch.empty_like(first)
        elif first.is_meta and name in NORMS_OF_THREE and first.is_floating_point():
            return torch.empty_like(first), first.new_empty(0), first.new_empty(0)
        elif name == "_to_copy" and kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": torch.device("meta")}
    given = [_on_meta(value) for value in args]
    if name in RECURRENT:
        return _recurrent_on_meta(func, given)
    result = func(*given, **{key: _on_meta(value) for key, value in kwargs.items()})
    return first if _writes_first(func) else result


def _recurrent_on_meta(func: Any, args: Sequence[Any]) -> Any:
    """The results of a recurrent layer: shapes tell no step from another, so that one will do."""
    x, *others = args
    if func._overloadname != "input":  # packed sequences, whose steps differ in size
        return func(*args)
    axis = 1 if args[-1] else 0  # the last argument is batch_first
    out, *states = func(x.narrow(axis, 0, 1), *others)
    return (out.repeat_interleave(x.shape[axis], axis), *states)


def _fits(first: Tensor, other: Any) -> bool:
    """A result of both has the shape and the type of the first."""
    if not (first.is_meta and first.is_floating_point()):
        return False
    if not isinstance(other, Tensor):
        return isinstance(other, int | float)
    if other.dtype != first.dtype or other.ndim > first.ndim:
        return False
    pairs = zip(reversed(first.shape), reversed(other.shape), strict=False)
    return all(theirs in (1, mine) for mine, theirs in pairs)


def _run_with_values(
    func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], own: Container[int]
) -> Any:
    """An operation on constants: indices must keep their values to be followed."""
    if func._schema.is_mutable and _writes_first(func) and layout_of(args[0])[0] not in own:
        return args[0]  # a tensor of the model's own, which stays as it is
    device = kwargs.get("device")
    if device is not None and torch.device(device).type == "meta":
        dtype = kwargs.get("dtype")
        holds_indices = dtype is not None and not dtype.is_floating_point
        if name in INDEX_MAKERS or holds_indices or name == "_to_copy":
            kwargs = {**kwargs, "device": torch.device("cpu")}
    return func(*args, **kwargs)


def _writes_first(func: Any) -> bool:
    arguments = func._schema.arguments
    info = arguments[0].alias_info if arguments else None
    return info is not None and info.is_write


def _on_meta(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value.is_meta:
            return value
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, list | tuple):
        return [_on_meta(item) for item in value]
    if isinstance(value, torch.device):
        return torch.device("meta")
    return value
