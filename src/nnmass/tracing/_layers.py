"""Rules for weight layers, attention, and what passes channels on as they are."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from nnmass.tracing._channels import ChannelMap, compressed
from nnmass.tracing._operations import (
    CONSTANTS,
    CONVOLUTIONS,
    COPIES,
    FUSED_ATTENTION,
    NORMS,
    POOLS,
    PRODUCTS,
    RECURRENT,
    RESAMPLINGS,
    SUMS_OF_PRODUCTS,
)
from nnmass.tracing._step import Followed, Rule, Step


def convolution(step: Step) -> Followed:
    """A weight layer; a fixed filter for each channel (blurring) passes channels on."""
    x, weight, groups = step.args[0], step.args[1], int(step["groups"])
    if step.map_of(x) is None:
        return None  # a filter made from the input, over constants
    channels = step.out.shape[1]
    is_depthwise = groups == x.shape[1] == channels > 1
    if step.is_weight(weight) or step.map_of(weight) is not None:
        return step.layer(x, size=step.out.shape[2:], is_depthwise=is_depthwise)
    if groups == x.shape[1] == channels:
        return step.passes(x)
    return step.mix("convolution with fixed weights", (1,))


def product(step: Step) -> Followed:
    """Matrix product: a linear layer if one side is a weight, attention if neither is."""
    return _product(step, step.args[0], step.args[1])


def sum_and_product(step: Step) -> Followed:
    """Matrix product plus a bias; a bias that is a feature map of full size is joined."""
    bias, left, right = step.args[:3]
    result = _product(step, left, right)
    given = step.map_of(bias)
    if given is None or not isinstance(result, ChannelMap) or bias.shape != step.out.shape:
        return result
    return step.join([result, given])


def _product(step: Step, left: Tensor, right: Tensor) -> Followed:
    on_left, on_right = step.map_of(left), step.map_of(right)
    if on_left is not None and on_right is not None:
        rows, columns = on_left.picked(left.ndim - 1, 0), on_right.picked(right.ndim - 2, 0)
        # Tokens stand in the rows; channels are those of the right side, where it has any.
        axes = {axis for axis in rows.axes if axis < left.ndim - 2}.union(columns.axes)
        return step.mix("attention", sorted(axes or rows.axes), alike=(rows, columns))
    if on_left is not None:
        contracted, new = left.ndim - 1, step.out.ndim - 1
        return _linear(step, left, on_left, right, contracted=contracted, new=new)
    if on_right is not None:
        contracted, new = max(right.ndim - 2, 0), max(step.out.ndim - 2, 0)
        return _linear(step, right, on_right, left, contracted=contracted, new=new)
    return None


def _linear(
    step: Step, x: Tensor, given: ChannelMap, weight: Tensor, *, contracted: int, new: int
) -> Followed:
    """A linear layer over the axis ``contracted`` of ``x``, which becomes ``new``.

    Over an axis that holds no channels (the tokens of a mixer), each channel is made from itself.
    """
    is_input = _is_input(step, given)
    if is_input and contracted not in given.axes and contracted == x.ndim - 1:
        step.found_input_channels(x.shape[-1])
    mixes_channels = not given.axes or contracted in given.axes or is_input
    if not mixes_channels:
        if not step.is_weight(weight):
            return given
        return step.layer(x, axes=given.axes, is_depthwise=True, alike=[given])
    batch = {0}.intersection(given.axes) if step.out.ndim == 3 else set[int]()
    axes = sorted({*batch, new}) if step.out.ndim else ()
    if not step.is_weight(weight):
        return step.mix("product with a fixed matrix", axes)
    return step.layer(x, axes=axes, alike=[given.picked(contracted, 0)] if batch else ())


def _is_input(step: Step, given: ChannelMap) -> bool:
    return set(given.sources) <= step.inputs


def attention(step: Step) -> Followed:
    """Fused attention, (batch, heads, tokens, channels a head)."""
    return step.mix("attention", (1, step.out.ndim - 1))


def embedding(step: Step) -> Followed:
    """Rows of a table of weights, chosen by the input."""
    return step.layer(axes=(step.out.ndim - 1,))


def recurrent(step: Step) -> Followed:
    """A recurrent layer as one layer: its channels come last.

    The last states, (layers * directions, batch, channels of one direction), hold them too.
    """
    made = step.layer(axes=(step.out.ndim - 1,))
    states = [
        compressed((0, out.ndim - 1), np.resize(made.codes, (out.shape[0], out.shape[-1])))
        for out in step.outputs[1:]
    ]
    return [made, *states]


def first_passes(step: Step) -> Followed:
    """Norms and the like: the first argument passes, and only that."""
    x = step.args[0]
    return step.passes(x) if isinstance(x, Tensor) else None


def constant(_step: Step) -> Followed:
    """What comes out does not come from the input."""
    return None


def fourier(step: Step) -> Followed:
    """Over axes of space, channels pass."""
    tensor, given = step.read[0]
    dims = {int(axis) % tensor.ndim for axis in step["dim"]}
    return step.mix("Fourier transform over channels") if dims.intersection(given.axes) else given


RULES: dict[str, Rule] = {
    **dict.fromkeys((*NORMS, *POOLS, *RESAMPLINGS, *COPIES), first_passes),
    **dict.fromkeys(CONVOLUTIONS, convolution),
    **dict.fromkeys((*PRODUCTS, "matmul"), product),
    **dict.fromkeys(SUMS_OF_PRODUCTS, sum_and_product),
    **dict.fromkeys(FUSED_ATTENTION, attention),
    **dict.fromkeys(RECURRENT, recurrent),
    **dict.fromkeys(CONSTANTS, constant),
    **dict.fromkeys(("_fft_r2c", "_fft_c2r", "_fft_c2c"), fourier),
    **dict.fromkeys(("embedding", "_embedding_bag"), embedding),
    **dict.fromkeys(("_prelu_kernel", "prelu", "masked_fill"), first_passes),
}
