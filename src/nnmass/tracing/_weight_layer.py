"""The shapes of weight layers, as a forward pass uses them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from nnmass.tracing._operations import CONVOLUTIONS, PRODUCTS, SUMS_OF_PRODUCTS

if TYPE_CHECKING:
    from nnmass.tracing._step import Step

LayerKind = Literal["convolution", "linear", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerShape:
    """What a weight layer is, without where it stands.

    Attributes:
        kind: ``"other"`` is a layer whose shape is not told (recurrent, embedding, ..); its other
            numbers are those of its output.
        inputs: Channels (features) that it reads.
        outputs: Channels (features) that it gives.
        kernel: Of a convolution, a number for each axis of space; empty for others.
        stride: Of a convolution; empty for others.
        groups: Of a convolution.
        has_bias: A bias is added in the same operation.
        is_transposed: A transposed convolution.
    """

    kind: LayerKind
    inputs: int
    outputs: int
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    groups: int = 1
    has_bias: bool = False
    is_transposed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLayer:
    """A weight layer in a forward pass.

    Attributes:
        path: Of the module that ran it; ``#2``, ``#3``, .. for its second use, third use, ..
        shape: What it is.
        size: Spatial size of its output; ``()`` where it has none.
        is_side: It lies on no way from input to output that channels take: it is part of a gate
            (squeeze-excitation), or of an output that is not followed.

    Example:
        >>> shape = LayerShape(kind="convolution", inputs=3, outputs=64, kernel=(7, 7))
        >>> str(WeightLayer(path="conv1", shape=shape, size=(112, 112)))
        '7x7 convolution 3 -> 64'
    """

    path: str
    shape: LayerShape
    size: tuple[int, ...]
    is_side: bool = False

    @property
    def places(self) -> int:
        """Places of space at which it gives its outputs; 1 for a linear layer."""
        return math.prod(self.size)

    @property
    def weights(self) -> int:
        """Numbers of its weight, the bias left out."""
        shape = self.shape
        return shape.inputs // shape.groups * shape.outputs * math.prod(shape.kernel)

    @property
    def is_depthwise(self) -> bool:
        """Each channel is made from one channel alone."""
        return self.shape.groups == self.shape.inputs == self.shape.outputs > 1

    def __str__(self) -> str:
        """The layer in a few words."""
        shape = self.shape
        if shape.kind != "convolution":
            return f"{shape.kind} layer {shape.inputs} -> {shape.outputs}"
        words = ["x".join(map(str, shape.kernel))]
        if self.is_depthwise:
            words.append("depthwise")
        elif shape.groups > 1:
            words.append(f"{shape.groups}-group")
        words.append("transposed convolution" if shape.is_transposed else "convolution")
        words.append(f"{shape.inputs} -> {shape.outputs}")
        if any(step != 1 for step in shape.stride):
            words.append(f"of stride {max(shape.stride)}")
        return " ".join(words)


def shape_of_layer(step: Step) -> LayerShape:
    """The shape of the layer that ``step`` calls."""
    if step.name in CONVOLUTIONS:
        return _convolution(step)
    if step.name in PRODUCTS or step.name in SUMS_OF_PRODUCTS or step.name == "matmul":
        return _linear(step)
    channels = step.out.shape[1] if step.out.ndim > 1 else 1
    return LayerShape(kind="other", inputs=channels, outputs=channels)


def _convolution(step: Step) -> LayerShape:
    x, weight = step.args[0], step.args[1]
    named = step.arguments
    return LayerShape(
        kind="convolution",
        inputs=int(x.shape[1]),
        outputs=int(step.out.shape[1]),
        kernel=tuple(map(int, weight.shape[2:])),
        stride=_whole_numbers(named.get("stride"), len(weight.shape) - 2),
        groups=int(named.get("groups") or 1),
        has_bias=named.get("bias") is not None,
        is_transposed=bool(named.get("transposed")),
    )


def _whole_numbers(value: object, count: int) -> tuple[int, ...]:
    numbers = tuple(map(int, value)) if isinstance(value, Sequence) else ()
    return numbers * count if len(numbers) == 1 else numbers


def _linear(step: Step) -> LayerShape:
    """The weight is the factor that does not come from the network's input."""
    has_bias = step.name in SUMS_OF_PRODUCTS
    factors = [value for value in step.args[int(has_bias) :] if isinstance(value, Tensor)]
    known = [step.map_of(value) is None for value in factors[:2]]
    weight = factors[known.index(True)] if True in known else factors[-1]
    outputs = int(step.out.shape[-1] if known[-1] else step.out.shape[max(step.out.ndim - 2, 0)])
    axis = weight.ndim - 2 if known[-1] else weight.ndim - 1
    return LayerShape(
        kind="linear", inputs=int(weight.shape[max(axis, 0)]), outputs=outputs, has_bias=has_bias
    )
