"""Running a model once under the recorder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nnmass._isolated import copied, isolated, meta_tensor
from nnmass.errors import TraceError
from nnmass.tracing._graph import Node
from nnmass.tracing._indices import KeptIndices
from nnmass.tracing._meta import layout_of
from nnmass.tracing._outputs import Output, choose_output
from nnmass.tracing._paths import ModulePaths
from nnmass.tracing._recorder import Recorder, StepWatch
from nnmass.tracing._recurrent import WholeRecurrences

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """What one forward pass gave.

    Attributes:
        recorder: The graph, the counts, the operations without a rule.
        nodes: The graph's nodes, the output as the last.
        unused: Parameters that took no part, by the path of their module.
        notes: What was chosen.
        result: What the model returned.
    """

    recorder: Recorder
    nodes: tuple[Node, ...]
    unused: dict[str, int]
    notes: tuple[str, ...]
    result: Any


def record(
    model: nn.Module,
    shapes: Sequence[Shape],
    *,
    output: Output,
    name: str,
    watch: StepWatch | None = None,
) -> Recording:
    """Run ``model`` once, without memory, or on its real weights where it asks for values.

    Args:
        model: Any module.
        shapes: Of its inputs, without the batch.
        output: Which output to follow.
        name: What the network is called in messages.
        watch: Somebody who looks on.

    Raises:
        TraceError: It cannot be run, or its output does not depend on its input.
    """
    _check_parameters(model, name)
    paths = ModulePaths(model)
    try:
        return _recorded(
            model, paths, shapes, output=output, name=name, with_values=False, watch=watch
        )
    except TraceError:
        raise
    except Exception as first:
        where = _place(model, paths)
        if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
            raise TraceError(_failure(name, shapes, where, first)) from first
    try:
        paths = ModulePaths(model)
        found = _recorded(
            model, paths, shapes, output=output, name=name, with_values=True, watch=watch
        )
    except TraceError:
        raise
    except Exception as second:
        where = _place(model, paths)
        raise TraceError(_failure(name, shapes, where, second)) from second
    note = "the forward pass asks for values: it was run on the real weights, with random input"
    return replace(found, notes=(*found.notes, note))


def _recorded(
    model: nn.Module,
    paths: ModulePaths,
    shapes: Sequence[Shape],
    *,
    output: Output,
    name: str,
    with_values: bool,
    watch: StepWatch | None = None,
    last_axes: Collection[int] = (),
) -> Recording:
    recorder = Recorder(paths, with_values=with_values, watch=watch)
    if watch is not None:
        watch.begin()
    fast_attention = torch.backends.mha.get_fastpath_enabled()
    # In inference mode PyTorch hands operations over before it has taken them apart.
    stand_in = copied if with_values else meta_tensor
    with torch.inference_mode(False), isolated(model, stand_in) as parameters:
        inputs = _inputs(model, shapes, with_values=with_values)
        recorder.add_inputs(inputs, last_axes)
        recorder.add_weights(parameters)
        torch.backends.mha.set_fastpath_enabled(False)  # it hides the products of attention
        try:
            whole = WholeRecurrences(recorder)
            with torch.no_grad(), paths.followed(), KeptIndices(), whole, recorder:
                result = model(*inputs)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_attention)
        unused = _unused(model, recorder)
    if recorder.last_axes and not last_axes:  # now that it is known where the channels are
        return _recorded(
            model,
            paths,
            shapes,
            output=output,
            name=name,
            with_values=with_values,
            watch=watch,
            last_axes=recorder.last_axes,
        )
    out, note = choose_output(result, output, name)
    nodes = _with_output(recorder, out, name)
    return Recording(recorder, nodes, unused, (note,) if note else (), result)


def _with_output(recorder: Recorder, out: Tensor, name: str) -> tuple[Node, ...]:
    given = recorder.map_of(out)
    if given is None or not given.sources:
        lost = "".join(
            f" {op} in {path or 'the model'} could not be followed."
            for op, path in recorder.unread[:3]
        )
        raise TraceError(
            f"the output of {name} does not depend on its input, as far as can be seen.{lost} "
            "Does its forward compute features from what it is given?"
        )
    recorder.graph.add("output", "output", width=given.codes.size, sources=given.sources)
    return tuple(recorder.graph.nodes)


def _inputs(model: nn.Module, shapes: Sequence[Shape], *, with_values: bool) -> list[Tensor]:
    first = next((p for p in model.parameters() if p.is_floating_point()), None)
    dtype = torch.float32 if first is None else first.dtype
    if not with_values:
        return [torch.empty((1, *shape), dtype=dtype, device="meta") for shape in shapes]
    device = "cpu" if first is None else first.device
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn((1, *shape), generator=generator, device="cpu") for shape in shapes]
    return [tensor.to(device, dtype) for tensor in made]


def _unused(model: nn.Module, recorder: Recorder) -> dict[str, int]:
    unused: dict[str, int] = {}
    for path, parameter in model.named_parameters():
        if layout_of(parameter) not in recorder.used and parameter.numel():
            module = path.rpartition(".")[0]
            unused[module] = unused.get(module, 0) + parameter.numel()
    return unused


def _check_parameters(model: nn.Module, name: str) -> None:
    lazy = [path for path, p in model.named_parameters() if is_lazy(p)]
    if lazy:
        raise TraceError(
            f"{name} has parameters without a shape yet ({lazy[0]} and {len(lazy) - 1} more): run "
            "it once on an example input first"
        )


def _place(model: nn.Module, paths: ModulePaths) -> str:
    if not paths.here:
        return "its forward"
    try:
        kind = type(model.get_submodule(paths.here)).__name__
    except AttributeError:
        kind = "module"
    return f"{paths.here} ({kind})"


def _failure(name: str, shapes: Sequence[Shape], where: str, error: Exception) -> str:
    shown = " and ".join("x".join(map(str, shape)) for shape in shapes)
    text = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    return (
        f"{name} could not be run on an input of {shown} (plus the batch): {where} raised "
        f"{type(error).__name__}: {text:.300}. {_advice(error)}"
    )


def _advice(error: Exception) -> str:
    text = str(error)
    if isinstance(error, TypeError) and "missing" in text and "argument" in text:
        return (
            "Does it take several inputs? Give input_shape as a list of their shapes; in the "
            "shell, --input once for each"
        )
    if "indices" in text and "Long" in text:
        return "It looks up whole numbers (tokens); trace gives features: take what comes behind"
    if "meta" in text:
        return "It asks for values, which a model on the meta device has not: give it weights"
    if isinstance(error, RuntimeError | ValueError | AssertionError):
        return "Check the input shape: (channels, height, width), without the batch"
    return "Does the model run on such an input by itself?"


def flattened_shapes(input_shape: Any) -> tuple[Shape, ...]:
    """One or several shapes as a tuple of shapes.

    Raises:
        TraceError: It is neither a shape nor a sequence of shapes.
    """
    several = (
        isinstance(input_shape, list | tuple)
        and input_shape
        and all(isinstance(shape, list | tuple) for shape in input_shape)
    )
    shapes = tuple(map(tuple, input_shape)) if several else (input_shape,)
    if not all(map(_is_shape, shapes)):
        raise TraceError(
            f"input_shape must be whole numbers of at least 1, without the batch, such as "
            f"(3, 224, 224), or a list of such shapes for several inputs, got {input_shape!r}"
        )
    return tuple(tuple(map(int, shape)) for shape in shapes)


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list | tuple)
        and len(shape) > 0
        and all(hasattr(n, "__index__") and type(n) is not bool and n > 0 for n in shape)
    )
