"""Two lists of layers, and what differs between them in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from math import prod

from nnmass.tracing import WeightLayer

_MOST_TOLD = 3


def signature(layer: WeightLayer) -> tuple[object, ...]:
    """What must be equal in two layers that are the same, biases left out.

    A convolution to a single place and a linear layer are the same if they read as many numbers.
    """
    shape = layer.shape
    if layer.places == 1 and shape.groups == 1 and not shape.is_transposed:
        return (shape.inputs * prod(shape.kernel), shape.outputs)
    return (
        shape.kind,
        shape.inputs,
        shape.outputs,
        shape.kernel,
        shape.groups,
        shape.is_transposed,
        layer.size,
    )


def layer_differences(theirs: Sequence[WeightLayer], ours: Sequence[WeightLayer]) -> Iterator[str]:
    """Where two lists of layers differ, in at most a few sentences.

    Args:
        theirs: The network's layers.
        ours: Those of the network that the spec builds.
    """
    matcher = SequenceMatcher(
        None, [*map(signature, theirs)], [*map(signature, ours)], autojunk=False
    )
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    for _, start, end, our_start, our_end in changes[:_MOST_TOLD]:
        yield _told(theirs[start:end], ours[our_start:our_end])
    n_left = len(changes) - _MOST_TOLD
    if n_left > 0:
        yield f"layers differ at {n_left} more place{'s' if n_left > 1 else ''}"


def _told(theirs: Sequence[WeightLayer], ours: Sequence[WeightLayer]) -> str:
    if not ours:
        return f"{_named(theirs)} {_stands(theirs)} where the spec has nothing"
    if not theirs:
        return f"the spec has {_shown(ours)} where the network has nothing"
    return f"{_named(theirs)} {_stands(theirs)} where the spec has {_shown(ours)}"


def _stands(layers: Sequence[WeightLayer]) -> str:
    return "stands" if len(layers) == 1 else "stand"


def _named(layers: Sequence[WeightLayer]) -> str:
    first = layers[0]
    if len(layers) == 1:
        return f"{first.path} ({_sized(first)})"
    return f"{len(layers)} layers from {first.path} ({_sized(first)}) to {layers[-1].path}"


def _shown(layers: Sequence[WeightLayer]) -> str:
    first = _sized(layers[0])
    return first if len(layers) == 1 else f"{len(layers)} layers, the first a {first}"


def _sized(layer: WeightLayer) -> str:
    size = f" at {'x'.join(map(str, layer.size))}" if layer.size else ""
    return f"{layer}{size}"
