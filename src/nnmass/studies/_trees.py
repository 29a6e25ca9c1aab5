"""Extremely randomised trees: an average of many rough step functions that never runs away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_TREES, FEATURES_TRIED, ROWS_A_LEAF, MOST_LEAVES = 200, 12, 2, 200


@dataclass(frozen=True, slots=True)
class Trees:
    """All nodes of all trees in one row; the roots come first.

    Attributes:
        feature: That a node asks for; -1 in a leaf.
        threshold: Rows with ``x[feature] < threshold`` go to ``below``, others to the node after.
        below: Place of that node.
        value: Mean outcome of a node's rows.
        n_trees: How many roots.
    """

    feature: Ints
    threshold: Floats
    below: Ints
    value: Floats
    n_trees: int


def grow_trees(x: Floats, y: Floats, *, seed: int) -> Trees:
    """Trees over all rows ``x`` (n, p): random thresholds, of some features the best.

    All trees grow at once, a level at a time, since a loop over nodes costs ten times as much.

    Source:
        Geurts, Ernst, Wehenkel, Machine Learning 63 (2006). Smallest leaves of 2 rows, more where
        there are many rows.
    """
    generator = np.random.default_rng(seed)
    least = max(ROWS_A_LEAF, len(y) // MOST_LEAVES)
    row = np.tile(np.arange(len(y)), N_TREES)
    node = np.repeat(np.arange(N_TREES), len(y))
    levels, n_nodes, n_before = list[tuple[Ints, Floats, Ints, Floats]](), N_TREES, 0
    while n_nodes:
        first = np.searchsorted(node, np.arange(n_nodes))
        feature, threshold, value = _best_splits(x[row], y[row], node, first, generator, least)
        n_before += n_nodes
        place = np.cumsum(feature >= 0) - 1  # among the nodes of this level that split
        levels.append((feature, threshold, n_before + 2 * place, value))
        goes_on = feature[node] >= 0
        row, node = row[goes_on], node[goes_on]
        is_above = x[row, feature[node]] >= threshold[node]
        node = 2 * place[node] + is_above
        order = np.argsort(node, kind="stable")
        row, node = row[order], node[order]
        n_nodes = 2 * int((feature >= 0).sum())
    parts = [np.concatenate(part) for part in zip(*levels, strict=True)]
    return Trees(parts[0], parts[1], parts[2], parts[3], N_TREES)


def predict_trees(trees: Trees, x: Floats) -> Floats:
    """Mean over the trees, for each row."""
    at = np.tile(np.arange(trees.n_trees), (len(x), 1))
    rows = np.arange(len(x))[:, None]
    while ((feature := trees.feature[at]) >= 0).any():
        is_above = x[rows, np.maximum(feature, 0)] >= trees.threshold[at]
        at = np.where(feature >= 0, trees.below[at] + is_above, at)
    result: Floats = trees.value[at].mean(1)
    return result


def _best_splits(
    x: Floats,
    y: Floats,
    node: Ints,
    first: Ints,
    generator: np.random.Generator,
    least: int,
) -> tuple[Ints, Floats, Floats]:
    """Feature (-1: none), threshold and mean of each node; rows come sorted by their node."""
    n_nodes = len(first)
    tried = np.argsort(generator.random((n_nodes, x.shape[1])), 1)[:, :FEATURES_TRIED]
    seen = np.take_along_axis(x, tried[node], 1)
    low, high = np.minimum.reduceat(seen, first), np.maximum.reduceat(seen, first)
    thresholds = low + (high - low) * generator.random(tried.shape)
    count = np.bincount(node, minlength=n_nodes)
    mean = np.add.reduceat(y, first) / count
    is_below = (seen < thresholds[node]).astype(np.float64)
    below = np.add.reduceat(is_below, first)
    sums = np.add.reduceat(is_below * (y - mean[node])[:, None], first)
    above = count[:, None] - below
    gains = sums**2 * (1 / np.maximum(below, 1) + 1 / np.maximum(above, 1))
    gains[(np.minimum(below, above) < least) | (high <= low)] = -1.0
    best = gains.argmax(1)
    each = np.arange(n_nodes)
    is_flat = np.maximum.reduceat(y, first) == np.minimum.reduceat(y, first)
    splits = (gains[each, best] >= 0) & ~is_flat
    return np.where(splits, tried[each, best], -1), thresholds[each, best], mean
