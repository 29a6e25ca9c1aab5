"""One operation of a forward pass, and what a rule can say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nnmass.tracing._channels import ChannelMap, count_sources
from nnmass.tracing._graph import NodeKind
from nnmass.tracing._operations import ACTIVATIONS
from nnmass.tracing._weight_layer import LayerShape, shape_of_layer

if TYPE_CHECKING:
    from nnmass.tracing._recorder import Recorder

Followed = ChannelMap | None | list[ChannelMap | None]
"""What a rule returns: the origins of the first output, or of each one."""

Rule = Callable[["Step"], Followed]


class Step:
    """One call of an operation that reads tensors whose origins are known.

    A rule looks at it and returns what one of its methods gives: `passes`, `layer`, `join`,
    `mix`.

    Args:
        recorder: Of the run that the call is a part of.
        name: Of the operation, as below.
        function: The overload.
        args: Positional arguments.
        kwargs: Keyword arguments.
        outputs: What it gave.

    Attributes:
        name: The operation without namespace and in-place mark for PyTorch's own (``"relu"``),
            with its namespace for others (``"mylib::shift"``).
        function: The overload that was called.
        args: Its positional arguments, as they were given; `arguments` has them by name.
        kwargs: Its keyword arguments.
        outputs: The tensors that it gave.
        where: Path of the innermost module that called it.
    """

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        function: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: Sequence[Tensor],
    ) -> None:
        self.name = name
        self.function = function
        self.outputs = outputs
        self.where = recorder.path
        self.args, self.kwargs = args, kwargs
        self._recorder = recorder

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The arguments by their names in the operation's schema, defaults included."""
        bound = {}
        for index, spec in enumerate(self.function._schema.arguments):
            if index < len(self.args):
                bound[spec.name] = self.args[index]
            elif spec.name in self.kwargs:
                bound[spec.name] = self.kwargs[spec.name]
            else:
                bound[spec.name] = spec.default_value
        return bound

    def __getitem__(self, name: str) -> Any:
        """The argument called ``name``."""
        return self.arguments[name]

    @property
    def out(self) -> Tensor:
        """The first output; its shape holds, its values may not exist."""
        return self.outputs[0]

    @cached_property
    def read(self) -> list[tuple[Tensor, ChannelMap]]:
        """The tensors among the arguments whose origins are known, with their origins."""
        pairs = [(tensor, self.map_of(tensor)) for tensor in tensors_in(self.args, self.kwargs)]
        return [(tensor, given) for tensor, given in pairs if given is not None]

    def map_of(self, value: object) -> ChannelMap | None:
        """The origins of a tensor; ``None`` for what does not come from the network's input."""
        return self._recorder.map_of(value) if isinstance(value, Tensor) else None

    @property
    def inputs(self) -> frozenset[int]:
        """The nodes that are inputs of the network."""
        return self._recorder.inputs

    def found_input_channels(self, n_channels: int) -> None:
        """A layer reads ``n_channels`` along the last axis of what enters the network."""
        self._recorder.last_axes.add(n_channels)

    def is_weight(self, value: object) -> bool:
        """The tensor is a parameter, or was computed from parameters alone."""
        return isinstance(value, Tensor) and self._recorder.is_weight(value)

    def passes(self, tensor: Tensor | None = None) -> Followed:
        """The output carries the channels of ``tensor`` (the first one known), axis by axis.

        Where an axis of channels has another length in the output, they were mixed.
        """
        given = self.read[0][1] if tensor is None else self.map_of(tensor)
        if given is None:
            return None
        shape = self.out.shape
        fits = all(
            axis < len(shape) and shape[axis] == size
            for axis, size in zip(given.axes, given.codes.shape, strict=True)
        )
        return given if fits else self.mix(f"{self.name} across channels")

    def layer(
        self,
        tensor: Tensor | None = None,
        *,
        axes: Sequence[int] = (1,),
        size: Sequence[int] | None = None,
        is_depthwise: bool = False,
        alike: Sequence[ChannelMap] = (),
        shape: LayerShape | None = None,
    ) -> ChannelMap:
        """The output is that of a weight layer that reads ``tensor`` (all known ones).

        Args:
            tensor: What it reads.
            axes: Axes of the output along which its channels lie.
            size: Spatial size of the output; left out for layers without one.
            is_depthwise: Each channel is made from one channel alone.
            alike: Where these have the same origins, the output has the same channel.
            shape: Of the layer; read off PyTorch's own operations unless told.
        """
        given = self.map_of(tensor) if tensor is not None else None
        maps = [given] if given is not None else [known for _, known in self.read]
        shape = shape_of_layer(self) if shape is None else shape
        return self._node(
            "layer", maps, axes, alike, size=size, is_depthwise=is_depthwise, shape=shape
        )

    def join(self, maps: Sequence[ChannelMap] | None = None) -> ChannelMap:
        """The output is the sum of feature maps.

        Args:
            maps: Origins of the summands, in the axes of the output; of all arguments.
        """
        maps = [given for _, given in self.read] if maps is None else maps
        common = set(maps[0].axes).intersection(*(given.axes for given in maps))
        axes = common or {axis for given in maps for axis in given.axes}
        return self._node("join", maps, sorted(axes), maps, size=self._size_beside(axes))

    def mix(
        self,
        why: str,
        axes: Sequence[int] | None = None,
        *,
        alike: Sequence[ChannelMap] | None = None,
    ) -> ChannelMap:
        """The output mixes channels without a weight layer; ``why`` is shown to the user.

        Args:
            why: For example ``"attention"``.
            axes: Axes of the output along which its channels lie; as those read, unless told.
            alike: Where these have the same origins, the output has the same channel; all that
                is read, unless told.
        """
        maps = [given for _, given in self.read]
        axes = self._likely_axes() if axes is None else axes
        return self._node("mix", maps, axes, maps if alike is None else alike, why=why)

    def unread(self) -> ChannelMap:
        """The output comes from an operation that cannot be followed."""
        self._recorder.unread.append((str(self.function), self.where))
        maps = [given for _, given in self.read]
        return self._node("unread", maps, self._likely_axes(), (), why=str(self.function))

    def _likely_axes(self) -> tuple[int, ...]:
        shape = self.out.shape
        seen = {
            axis
            for _, given in self.read
            for axis, size in zip(given.axes, given.codes.shape, strict=True)
            if axis < len(shape) and shape[axis] == size
        }
        return tuple(sorted(seen)) or ((1,) if len(shape) > 1 else ())

    def _size_beside(self, axes: set[int]) -> tuple[int, ...]:
        return tuple(n for axis, n in enumerate(self.out.shape) if axis and axis not in axes)

    def _node(
        self,
        kind: NodeKind,
        maps: Sequence[ChannelMap],
        axes: Sequence[int],
        alike: Sequence[ChannelMap],
        **more: Any,
    ) -> ChannelMap:
        name = self.where if kind == "layer" else f"{self.where}.{_SHORT.get(kind, self.name)}"
        graph = self._recorder.graph
        made = ChannelMap.of_node(len(graph.nodes), axes, self.out.shape, alike=alike)
        graph.add(
            kind,
            name.removeprefix(".") or self.name,
            width=sum(made.sources.values()),
            sources=count_sources(maps),
            **more,
        )
        return made


_SHORT = {"join": "add"}


def tensors_in(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The tensors among arguments, those in lists included.

    Args:
        args: Positional arguments, in lists and tuples one level deep.
        kwargs: Keyword arguments, likewise.
    """
    found = list[Tensor]()
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += [item for item in value if isinstance(item, Tensor)]
    return found


def is_floating(tensor: Tensor) -> bool:
    """Features are floating-point or complex numbers; indices and masks are not."""
    return tensor.is_floating_point() or tensor.is_complex()


_NAMES: dict[Any, str] = {}


def operation_name(function: Any) -> str:
    """The operation's name as rules know it; in-place forms share it with the others."""
    name = _NAMES.get(function)
    if name is None:
        name = str(function._schema.name).removeprefix("aten::")
        if name.endswith("_") and not name.endswith("__"):
            name = name[:-1]
        _NAMES[function] = name
    return name


def is_pointwise(function: Any) -> bool:
    """The operation works element by element; PyTorch says so of most of them."""
    return torch.Tag.pointwise in function.tags or operation_name(function) in ACTIVATIONS
