"""Which predictions no patch can change: integer rules on votes, nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnmass.audit._patch._ablation import Ablation, Flags
from nnmass.audit._patch._votes import Counts

_BYTES_AT_ONCE = 2**26


def predicted(counts: Counts) -> Counts:
    """The class with the most votes, the smallest index among equals; (B,) from (B, K).

    Example:
        >>> predicted(np.array([[4, 7, 7]])).tolist()
        [1]
    """
    return counts.argmax(-1)


def count_rule(sure: Counts, possible: Counts, prediction: Counts, reach: int) -> Flags:
    """Certified if n_t >= n_k + [k < t] + 2 * reach for every class k other than t; (B,).

    Args:
        sure: Votes that surely stand, (B, K); of these the prediction's are read.
        possible: Votes that may stand, (B, K); of these the rivals' are read. The same as ``sure``
            where votes are exact.
        prediction: t of each image, (B,).
        reach: Most copies that a patch can touch; Delta.

    Source:
        A. Levine, S. Feizi, NeurIPS 2020 (arXiv:2002.10733), theorem 1.

    Example:
        >>> counts = np.array([[20, 5, 1], [10, 5, 1], [1, 16, 1]])
        >>> count_rule(counts, counts, predicted(counts), 7).tolist()
        [True, False, True]
    """
    return _margin(sure, possible, prediction) >= 2 * reach


def _margin(sure: Counts, possible: Counts, prediction: Counts) -> Counts:
    """n_t - max over k of (n_k + [k < t]), (B,)."""
    rows = np.arange(len(sure))
    rivals = possible + (np.arange(possible.shape[1]) < prediction[:, None])
    rivals[rows, prediction] = np.iinfo(np.int64).min // 2
    return sure[rows, prediction] - rivals.max(1)


margins = _margin


def location_rule(sure: Flags, possible: Flags, prediction: Counts, touched: Flags) -> Flags:
    """Certified if no place of the patch can change the prediction, whatever its copies say; (B,).

    For every place r and class k other than t, with a[r] the votes of the copies A_r there:

        n_t - a[r, t] >= n_k - a[r, k] + |A_r| + [k < t].

    Outside A_r nothing changes; inside, t keeps at least 0 votes and k gets at most |A_r|. Both at
    once are within reach of an adversary who sets those copies at will, so the rule is exact.

    Args:
        sure: Votes that surely stand, (B, n, K).
        possible: Votes that may stand, (B, n, K).
        prediction: t of each image, (B,).
        touched: Copies that a patch touches at each place, (P, n); see `hardest_places`.

    Source:
        Ours; the idea of counting by place is that of BagCert and PatchGuard.
    """
    fixed = np.ones(len(sure), bool)
    weights = touched.T.astype(np.float32)  # counts below 2**24 are exact in float32
    sizes = touched.sum(1)
    for rows in _pieces(sure.shape, len(touched)):
        low, high = _inside(sure[rows], weights), _inside(possible[rows], weights)
        t = prediction[rows]
        at = np.arange(len(t))
        classes = np.arange(sure.shape[2])
        kept = (sure[rows].sum(1)[at, t, None] - low[at, t]).astype(np.int64)
        rivals = possible[rows].sum(1)[..., None] - high + sizes
        rivals += (classes < t[:, None])[..., None]
        rivals[at, t] = -1.0
        fixed[rows] = (kept >= rivals.max(1)).all(1)
    return fixed


def _pieces(shape: tuple[int, ...], n_places: int) -> Iterator[slice]:
    size = max(1, _BYTES_AT_ONCE // (8 * shape[2] * max(n_places, shape[1])))
    return (slice(k, k + size) for k in range(0, shape[0], size))


def _inside(votes: Flags, weights: np.ndarray) -> np.ndarray:
    """Votes for each class within the copies of each place, (B, K, P)."""
    batch, n, classes = votes.shape
    flat = votes.transpose(0, 2, 1).reshape(batch * classes, n).astype(np.float32)
    return (flat @ weights).reshape(batch, classes, -1)


def hardest_places(ablation: Ablation, patch: tuple[int, int]) -> Flags:
    """The places that decide, (P, n): each set of touched copies once, and only the largest.

    If A is part of B, whoever holds at B holds at A: each copy more in A takes votes of t, or
    gives them to k, so the left side of the rule less its right side only falls.
    """
    touched = np.unique(ablation.touched(patch), axis=0)
    shared = touched.astype(np.float32) @ touched.T.astype(np.float32)
    sizes = touched.sum(1)
    is_part = (shared == sizes[:, None]) & (sizes[:, None] < sizes)
    return touched[~is_part.any(1)]
