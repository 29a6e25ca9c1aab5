"""Rules for operations element by element, and for reductions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from nnmass.tracing._channels import ChannelMap, compressed
from nnmass.tracing._operations import ALONG_ONE_AXIS, GATES, REDUCTIONS, SOFTMAXES, words
from nnmass.tracing._step import Followed, Rule, Step, is_floating

_SCALINGS = words("mul div add sub rsub neg pow sqrt clamp")
_ADDITIONS = words("add sub rsub lerp addcmul addcdiv")
_WITH_FACTORS = words("lerp addcmul addcdiv")
"""Additions that multiply what they add."""
_MOST_SUMMANDS = 64


def pointwise(step: Step) -> Followed:
    """Pass the one full-size operand; of several, an addition is a join.

    What is broadcast (gates, biases, scales) only changes values. Operands with the very same
    origins (``x * sigmoid(x)``) are one. Of two feature maps that are multiplied, one that is a
    gate is no source, nor is what is divided by.
    """
    operands = _operands(step)
    if len(operands) == 1:
        given = operands[0]
        is_gate = step.name in GATES or (given.is_gate and step.name in _SCALINGS)
        return given.as_gate(is_gate) if is_gate != given.is_gate else given
    if step.name == "div":
        return operands[0]
    features = [given for given in operands if not given.is_gate]
    if step.name in _ADDITIONS:
        summands = features if step.name in _WITH_FACTORS else operands
        return step.join(summands if len(summands) > 1 else operands)
    if len(features) == 1:
        return features[0]
    if step.name == "mul":
        return step.mix("product of two feature maps")
    return step.mix(f"{step.name} of two feature maps")


def _operands(step: Step) -> list[ChannelMap]:
    """What the output may carry, in its axes: full-size operands if there are, each origin once."""
    ndim, total = step.out.ndim, step.out.numel()
    read = [pair for pair in step.read if is_floating(pair[0])] or step.read
    read = [pair for pair in read if pair[1].sources] or read[:1]
    full = [pair for pair in read if pair[0].numel() == total and not _is_expanded(pair[0])]
    distinct = list[ChannelMap]()
    for tensor, given in full or read:
        shift = ndim - tensor.ndim
        moved = given.moved([axis + shift for axis in given.axes]) if shift else given
        if not any(moved.same_origins(other) for other in distinct):
            distinct.append(moved)
    return distinct


def _is_expanded(tensor: Tensor) -> bool:
    """It was broadcast already: ``gate.expand_as(x)`` is the gate that it was."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    return any(size > 1 and stride == 0 for size, stride in pairs)


def softmax(step: Step) -> Followed:
    """Channels pass; what comes out weighs something else."""
    return step.read[0][1].as_gate()


def glu(step: Step) -> Followed:
    """The first half passes, the second is its gate."""
    tensor, given = step.read[0]
    axis = int(step["dim"]) % tensor.ndim
    if axis not in given.axes:
        return given
    place = given.axes.index(axis)
    half = given.codes.take(range(step.out.shape[axis]), place)
    return compressed(given.axes, half)


def reduction(step: Step) -> Followed:
    """Over other axes, channels pass; over some axes of channels, feature maps are added up."""
    tensor, given = step.read[0]
    return [_reduced(step, tensor, given, out) for out in step.outputs]


def _reduced(step: Step, tensor: Tensor, given: ChannelMap, out: Tensor) -> ChannelMap | None:
    if not is_floating(out):  # the places of a maximum
        return None
    dims = _dims(step, tensor.ndim)
    kept_places = [n for n, axis in enumerate(given.axes) if axis not in dims]
    keeps = out.ndim == tensor.ndim
    axes = [a if keeps else a - sum(d < a for d in dims) for a in given.axes if a not in dims]
    if len(kept_places) == len(given.axes):
        return given.moved(axes)
    gone = [n for n in range(len(given.axes)) if n not in kept_places]
    moved = np.moveaxis(given.codes, gone, range(len(gone)))
    slices = moved.reshape(-1, *moved.shape[len(gone) :])
    if not axes or len(slices) > _MOST_SUMMANDS or step.name not in ("sum", "mean"):
        return step.mix(f"{step.name} over channels", axes)
    maps = [compressed(axes, one) for one in slices]
    return step.join([one for one in maps if one.sources])


def _dims(step: Step, ndim: int) -> set[int]:
    dim = step.arguments.get("dim")
    if dim is None or dim == []:
        return set(range(ndim))
    dims: Sequence[int] = [dim] if isinstance(dim, int) else dim
    return {int(axis) % ndim for axis in dims}


def along_one_axis(step: Step) -> Followed:
    """Sorting and summing up along an axis: channels pass unless it is theirs."""
    tensor, given = step.read[0]
    if int(step.arguments.get("dim", -1)) % tensor.ndim in given.axes:
        return step.mix(f"{step.name} across channels")
    return given


RULES: dict[str, Rule] = {
    **dict.fromkeys(SOFTMAXES, softmax),
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(ALONG_ONE_AXIS, along_one_axis),
    "_log_softmax": lambda step: step.passes(),
    "glu": glu,
}
