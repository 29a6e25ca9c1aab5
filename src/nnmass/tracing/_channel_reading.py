"""What reads which channels: the operations of a forward pass, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from nnmass.tracing._channels import BITS, NO_ORIGIN, ChannelMap
from nnmass.tracing._graph import Graph
from nnmass.tracing._operations import CONVOLUTIONS, NORMS, PRODUCTS, SUMS_OF_PRODUCTS
from nnmass.tracing._outputs import tensors_returned
from nnmass.tracing._run import flattened_shapes, record
from nnmass.tracing._step import Step, is_floating, is_pointwise

UseKind = Literal["convolution", "linear", "norm", "elementwise", "pad", "other", "output"]

_PASSING = frozenset({"_prelu_kernel", "prelu"})
"""Element by element on one feature map, with a weight for each channel, by a module."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelList:
    """Which channels lie along an axis of a tensor, position by position.

    Attributes:
        nodes: int64 (positions,): the node that made the channel; -1 for constants (padding).
        channels: int64 (positions,): which of the node's channels.
    """

    nodes: npt.NDArray[np.int64]
    channels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelUse:
    """An operation that reads channels, or puts constants among them.

    Attributes:
        kind: ``convolution``, ``linear``, ``norm``; ``elementwise`` (several feature maps, or one
            with a weight); ``pad`` (constants beside channels); ``other`` (attention, a reduction
            over channels, what cannot be followed); ``output`` (given to the user).
        operation: PyTorch's name of it.
        path: Of the module that called it.
        reads: The channels of each operand along its channel axis; ``None`` where they lie along
            several axes, or not all positions tell one channel.
        node: The node that it made, if it made one.
        touched: All nodes that it reads channels of.
        with_weights: Weights take part that are no convolution's or linear layer's.
        groups: Of a convolution.
        places: Of space (or of tokens) at which a layer gives its outputs.
    """

    kind: UseKind
    operation: str
    path: str
    reads: tuple[ChannelList | None, ...]
    node: int | None = None
    touched: tuple[int, ...] = ()
    with_weights: bool = False
    groups: int = 1
    places: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelReading:
    """The uses of channels in a forward pass, in its order.

    Attributes:
        uses: One for each operation that does more than to carry channels along.
        widths: Channels of each node, by its number.
        inputs: The nodes that are inputs of the network.
    """

    uses: tuple[ChannelUse, ...]
    widths: tuple[int, ...]
    inputs: frozenset[int] = field(default_factory=frozenset)


def trace_channels(
    model: nn.Module, input_shape: Sequence[int] | Sequence[Sequence[int]], *, name: str = ""
) -> ChannelReading:
    """Which channels every layer, norm, addition and output reads; the model is left as it was.

    Args:
        model: Any module, on any device, the meta device too.
        input_shape: Shape of one input without the batch, or a list of shapes.
        name: What the network is called in messages; its class unless told.

    Raises:
        TraceError: As `trace`.

    Source:
        Ours.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 10))
        >>> reading = trace_channels(model, (3, 4, 4))
        >>> [(use.kind, use.path, len(use.reads[0])) for use in reading.uses]
        [('convolution', '0', 3), ('linear', '2', 32), ('output', '', 10)]
        >>> reading.uses[1].reads[0].channels[:6].tolist()
        [0, 0, 0, 0, 1, 1]
    """
    watch = _Watch()
    recording = record(
        model,
        flattened_shapes(input_shape),
        output=None,
        name=name or type(model).__name__,
        watch=watch,
    )
    watch.close(recording.result, recording.recorder.map_of)
    return ChannelReading(
        uses=tuple(watch.uses),
        widths=tuple(node.width for node in recording.recorder.graph.nodes),
        inputs=recording.recorder.inputs,
    )


