"""Exact singular values of many small matrices, through their Gram matrices."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from nnmass.probes._jacobian import Blocks

_CHUNK = 4_000_000  # numbers that one piece of work may hold
_PENDING = 8_000_000  # numbers of Gram matrices that wait for each other


def grams(blocks: Blocks) -> Iterator[Tensor]:
    """The smaller Gram matrices of the blocks, (n, side, side), float64, piece by piece.

    ``J J^T = W D^2 W^T`` for all blocks is one matrix product, of the squared slopes with the
    products of pairs of rows of W; where there are more rows than columns, it is
    ``J^T J = D (W^T W) D``.
    """
    weight = blocks.weight.double()
    rows, columns = weight.shape
    if blocks.slopes is None:
        yield (weight @ weight.mT if rows <= columns else weight.mT @ weight)[None]
        return
    pieces = blocks.slopes.split(max(1, _CHUNK // max(blocks.side**2, columns)))
    if rows > columns:
        square = weight.mT @ weight
        for piece in pieces:
            slopes = piece.double()
            yield slopes[:, :, None] * square * slopes[:, None, :]
    elif rows * rows * columns <= _CHUNK and len(blocks.slopes) >= rows:
        pairs = (weight[:, None, :] * weight[None, :, :]).reshape(rows * rows, columns)
        for piece in pieces:
            yield (piece.double().square() @ pairs.mT).reshape(-1, rows, rows)
    else:
        for piece in pieces:
            jacobians = weight * piece.double()[:, None, :]
            yield jacobians @ jacobians.mT


class SingularValues:
    """Collects blocks of several layers, and decomposes those of one size together.

    LAPACK takes matrices one by one, in one thread: on a CPU they are shared out to threads, and
    many small calls become a few.
    """

    def __init__(self) -> None:
        self._waiting = list[tuple[int, Tensor]]()
        self._n_waiting = 0
        self._found: dict[int, list[Tensor]] = {}

    def add(self, layer: int, blocks: Blocks) -> None:
        """Take blocks of the layer with this number."""
        for piece in grams(blocks):
            self._waiting.append((layer, piece))
            self._n_waiting += piece.numel()
            if self._n_waiting >= _PENDING:
                self._decompose()

    def result(self) -> dict[int, Tensor]:
        """For each layer all its singular values, float64, in one row."""
        self._decompose()
        return {layer: torch.cat(values) for layer, values in self._found.items()}

    def _decompose(self) -> None:
        by_side: dict[int, list[tuple[int, Tensor]]] = {}
        for layer, piece in self._waiting:
            by_side.setdefault(piece.shape[-1], []).append((layer, piece))
        for side, entries in by_side.items():
            together = torch.cat([piece for _, piece in entries])
            values = _eigenvalues(together).clamp_(min=0).sqrt_()
            parts = values.split([len(piece) for _, piece in entries])
            for (layer, _), part in zip(entries, parts, strict=True):
                self._found.setdefault(layer, []).append(part.reshape(len(part) * side))
        self._waiting, self._n_waiting = [], 0


def _eigenvalues(matrices: Tensor) -> Tensor:
    n_threads = torch.get_num_threads()
    n, side = matrices.shape[:2]
    if matrices.device.type != "cpu" or n_threads == 1 or n < 2 or n * side < 500 or side > 400:
        values: Tensor = torch.linalg.eigvalsh(matrices)
        return values
    with ThreadPoolExecutor(n_threads) as pool:
        return torch.cat(list(pool.map(torch.linalg.eigvalsh, matrices.chunk(n_threads))))
