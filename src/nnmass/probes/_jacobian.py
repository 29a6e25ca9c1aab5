"""The Jacobian of a layer: as dense blocks where it falls apart into them, and as products."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nnmass.probes._layer_calls import Convolution, LayerCall


@dataclass(frozen=True, slots=True)
class Blocks:
    """Equal matrices but for the slopes: block n is ``weight diag(slopes[n])``.

    Attributes:
        weight: (out, in).
        slopes: (n, in), or ``None`` for one block without an activation in front.
    """

    weight: Tensor
    slopes: Tensor | None

    @property
    def side(self) -> int:
        """Singular values of one block."""
        return min(self.weight.shape)


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """What `blocks_of` would give.

    Attributes:
        n_groups: How many weights there are.
        n_blocks: Blocks of each.
        rows: Of one block.
        columns: Of one block.
        n_zeros: Further singular values that are zero, for each part of the batch.
    """

    n_groups: int
    n_blocks: int
    rows: int
    columns: int
    n_zeros: int

    @property
    def work(self) -> float:
        """Multiply-adds, about: the small Gram matrices and their eigenvalues."""
        side = min(self.rows, self.columns)
        gram = 0.2 * side * side * max(self.rows, self.columns)  # as matrix products, which fly
        return self.n_groups * self.n_blocks * (gram + 4 / 3 * side**3 + 3000)


def is_pointwise(call: LayerCall) -> bool:
    """A convolution that treats every place by itself."""
    how = call.convolution
    return (
        how is not None
        and not how.transposed
        and how.groups == 1
        and math.prod(call.weight.shape[2:]) == 1
        and not any(how.padding)
    )


def plan(call: LayerCall) -> BlockPlan:
    """How the Jacobians of a layer fall apart."""
    batch = 1 if call.slope is None else len(call.features)
    if call.convolution is None:
        rows, columns = call.weight.shape
        return BlockPlan(1, batch, rows, columns, 0)
    n_in, n_out = math.prod(call.features.shape[1:]), math.prod(call.out_shape[1:])
    if is_pointwise(call):
        rows, columns = call.weight.shape[:2]
        places = math.prod(call.out_shape[2:])
        n_zeros = min(n_in, n_out) - places * min(rows, columns)
        return BlockPlan(
            1, batch * (places if call.slope is not None else 1), rows, columns, n_zeros
        )
    groups = call.convolution.groups
    return BlockPlan(groups, batch, n_out // groups, n_in // groups, 0)


def blocks_of(call: LayerCall) -> Iterator[Blocks]:
    """The Jacobians of a layer as dense blocks; their singular values together are its own."""
    slope = call.slope
    if call.convolution is None:
        yield Blocks(call.weight, slope)
    elif is_pointwise(call):
        yield Blocks(call.weight.flatten(1), None if slope is None else _places(slope, call))
    else:
        groups = call.convolution.groups
        slopes = None if slope is None else slope.unflatten(1, (groups, -1)).flatten(2)
        for group in range(groups):
            dense = _dense(call, group)
            yield Blocks(dense, None if slopes is None else slopes[:, group])


def _places(slope: Tensor, call: LayerCall) -> Tensor:
    """Slopes (B, C, ...) as (B * places, C), of the places that a pointwise layer looks at."""
    assert call.convolution is not None
    for axis, (stride, size) in enumerate(
        zip(call.convolution.stride, call.out_shape[2:], strict=True), start=2
    ):
        if stride > 1:
            slope = slope[(slice(None),) * axis + (slice(0, stride * size, stride),)]
    return slope.movedim(1, -1).flatten(0, -2)


def _dense(call: LayerCall, group: int) -> Tensor:
    """The matrix of one group of a convolution, (out, in): what it makes of the unit vectors.

    Of those on its smaller side: a layer with few outputs may have very many inputs.
    """
    assert call.convolution is not None
    groups, how = call.convolution.groups, replace(call.convolution, groups=1)
    weight = call.weight.chunk(groups)[group]
    inputs = (call.features.shape[1] // groups, *call.features.shape[2:])
    outputs = (call.out_shape[1] // groups, *call.out_shape[2:])
    n = min(math.prod(inputs), math.prod(outputs))
    units = torch.eye(n, dtype=weight.dtype, device=weight.device)
    if n == math.prod(inputs):
        return apply(weight, units.reshape(n, *inputs), how).flatten(1).mT
    like = call.features.new_zeros(1).expand(n, *inputs)
    return apply_adjoint(weight, units.reshape(n, *outputs), like, how).flatten(1)


def apply(weight: Tensor, x: Tensor, how: Convolution | None) -> Tensor:
    """The layer without its bias: (n, in) or (n, C, ...) to its output."""
    if how is None:
        return x @ weight.mT
    out: Tensor = torch.ops.aten.convolution(
        x, weight, None, how.stride, how.padding, how.dilation, how.transposed,
        how.output_padding, how.groups,
    )  # fmt: skip
    return out


def apply_adjoint(weight: Tensor, y: Tensor, like: Tensor, how: Convolution | None) -> Tensor:
    """The transpose of `apply`; ``like`` is an input (n, ...), read for its shape alone."""
    if how is None:
        return y @ weight
    grad_input: Tensor = torch.ops.aten.convolution_backward(
        y, like, weight, None, how.stride, how.padding, how.dilation, how.transposed,
        how.output_padding, how.groups, [True, False, False],
    )[0]  # fmt: skip
    return grad_input