class _Watch:
    """Takes notes of the steps of one forward pass; begun again when that is run again."""

    def __init__(self) -> None:
        self.uses: list[ChannelUse] = []
        self._n_nodes = 0

    def begin(self) -> None:
        """A forward pass begins."""
        self.uses, self._n_nodes = [], 0

    def step(self, step: Step, maps: Sequence[ChannelMap | None], graph: Graph) -> None:
        """One operation that reads channels was followed; ``maps`` are those of its outputs."""
        made = len(graph.nodes) - 1 if len(graph.nodes) > max(self._n_nodes, 1) else None
        self._n_nodes = len(graph.nodes)
        kind = _kind(step, maps, made)
        if kind is None:
            return
        reads = _reads(step, kind)
        self.uses.append(
            ChannelUse(
                kind=kind,
                operation=step.name,
                path=step.where,
                reads=tuple(reads),
                node=made,
                touched=_touched([given for _, given in step.read]),
                with_weights=_with_weights(step),
                groups=int(step.arguments.get("groups") or 1) if kind == "convolution" else 1,
                places=1 if made is None else step.out.numel() // max(graph.nodes[made].width, 1),
            )
        )

    def close(self, result: Any, map_of: Any) -> None:
        """The forward pass gave ``result``."""
        for tensor in tensors_returned(result):
            given = map_of(tensor)
            if given is not None:
                axis = 1 if tensor.ndim > 1 else 0
                self.uses.append(
                    ChannelUse(
                        kind="output",
                        operation="output",
                        path="",
                        reads=(_listed(tensor, given, axis),),
                        touched=_touched([given]),
                    )
                )


def _kind(step: Step, maps: Sequence[ChannelMap | None], made: int | None) -> UseKind | None:
    name = step.name
    if name in CONVOLUTIONS and step.map_of(step.args[0]) is not None:
        is_plain = step.is_weight(step.args[1]) and not step["transposed"]
        return "convolution" if made is not None and is_plain else "other"
    if name in PRODUCTS or name in SUMS_OF_PRODUCTS:
        return "linear" if made is not None and _factor(step) is not None else "other"
    if name in NORMS:
        return "norm"
    if name in _PASSING:
        return "elementwise"
    if is_pointwise(step.function):
        several = len([None for tensor, _ in step.read if is_floating(tensor)]) > 1
        return "elementwise" if several or _with_weights(step) else None
    if made is not None:
        return "other"
    if name == "constant_pad_nd" and any(_has_constants(given) for given in maps):
        return "pad"
    return None


def _has_constants(given: ChannelMap | None) -> bool:
    return given is not None and bool((given.codes == NO_ORIGIN).any())


def _factor(step: Step) -> tuple[Tensor, int] | None:
    """The factor of a product that is a feature map, with its contracted axis, if one is."""
    left, right = step.args[-2:] if step.name in PRODUCTS else step.args[1:3]
    on_left, on_right = step.map_of(left) is not None, step.map_of(right) is not None
    if on_left == on_right or not step.is_weight(right if on_left else left):
        return None
    return (left, left.ndim - 1) if on_left else (right, max(right.ndim - 2, 0))


def _reads(step: Step, kind: UseKind) -> list[ChannelList | None]:
    if kind == "linear":
        factor = _factor(step)
        assert factor is not None  # that made it linear
        tensor, axis = factor
        given = step.map_of(tensor)
        return [None if given is None else _listed(tensor, given, axis)]
    if kind in ("convolution", "norm", "pad"):
        tensor = step.args[0]
        given = step.map_of(tensor)
        if kind == "pad":
            tensor, given = step.read[0]
        return [None if given is None else _listed(tensor, given, 1)]
    out = step.out
    axis = 1 if out.ndim > 1 else 0
    return [
        _listed(tensor, given, axis - (out.ndim - tensor.ndim))
        for tensor, given in step.read
        if is_floating(tensor)
    ]


def _listed(tensor: Tensor, given: ChannelMap, axis: int) -> ChannelList | None:
    """The channels along ``axis``; ``None`` where they differ along another one."""
    if not 0 <= axis < tensor.ndim or not set(given.axes) <= {axis}:
        return None
    codes = np.broadcast_to(given.codes, (tensor.shape[axis],)).copy()
    nodes = np.where(codes == NO_ORIGIN, NO_ORIGIN, codes >> BITS)
    return ChannelList(nodes, np.where(codes == NO_ORIGIN, 0, codes & ((1 << BITS) - 1)))


def _touched(maps: Sequence[ChannelMap]) -> tuple[int, ...]:
    return tuple(sorted({node for given in maps for node in given.sources}))


def _with_weights(step: Step) -> bool:
    """A weight of more than one number takes part that belongs to no layer or norm."""
    tensors = [value for value in step.args if isinstance(value, Tensor)]
    return any(
        tensor.numel() > 1 and step.map_of(tensor) is None and is_floating(tensor)
        for tensor in tensors
    )
