"""Bits that a layer needs in memory, by format."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from nnmass.errors import whole_number
from nnmass.slim._sparse._pattern import Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageBits:
    """What the weights of one layer take, in bits, biases left out.

    Attributes:
        value_bits: Of one weight.
        dense: All taps, the zeros too.
        csr: Compressed rows of the (Co, k * k * Ci) matrix: a column number for each live weight.
        fixed_taps: Any support of ``kss`` taps, named for each kernel.
        compact: What `PSConv2d` stores: live weights and the supports of one period (with
            ``random``, one bit for each tap of each kernel).

    Source:
        The storage model of arXiv:2001.10710, in closed form ours.
    """

    value_bits: int
    dense: int
    csr: int
    fixed_taps: int
    compact: int

    def to_dict(self) -> dict[str, int]:
        """The numbers as plain data."""
        return asdict(self)


def storage_bits(pattern: Pattern, value_bits: int) -> StorageBits:
    """The formats side by side for one layer.

    A column number takes 16 bits where these suffice, else 32; a row pointer takes 32.

    Raises:
        SpecError: ``value_bits`` is not a whole number of at least 1.

    Example:
        >>> layer = Pattern(out_channels=64, in_channels=64, kernel=3, kss=4)
        >>> bits = storage_bits(layer, 8)
        >>> bits.dense, bits.csr, bits.compact
        (294912, 395296, 131108)
    """
    value_bits = whole_number(value_bits, "value_bits", low=1)
    taps, pairs = pattern.kernel**2, pattern.out_channels * pattern.in_channels
    values = pattern.live_taps * value_bits
    column_bits = 16 if taps * pattern.in_channels <= 2**16 else 32
    choice_bits = math.ceil(math.log2(math.comb(taps, pattern.kss)))
    is_random = pattern.assign == "random" and not pattern.is_dense
    support_bits = (pairs if is_random else len(pattern.table)) * taps
    return StorageBits(
        value_bits=value_bits,
        dense=pairs * taps * value_bits,
        csr=values + pattern.live_taps * column_bits + 32 * (pattern.out_channels + 1),
        fixed_taps=values + pairs * choice_bits,
        compact=values + support_bits * (not pattern.is_dense),
    )
