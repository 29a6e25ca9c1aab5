"""Rules for operations that move elements about without computing anything."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnmass.tracing._channels import (
    NO_ORIGIN,
    TOO_MANY,
    ChannelMap,
    Codes,
    compressed,
    reshaped,
)
from nnmass.tracing._step import Followed, Rule, Step, is_floating


def reshape(step: Step) -> Followed:
    """A view of other axes."""
    tensor, given = step.read[0]
    return reshaped(given, tensor.shape, step.out.shape) or step.unread()


def permute(step: Step) -> Followed:
    """Axes change places."""
    tensor, given = step.read[0]
    order = list(range(tensor.ndim))
    if step.name == "permute":
        order = [int(axis) % tensor.ndim for axis in step["dims"]]
    elif step.name == "t":
        order.reverse()
    else:
        first, second = (int(step[key]) % tensor.ndim for key in ("dim0", "dim1"))
        order[first], order[second] = order[second], order[first]
    return given.permuted(order)


def expand(step: Step) -> Followed:
    """Axes of length 1 grow; new ones come in front."""
    tensor, given = step.read[0]
    shift = step.out.ndim - tensor.ndim
    return given.moved([axis + shift for axis in given.axes])


def repeat(step: Step) -> Followed:
    """Copies beside each other; new axes come in front."""
    tensor, given = step.read[0]
    shift = step.out.ndim - tensor.ndim
    axes = [axis + shift for axis in given.axes]
    times = [
        step.out.shape[axis] // size for axis, size in zip(axes, given.codes.shape, strict=True)
    ]
    return ChannelMap(tuple(axes), np.tile(given.codes, times), given.is_gate)


def _taken(given: ChannelMap, axis: int, chosen: Any) -> ChannelMap:
    """The map of the indices ``chosen`` of ``axis``."""
    if axis not in given.axes:
        return given
    codes = given.codes.take(chosen, given.axes.index(axis))
    return compressed(given.axes, codes, is_gate=given.is_gate)


def _at(given: ChannelMap, axis: int, index: int) -> ChannelMap:
    """The map of one ``index`` of ``axis``, which goes away."""
    left = given.picked(axis, index)
    return left.moved([other - (other > axis) for other in left.axes])


def slice_(step: Step) -> Followed:
    """A range of an axis."""
    tensor, given = step.read[0]
    axis = int(step["dim"]) % tensor.ndim
    start, end, stride = step["start"], step["end"], int(step["step"])
    chosen = range(*slice(start, end, stride).indices(tensor.shape[axis]))
    return _taken(given, axis, chosen)


def select(step: Step) -> Followed:
    """One index of an axis."""
    tensor, given = step.read[0]
    axis = int(step["dim"]) % tensor.ndim
    return _at(given, axis, int(step["index"]) % tensor.shape[axis])


def unbind(step: Step) -> Followed:
    """Every index of an axis."""
    tensor, given = step.read[0]
    axis = int(step["dim"]) % tensor.ndim
    return [_at(given, axis, index) for index in range(len(step.outputs))]


def split(step: Step) -> Followed:
    """Consecutive ranges of an axis."""
    tensor, given = step.read[0]
    axis = int(step["dim"]) % tensor.ndim
    maps, start = list[ChannelMap | None](), 0
    for out in step.outputs:
        maps.append(_taken(given, axis, range(start, start + out.shape[axis])))
        start += out.shape[axis]
    return maps


def index_select(step: Step) -> Followed:
    """Chosen indices of an axis."""
    tensor, given = step.read[0]
    axis, index = int(step["dim"]) % tensor.ndim, step["index"]
    if axis not in given.axes:
        return given
    if index.is_meta:
        return step.unread()
    chosen = index.cpu().numpy()
    return _taken(given, axis, chosen)


def cat(step: Step) -> Followed:
    """Tensors one after the other along an axis."""
    tensors = [t for t in step["tensors"] if t.numel() or t.ndim > 1]
    return _concatenated(step, [(t, step.map_of(t)) for t in tensors])


def stack(step: Step) -> Followed:
    """Tensors one after the other along a new axis."""
    dim = int(step["dim"]) % step.out.ndim
    pairs = list[tuple[Tensor, ChannelMap | None]]()
    for tensor in step["tensors"]:
        given = step.map_of(tensor)
        if given is not None:
            given = given.moved([axis + (axis >= dim) for axis in given.axes])
        pairs.append((tensor.unsqueeze(dim), given))
    return _concatenated(step, pairs)


def _concatenated(step: Step, pairs: list[tuple[Tensor, ChannelMap | None]]) -> Followed:
    dim = int(step["dim"]) % step.out.ndim
    maps = [given for _, given in pairs]
    known = [given for given in maps if given is not None]
    first = known[0]
    is_along_channels = dim in first.axes or not (first.axes or len(known) == len(maps))
    if not is_along_channels and all(map(first.same_origins, known)):
        return first  # class tokens, like padding, add nothing to the channels
    axes = sorted({dim}.union(*(given.axes for given in known)))
    if prod(step.out.shape[axis] for axis in axes) > TOO_MANY:
        return step.unread()
    parts = []
    for tensor, given in pairs:
        sizes = tuple(tensor.shape[axis] for axis in axes)
        parts.append(
            np.full(sizes, NO_ORIGIN) if given is None else given.spread(axes, tensor.shape)
        )
    codes = np.concatenate(parts, axes.index(dim))
    return ChannelMap(tuple(axes), codes)


def pad(step: Step) -> Followed:
    """Constants around: along channels they have no origin, elsewhere they change nothing."""
    tensor, given = step.read[0]
    amounts = list(step["pad"])
    axes = [tensor.ndim - 1 - n for n in range(len(amounts) // 2)]
    single = tensor.ndim > 2 and tensor.shape[1] == 1 and 1 not in given.axes
    for n, axis in enumerate(axes):
        before, after = int(amounts[2 * n]), int(amounts[2 * n + 1])
        if single and axis == 1 and (before or after):  # one channel: its axis is not recorded
            given = ChannelMap((1, *given.axes), given.codes[None], given.is_gate)
        if axis in given.axes:
            codes = _padded(given.codes, given.axes.index(axis), before, after)
            given = ChannelMap(given.axes, codes, given.is_gate)
    return given


def _padded(codes: Codes, place: int, before: int, after: int) -> Codes:
    start, end = max(-before, 0), codes.shape[place] - max(-after, 0)
    codes = codes.take(range(start, end), place)
    widths = [(0, 0)] * codes.ndim
    widths[place] = (max(before, 0), max(after, 0))
    return np.pad(codes, widths, constant_values=NO_ORIGIN)


def im2col(step: Step) -> Followed:
    """Patches: every channel once for each place of the kernel."""
    tensor, given = step.read[0]
    if given.axes != (1,) or tensor.ndim != 4:
        return shadow(step)
    return ChannelMap((1,), given.codes.repeat(prod(step["kernel_size"])), given.is_gate)


def col2im(step: Step) -> Followed:
    """Patches put back and added up where they overlap."""
    tensor, given = step.read[0]
    places = prod(step["kernel_size"])
    if given.axes != (1,) or tensor.ndim != 3:
        return step.mix("col2im across channels")
    rows = given.codes.reshape(-1, places)
    same = bool((rows == rows[:, :1]).all())
    return compressed((1,), rows[:, 0]) if same else step.mix("col2im across channels")


def unfold(step: Step) -> Followed:
    """Sliding windows of an axis, in a new last one."""
    tensor, given = step.read[0]
    return shadow(step) if int(step["dimension"]) % tensor.ndim in given.axes else given


def turn(step: Step) -> Followed:
    """Rolled or mirrored."""
    tensor, given = step.read[0]
    dims = {int(axis) % tensor.ndim for axis in step["dims"]}
    return shadow(step) if dims.intersection(given.axes) or not dims else given


def copy(step: Step) -> Followed:
    """The values of another tensor, broadcast."""
    target, source = step.args[0], step.args[1]
    given = step.map_of(source)
    if given is None:
        return None
    shift = target.ndim - source.ndim
    return given.moved([axis + shift for axis in given.axes])


def index_put(step: Step) -> Followed:
    """Chosen elements written; where features choose them (``x[x > 6] = 6``), ``x`` passes."""
    by_values = any(step.map_of(index) is not None for index in step["indices"])
    if by_values and step.map_of(step["values"]) is None:
        return step.map_of(step.args[0])
    return shadow(step)


def shadow(step: Step) -> Followed:
    """Do to the origins, element by element, what is done to the values."""
    if any(t.numel() > TOO_MANY for t in (*step.outputs, *(t for t, _ in step.read))):
        return step.unread()
    try:
        args = [_shadowed(step, value) for value in step.args]
        kwargs = {key: _shadowed(step, value) for key, value in step.kwargs.items()}
    except LookupError:
        return step.unread()
    result = step.function(*args, **kwargs)
    results = [result] if isinstance(result, Tensor) else list(result)
    return [compressed(range(codes.ndim), codes.numpy()) for codes in results]


def _shadowed(step: Step, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_shadowed(step, item) for item in value]
    if not isinstance(value, Tensor):
        return value
    given = step.map_of(value)
    if given is not None and is_floating(value):
        return torch.from_numpy(given.spread(range(value.ndim), value.shape).copy())
    if is_floating(value):
        return torch.full(value.shape, NO_ORIGIN, dtype=torch.int64, device="cpu")
    if value.is_meta:
        raise LookupError("an index without values")
    return value.cpu()


def _every(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_every("view _unsafe_view reshape flatten unflatten squeeze unsqueeze view_copy", reshape),
    **_every("_reshape_alias _reshape_copy", reshape),
    **_every("permute transpose swapaxes t", permute),
    **_every("expand expand_as broadcast_to", expand),
    **_every("split split_with_sizes unsafe_split unsafe_split_with_sizes", split),
    **_every("chunk unsafe_chunk tensor_split", split),
    **_every("repeat tile", repeat),
    **_every("roll flip", turn),
    **_every("index gather take_along_dim pixel_shuffle pixel_unshuffle channel_shuffle", shadow),
    **_every("native_channel_shuffle as_strided diagonal repeat_interleave slice_scatter", shadow),
    **_every("select_scatter rot90 tril triu", shadow),
    "slice": slice_,
    "select": select,
    "unbind": unbind,
    "index_select": index_select,
    "index_put": index_put,
    "cat": cat,
    "concat": cat,
    "stack": stack,
    "constant_pad_nd": pad,
    "im2col": im2col,
    "col2im": col2im,
    "unfold": unfold,
    "copy": copy,
}
