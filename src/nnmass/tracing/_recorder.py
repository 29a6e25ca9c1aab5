"""Watching a forward pass, operation by operation.

The engine is a recorder at PyTorch's dispatcher: the model runs once, by its own Python code, on
tensors of the meta device, which have shapes and strides but no memory. So control flow, in-place
operations, modules called twice and functional code need no special care, nothing is computed, and
some hundred primitive operations are all that has to be understood. Two other engines were tried on
every 15th network of timm (``python bench/trace.py --engines``): torch.fx reads 78 of 92 (it gives
up where a tensor decides what is done) and sees leaf modules as one operation; torch.export reads
all 92, as this does, in four times the time, and wants no model that it cannot copy. A forward pass
that asks for *values* (``if x.mean() > 0``) is run a second time on the real weights, with the same
recorder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nnmass.tracing._channels import ChannelMap
from nnmass.tracing._graph import Graph
from nnmass.tracing._macs import macs_of
from nnmass.tracing._meta import Layout, layout_of, run_on_meta
from nnmass.tracing._operations import CONVOLUTIONS
from nnmass.tracing._paths import ModulePaths
from nnmass.tracing._rewrite import rewritten
from nnmass.tracing._rules import own_rule, rule_for
from nnmass.tracing._step import Step, is_pointwise, operation_name, tensors_in
from nnmass.tracing._tally import Tally


class StepWatch(Protocol):
    """Somebody who looks on at a forward pass."""

    def begin(self) -> None:
        """A forward pass begins (it may be run twice)."""

    def step(self, step: Step, maps: Sequence[ChannelMap | None], graph: Graph) -> None:
        """An operation that reads channels was followed; ``maps`` are those of its outputs."""


class Recorder(TorchDispatchMode):
    """Builds the graph of a forward pass and counts its operations.

    Attributes:
        graph: The nodes so far.
        tally: The counts so far.
        inputs: Nodes that are inputs of the network.
        unread: ``(operation, module path)`` of every call without a rule.
        used: Layouts of the tensors that took part, parameters among them.
        last_axes: Sizes of the last axes that layers read as the channels of the input.
    """

    def __init__(
        self, paths: ModulePaths, *, with_values: bool, watch: StepWatch | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph, self.tally = Graph(), Tally()
        self.inputs: frozenset[int] = frozenset()
        self.unread: list[tuple[str, str]] = []
        self.used: set[Layout] = set()
        self.last_axes: set[int] = set()
        self._paths = paths
        self._with_values = with_values
        self._watch = watch
        self._maps: dict[Layout, ChannelMap] = {}
        self._weights: set[Layout] = set()
        self._alive: dict[int, list[Tensor]] = defaultdict(list)  # by storage
        self._layouts: dict[int, Layout] = {}  # of the tensors of this call, by identity

    @property
    def path(self) -> str:
        """Path of the innermost module that is running."""
        return self._paths.here

    def add_inputs(self, tensors: Sequence[Tensor], last_axes: Collection[int] = ()) -> None:
        """Take these as the network's inputs: one node, its channels along axis 1.

        Args:
            tensors: The inputs.
            last_axes: Where the last of three axes or more has one of these sizes, it is that of
                the channels: (batch, tokens, channels).
        """
        axes = [t.ndim - 1 if t.ndim > 2 and t.shape[-1] in last_axes else 1 for t in tensors]
        width = sum(tensor.shape[axis] for tensor, axis in zip(tensors, axes, strict=True))
        size = tensors[0].shape[2:]
        node = self.graph.add("input", "input", width=width, size=size)
        offset = 0
        for tensor, axis in zip(tensors, axes, strict=True):
            given = ChannelMap.of_node(node, (axis,), tensor.shape)
            shifted = ChannelMap(given.axes, given.codes + offset)
            offset += max(given.codes.size, 1)
            self._remember(tensor, shifted)
        self.inputs = frozenset({node})

    def add_weights(self, tensors: Sequence[Tensor]) -> None:
        """Take these as weights: parameters, or computed from parameters alone."""
        for tensor in tensors:
            self._remember(tensor, None)
            self._weights.add(layout_of(tensor))

    def map_of(self, tensor: Tensor) -> ChannelMap | None:
        """The origins of a tensor, if it comes from the input."""
        return self._maps.get(self._layouts.get(id(tensor)) or layout_of(tensor))

    def is_weight(self, tensor: Tensor) -> bool:
        """The tensor is a parameter or was computed from parameters alone."""
        return tensor.requires_grad or layout_of(tensor) in self._weights

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation and follow the channels through it."""
        kwargs = kwargs or {}
        name = operation_name(func)
        if torch.Tag.inplace_view in func.tags:
            return self._change_view(func, name, args, kwargs)
        tensors = tensors_in(args, kwargs)
        if self._with_values:
            result = func(*args, **kwargs)
        else:
            result = run_on_meta(func, name, args, kwargs, tensors, own=self._alive.keys())
        outputs = tensors_in(result if isinstance(result, list | tuple) else (result,), {})
        self._layouts = {id(tensor): layout_of(tensor) for tensor in tensors}
        self.used.update(self._layouts.values())
        if outputs:
            self._follow(Step(self, name, func, args, kwargs, outputs), tensors)
        self._layouts = {}  # identities hold only as long as the call does
        return result

    def _change_view(
        self, func: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """An operation that gives a tensor itself another shape: the old one must be kept."""
        before = torch.ops.aten.alias(args[0])
        result = func(*args, **kwargs)
        self._layouts = {}
        step = Step(self, name, func, (before, *args[1:]), kwargs, [args[0]])
        self._follow(step, [before])
        return result

    def _follow(self, step: Step, tensors: Sequence[Tensor]) -> None:
        """Count the operation and remember its outputs; ``tensors`` are those that it was given."""
        is_read = any(self.map_of(tensor) is not None for tensor in tensors)
        self._count(step, is_read=is_read)
        if not is_read:
            if any(map(self.is_weight, tensors)):
                self.add_weights(step.outputs)
            else:
                for out in step.outputs:
                    self._remember(out, None)
            return
        rule = rule_for(step.name, step.function)
        followed = step.unread() if rule is None else rule(step)
        maps = followed if isinstance(followed, list) else [followed]
        for out, given in zip(step.outputs, maps, strict=False):
            if step.function._schema.is_mutable and self._is_known(out):
                self._write(out, given)
            else:
                self._remember(out, given)
        for out in step.outputs[len(maps) :]:
            self._remember(out, None)
        if self._watch is not None:
            self._watch.step(step, maps, self.graph)

    def _is_known(self, tensor: Tensor) -> bool:
        return layout_of(tensor)[0] in self._alive

    def _remember(self, tensor: Tensor, given: ChannelMap | None) -> None:
        layout = layout_of(tensor)
        self._alive[layout[0]].append(tensor)
        if given is not None:
            self._maps[layout] = given

    def _write(self, target: Tensor, given: ChannelMap | None) -> None:
        """Give ``target`` new origins, and all that shares its memory."""
        layout = layout_of(target)
        if self._maps.get(layout) is given:
            return
        sharing = {layout_of(t): t for t in self._alive[layout[0]]}
        others = [tensor for key, tensor in sharing.items() if key != layout]
        for tensor, changed in rewritten(target, given, others, self.map_of):
            if changed is None:
                self._maps.pop(layout_of(tensor), None)
            else:
                self._maps[layout_of(tensor)] = changed
        self._alive[layout[0]].append(target)

    def _count(self, step: Step, *, is_read: bool) -> None:
        name = step.name
        own = own_rule(name)
        if own is not None and own.macs is not None:
            self.tally.add_macs(own.kind, self.path, int(own.macs(step)))
            return
        macs = macs_of(name, step.args, step.out)
        if macs is not None:
            self.tally.add_macs(self._kind(step), self.path, macs)
        elif is_read:
            if rule_for(name, step.function) is None:
                self.tally.uncounted[str(step.function)] += 1
            else:
                self.tally.add_other(name, step.out, is_pointwise=is_pointwise(step.function))

    def _kind(self, step: Step) -> str:
        if step.name in CONVOLUTIONS:
            return "convolution"
        tensors = tensors_in(step.args, step.kwargs)[-2:]
        both = all(self.map_of(tensor) is not None for tensor in tensors)
        return "matmul" if both or "attention" in step.name else "linear"
