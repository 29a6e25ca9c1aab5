"""Counting the bits in which two sets of stored bytes differ; integers only."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipCount:
    """How two int8 tensors of one shape differ, as they lie in memory row by row.

    Attributes:
        n_flips: Bits that differ.
        n_bytes: Bytes that differ.
        by_bit: Flips of each bit of a byte, the least significant first; 8 numbers.
        n_to_one: Flips from 0 to 1; the others are from 1 to 0.
        n_rows: Rows with a flip.
        n_pages: Pages of 4 KiB with a flip, if the tensor begins at one.
        most_in_page: Flips in the page that has most.
    """

    n_flips: int
    n_bytes: int
    by_bit: tuple[int, ...]
    n_to_one: int
    n_rows: int
    n_pages: int
    most_in_page: int

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return asdict(self) | {"by_bit": list(self.by_bit)}


def flip_mask(before: Tensor, after: Tensor) -> Tensor:
    """Bits that differ, uint8 of the shape of both, which are int8.

    Example:
        >>> flip_mask(torch.tensor([-1], dtype=torch.int8), torch.tensor([0], dtype=torch.int8))
        tensor([255], dtype=torch.uint8)
    """
    return before.view(torch.uint8) ^ after.view(torch.uint8)


def with_flips(codes: Tensor, mask: Tensor) -> Tensor:
    """``codes``, int8, with the bits of ``mask``, uint8, the other way round."""
    return (codes.view(torch.uint8) ^ mask).view(torch.int8)


def count_flips(before: Tensor, after: Tensor) -> FlipCount:
    """Count bits, bytes, rows and pages in which two int8 tensors differ.

    Args:
        before: Codes, int8, of any shape that is not empty; the first axis counts rows.
        after: The same codes after the flips, int8 of the same shape.

    Source:
        A. S. Rakin, Z. He, D. Fan, CVPR 2020 (arXiv:1909.05193), n_b and n_w; pages: ours.

    Example:
        >>> a = torch.tensor([[127, 5]], dtype=torch.int8)
        >>> b = torch.tensor([[-128, 5]], dtype=torch.int8)
        >>> count_flips(a, b).n_flips
        8
    """
    mask = flip_mask(before, after).contiguous()
    weights = torch.arange(8, dtype=torch.uint8)
    bits = (mask.reshape(-1, 1) >> weights) & 1
    flips = bits.sum(1, dtype=torch.int64)
    to_one = bits * ((after.contiguous().view(torch.uint8).reshape(-1, 1) >> weights) & 1)
    pages = (
        torch.nn.functional.pad(flips, (0, -len(flips) % PAGE_BYTES)).view(-1, PAGE_BYTES).sum(1)
    )
    rows = flips.view(mask.shape[0], -1).sum(1) if mask.ndim > 1 else flips
    return FlipCount(
        n_flips=int(flips.sum()),
        n_bytes=int((flips > 0).sum()),
        by_bit=tuple(int(n) for n in bits.sum(0, dtype=torch.int64)),
        n_to_one=int(to_one.sum(dtype=torch.int64)),
        n_rows=int((rows > 0).sum()),
        n_pages=int((pages > 0).sum()),
        most_in_page=int(pages.max()),
    )


def n_flips(before: Tensor, after: Tensor) -> Tensor:
    """Bits that differ in each row, int64 (M,), of int8 (M, N)."""
    mask = flip_mask(before, after).contiguous()
    return POPCOUNT[mask.long()].sum(-1)


POPCOUNT = torch.tensor([bin(byte).count("1") for byte in range(256)])
"""Set bits of every byte."""
