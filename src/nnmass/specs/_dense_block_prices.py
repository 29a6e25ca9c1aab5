"""Costs of arrays of dense blocks and transitions, for a search over millions of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass._arrays import Ints, common_shape, whole_array
from nnmass.errors import SpecError, whole_number
from nnmass.specs._dense_block_cost import block_weights, exact_share
from nnmass.specs._kinds import Share
from nnmass.topology import DenseBlock, DenseBlocks

_NUMBERS = ("inputs", "growth", "layers", "inner")
_LARGEST = 1 << 62
_INT64 = 1 << 63


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Parameters and multiply-adds, int64 arrays of one shape.

    Attributes:
        params: Trainable parameters.
        macs: Multiply-adds of the convolutions for one image.
    """

    params: Ints
    macs: Ints


def price_dense_blocks(blocks: DenseBlocks, *, size: int) -> Prices:
    """What dense blocks cost on feature maps of one size; their mass is ``blocks.mass``.

        S = n c + k n (n-1) / 2
        convolutions = S h + 9 n h k, or 9 S k without a bottleneck     norms = 2 (S + n h)
        params = convolutions + norms                                   macs = convolutions size^2

    Args:
        blocks: Inputs c, growths k, layers n, inner channels h, as arrays.
        size: Side of the feature maps in pixels, at least 1; see `DenseNet.sizes`.

    Returns:
        int64 arrays of the shape of ``blocks``.

    Raises:
        SpecError: ``blocks`` or ``size`` is something else, or a cost passes 2^62.

    Source:
        Ours; the layers of Huang et al., CVPR 2017 (arXiv:1608.06993).

    Example:
        >>> from nnmass.topology import DenseBlocks
        >>> blocks = DenseBlocks(inputs=64, growth=[24, 32], layers=6, inner=[96, 128])
        >>> prices = price_dense_blocks(blocks, size=56)
        >>> prices.params.tolist(), prices.macs.tolist()
        ([198480, 335040], [614154240, 1040449536])
    """
    if not isinstance(blocks, DenseBlocks):
        raise SpecError(
            f"price_dense_blocks takes DenseBlocks, got {blocks!r}; one block is "
            "DenseBlocks(inputs=64, growth=32, layers=6, inner=128)"
        )
    size = whole_number(size, "size", low=1)
    _check_prices(blocks, size)
    weights, norms = (np.asarray(part) for part in block_weights(blocks))
    return Prices(weights + norms, weights * (size * size))


def _check_prices(blocks: DenseBlocks, size: int) -> None:
    if not blocks.links.size:
        return
    largest = {name: int(getattr(blocks, name).max()) for name in _NUMBERS}
    # Whichever of the two kinds a block is, it costs less than both of the largest together.
    both = (DenseBlock(**largest), DenseBlock(**(largest | {"inner": 0})))
    _check_total(sum(sum(block_weights(block)) for block in both), size, largest)


def _check_total(params: int, size: int, largest: dict[str, int]) -> None:
    if params * size * size >= _LARGEST:
        numbers = ", ".join(f"{name} {number}" for name, number in largest.items())
        raise SpecError(
            "costs must stay below 2^62 (64-bit integers), and may not for arrays of up to "
            f"{numbers} on {size} pixels a side; DenseNet(...).cost has no limit"
        )


def price_transitions(channels: npt.ArrayLike, outputs: npt.ArrayLike, *, size: int) -> Prices:
    """What transitions cost: batch norm and 1x1 convolution, before the pooling.

    Args:
        channels: Channels that come in, whole numbers of at least 1.
        outputs: Channels that go out; see `compressed_channels`.
        size: Side of the feature maps that come in, in pixels.

    Returns:
        int64 arrays of the broadcast shape.

    Raises:
        SpecError: A value is not whole or is out of range, or a cost passes 2^62.

    Source:
        Ours, on the transitions of Huang et al., CVPR 2017 (arXiv:1608.06993).

    Example:
        >>> prices = price_transitions([256, 512], [128, 256], size=7)
        >>> prices.params.tolist(), prices.macs.tolist()
        ([33280, 132096], [1605632, 6422528])
    """
    c, o = whole_array(channels, "channels", low=1), whole_array(outputs, "outputs", low=1)
    shape = common_shape(channels=c, outputs=o)
    size = whole_number(size, "size", low=1)
    if 0 not in shape:
        largest = {"channels": int(c.max()), "outputs": int(o.max())}
        _check_total(largest["channels"] * (largest["outputs"] + 2), size, largest)
    weights = c * o
    return Prices(np.asarray(weights + 2 * c), np.asarray(weights * (size * size)))


def compressed_channels(channels: npt.ArrayLike, compression: float) -> Ints:
    """Channels that transitions give: ``floor(compression * channels)``, at least 1; exact.

    Args:
        channels: Channels that come in, whole numbers of at least 1.
        compression: Above 0, at most 1.

    Raises:
        SpecError: A value is not whole or is out of range.

    Source:
        Huang et al., CVPR 2017 (arXiv:1608.06993), compression; at least 1 is ours.

    Example:
        >>> compressed_channels([256, 100, 1], 0.29).tolist()
        [74, 29, 1]
    """
    given = whole_array(channels, "channels", low=1)
    try:
        share = exact_share(Share().check(compression))
    except ValueError:
        message = f"compression must be {Share().allowed}, got {compression!r}"
        raise SpecError(message) from None
    if not given.size or int(given.max()) * share.numerator < _INT64:
        return np.asarray(np.maximum(1, given * share.numerator // share.denominator))
    # A share of many digits: each different number of channels once, in whole numbers of any size.
    values, places = np.unique(given, return_inverse=True)
    table = [max(1, int(v) * share.numerator // share.denominator) for v in values]
    return np.asarray(table, dtype=np.int64)[places].reshape(given.shape)
