"""Parameters and multiply-adds of the primitive layers, as exact integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Cost:
    """What a layer, or several, costs.

    Attributes:
        params: Trainable parameters.
        macs: Multiply-adds of one input, of convolutions and linear layers.

    Example:
        >>> Cost(10, 20) + 2 * Cost(1, 3)
        Cost(params=12, macs=26)
    """

    params: int = 0
    macs: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(self.params + other.params, self.macs + other.macs)

    def __rmul__(self, times: int) -> Cost:
        """The same ``times`` over."""
        return Cost(times * self.params, times * self.macs)


def conv(
    inputs: int, outputs: int, *, kernel: int, size: int, groups: int = 1, bias: bool = False
) -> Cost:
    """A square convolution whose output is ``size`` x ``size`` pixels."""
    weights = inputs // groups * outputs * kernel * kernel
    return Cost(weights + outputs * bias, weights * size * size)


def batch_norm(channels: int) -> Cost:
    """Scale and shift; normalising is not a multiply-add of the headline."""
    return Cost(2 * channels, 0)


def linear(inputs: int, outputs: int) -> Cost:
    """A linear layer with bias."""
    return Cost(inputs * outputs + outputs, inputs * outputs)


def strided(size: int, stride: int) -> int:
    """Side of a feature map after a stride with "same" padding: ``ceil(size / stride)``.

    Args:
        size: Side in pixels.
        stride: In pixels.

    Example:
        >>> strided(7, 2), strided(8, 2)
        (4, 4)
    """
    return -(-size // stride)


class _Strided(Protocol):
    @property
    def stride(self) -> int: ...


B = TypeVar("B", bound=_Strided)


def sized(blocks: Sequence[B], size: int) -> tuple[tuple[B, int], ...]:
    """Each block with the side of the feature maps that it gets, the first ``size`` pixels."""
    sizes = accumulate((block.stride for block in blocks[:-1]), strided, initial=size)
    return tuple(zip(blocks, sizes, strict=True))


def halved(size: int) -> int:
    """Side of a feature map after a stride of 2."""
    return strided(size, 2)
