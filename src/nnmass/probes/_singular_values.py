"""Exact singular values of many small matrices, through their Gram matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import torch
from torch import Tensor

from nnmass.probes._jacobian import Blocks

_CHUNK = 4_000_000  # numbers that one piece of work may hold
_ENOUGH = 5e6  # nanoseconds, about, that are worth a piece of work of their own

_Entry = tuple[int, Blocks]
_Kind = tuple[int, ...]
"""What blocks have in common that are treated together: rows, columns, how many there are."""


class SingularValues:
    """Collects blocks of layers, and decomposes those of one shape together.

    LAPACK takes matrices one by one, in one thread. So on a CPU they are handed to threads, which
    work while the forward pass goes on. Use it as a context.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Kind, list[_Entry]] = {}
        self._working = list[tuple[list[int], Future[Tensor]]]()
        self._n_threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self._n_threads)

    def __enter__(self) -> SingularValues:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def add(self, layer: int, blocks: Blocks) -> None:
        """Take blocks of the layer with this number."""
        n = 0 if blocks.slopes is None else len(blocks.slopes)
        kind = (*blocks.weight.shape, n)
        entries = self._waiting.setdefault(kind, [])
        entries.append((layer, blocks))
        if len(entries) * max(n, 1) * _nanoseconds(blocks.side) >= _ENOUGH:
            self._decompose(self._waiting.pop(kind))

    def result(self) -> dict[int, Tensor]:
        """For each layer all its singular values, float64, in one row."""
        for entries in self._waiting.values():
            share = -(-len(entries) // self._n_threads)
            for start in range(0, len(entries), share):
                self._decompose(entries[start : start + share])
        found: dict[int, list[Tensor]] = {}
        for layers, future in self._working:
            for layer, values in zip(layers, future.result(), strict=True):
                found.setdefault(layer, []).append(values)
        self._waiting, self._working = {}, []
        return {layer: torch.cat(parts) for layer, parts in found.items()}

    def _decompose(self, entries: Sequence[_Entry]) -> None:
        layers = [layer for layer, _ in entries]
        for matrices in grams([blocks for _, blocks in entries]):
            if len(self._working) >= 2 * self._n_threads:  # or the matrices pile up
                self._working[-2 * self._n_threads][1].exception()
            if matrices.device.type == "cpu":
                future = self._pool.submit(_roots, matrices)
            else:
                future = Future()
                future.set_result(_roots(matrices))
            self._working.append((layers, future))


def _nanoseconds(side: int) -> float:
    """What the eigenvalues of one matrix take, about."""
    return 2500 + 0.8 * side**3


def _roots(matrices: Tensor) -> Tensor:
    """Square roots of all eigenvalues of (layers, n, side, side), as (layers, n * side)."""
    values: Tensor = torch.linalg.eigvalsh(matrices)
    return values.clamp_(min=0).sqrt_().flatten(1)


def grams(together: Sequence[Blocks]) -> Iterator[Tensor]:
    """The smaller Gram matrices of blocks of one shape, (layers, n, side, side), float64.

    ``J J^T = W D^2 W^T`` for all blocks is one matrix product, of the squared slopes with the
    products of pairs of rows of W; where there are more rows than columns, it is
    ``J^T J = D (W^T W) D``. In pieces along n.
    """
    weight = torch.stack([blocks.weight for blocks in together]).double()
    n_layers, rows, columns = weight.shape
    slopes = [blocks.slopes for blocks in together if blocks.slopes is not None]
    if not slopes:
        square = weight @ weight.mT if rows <= columns else weight.mT @ weight
        yield square[:, None]
        return
    each = max(1, _CHUNK // (n_layers * max(min(rows, columns) ** 2, columns)))
    for parts in zip(*(slope.split(each) for slope in slopes), strict=True):
        slope = torch.stack(parts).double()
        if rows > columns:
            square = weight.mT @ weight
            yield slope[:, :, :, None] * square[:, None] * slope[:, :, None, :]
        elif n_layers * rows * rows * columns <= _CHUNK and len(parts[0]) >= rows:
            pairs = (weight[:, :, None, :] * weight[:, None, :, :]).flatten(1, 2)
            yield (slope.square() @ pairs.mT).unflatten(2, (rows, rows))
        else:
            jacobians = weight[:, None] * slope[:, :, None, :]
            yield jacobians @ jacobians.mT
