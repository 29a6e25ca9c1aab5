"""Multiply-adds of the operations that have them, from shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch import Tensor

Counter = Callable[[Sequence[Any], Tensor], int]


def _convolution(args: Sequence[Any], out: Tensor) -> int:
    x, weight, is_transposed = args[0], args[1], bool(args[6])
    places = x.shape[2:] if is_transposed else out.shape[2:]
    return x.shape[0] * weight.numel() * prod(places)


def _plain_convolution(args: Sequence[Any], out: Tensor) -> int:
    x, weight = args[0], args[1]
    return x.shape[0] * weight.numel() * prod(out.shape[2:])


def _product(args: Sequence[Any], out: Tensor) -> int:
    return out.numel() * args[0].shape[-1]


def _sum_and_product(args: Sequence[Any], out: Tensor) -> int:
    return out.numel() * args[1].shape[-1]


def _attention(args: Sequence[Any], out: Tensor) -> int:
    query, key, value = args[:3]
    pairs = prod(query.shape[:-1]) * key.shape[-2]
    return pairs * (query.shape[-1] + value.shape[-1])


_COUNTERS: dict[str, Counter] = {
    "convolution": _convolution,
    "_convolution": _convolution,
    "convolution_overrideable": _convolution,
    "mkldnn_convolution": _plain_convolution,
    "cudnn_convolution": _plain_convolution,
    **dict.fromkeys(("mm", "bmm", "mv", "dot"), _product),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), _sum_and_product),
    **dict.fromkeys(
        (
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
        ),
        _attention,
    ),
}


def macs_of(name: str, args: Sequence[Any], out: Tensor) -> int | None:
    """Multiply-adds of one call; ``None`` where the headline does not count the operation.

    Convolution: weights x places (of the output; of the input where transposed). Matrix product:
    elements of the result x the contracted length. Fused attention: its two products.
    """
    counter = _COUNTERS.get(name)
    return None if counter is None else counter(args, out)


def is_convolution(name: str) -> bool:
    """A multiply-add of this operation counts as ``"convolution"``."""
    return "convolution" in name
