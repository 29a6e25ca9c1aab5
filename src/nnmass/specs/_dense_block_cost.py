"""What a dense block and a transition cost, in closed form; for numbers and for arrays."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from nnmass.specs._cost import Cost, batch_norm, conv

if TYPE_CHECKING:
    from nnmass.topology import DenseBlock, DenseBlocks


def block_weights(block: DenseBlock | DenseBlocks) -> tuple[Any, Any]:
    """Parameters of a block's convolutions and of its batch norms, in O(1).

    The layers read ``S = n c + k n (n-1) / 2`` channels in all, which is also the number of links
    of the block. Numbers for one block, arrays for many.

        convolutions = S h + 9 n h k    (with a bottleneck)     norms = 2 (S + n h)
                     = 9 S k            (without: h = 0)
    """
    read, h, n = block.links, block.inner, block.layers
    into_3x3 = n * h + (h == 0) * read
    return read * h + 9 * block.growth * into_3x3, 2 * (read + n * h)


def block_cost(block: DenseBlock, *, size: int) -> Cost:
    """Cost of a block on feature maps of ``size`` pixels a side."""
    weights, norms = block_weights(block)
    return Cost(weights + norms, weights * size * size)


def transition_cost(inputs: int, outputs: int, *, size: int) -> Cost:
    """Batch norm and 1x1 convolution, on feature maps of ``size`` pixels before the pooling."""
    return batch_norm(inputs) + conv(inputs, outputs, kernel=1, size=size)


def exact_share(share: float) -> Fraction:
    """``share`` as it is written: 0.29 of 100 channels are 29, which floats make 28."""
    return Fraction(str(share))


def compressed(channels: int, compression: float) -> int:
    """Channels that a transition gives: ``floor(compression * channels)``, at least 1.

    Example:
        >>> compressed(256, 0.5), compressed(100, 0.29), compressed(1, 0.5)
        (128, 29, 1)
    """
    share = exact_share(compression)
    return max(1, channels * share.numerator // share.denominator)
