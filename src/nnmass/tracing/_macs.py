"""Multiply-adds of the operations that have them, from shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch import Tensor

from nnmass.tracing._operations import (
    CONVOLUTIONS,
    FUSED_ATTENTION,
    PRODUCTS,
    RECURRENT,
    SUMS_OF_PRODUCTS,
)

Counter = Callable[[Sequence[Any], Tensor], int]


def _convolution(args: Sequence[Any], out: Tensor) -> int:
    x, weight = args[0], args[1]
    is_transposed = len(args) > 6 and args[6] is True
    places = x.shape[2:] if is_transposed else out.shape[2:]
    return int(x.shape[0] * weight.numel() * prod(places))


def _product(args: Sequence[Any], out: Tensor) -> int:
    return int(out.numel() * args[0].shape[-1])


def _sum_and_product(args: Sequence[Any], out: Tensor) -> int:
    return int(out.numel() * args[1].shape[-1])


def _attention(args: Sequence[Any], out: Tensor) -> int:
    query, key, value = args[:3]
    pairs = prod(query.shape[:-1]) * key.shape[-2]
    return int(pairs * (query.shape[-1] + value.shape[-1]))


def _recurrent(args: Sequence[Any], _out: Tensor) -> int:
    weights = [given for given in args if isinstance(given, list | tuple)][-1]
    return int(prod(args[0].shape[:-1]) * sum(w.numel() for w in weights if w.ndim > 1))


_COUNTERS: dict[str, Counter] = {
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    **dict.fromkeys(PRODUCTS, _product),
    **dict.fromkeys(SUMS_OF_PRODUCTS, _sum_and_product),
    **dict.fromkeys(FUSED_ATTENTION, _attention),
    **dict.fromkeys(RECURRENT, _recurrent),
}


def macs_of(name: str, args: Sequence[Any], out: Tensor) -> int | None:
    """Multiply-adds of one call; ``None`` where the headline does not count the operation.

    Convolution: weights x places (of the output; of the input where transposed). Matrix product:
    elements of the result x the contracted length. Fused attention: its two products. Recurrent
    layer: weights x places.
    """
    counter = _COUNTERS.get(name)
    return None if counter is None else counter(args, out)
