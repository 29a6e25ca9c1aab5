"""Extremely randomised trees: an average of many rough step functions that never runs away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

N_TREES, FEATURES_TRIED, ROWS_A_LEAF, MOST_LEAVES = 150, 12, 2, 200


@dataclass(frozen=True, slots=True)
class Split:
    """Rows with ``x[feature] < threshold`` go to ``below``; a leaf is a number."""

    feature: int
    threshold: float
    below: Split | float
    above: Split | float


def grow_trees(x: Floats, y: Floats, *, seed: int) -> tuple[Split | float, ...]:
    """Trees over all rows ``x`` (n, p): random thresholds, of some features the best.

    Source:
        Geurts, Ernst, Wehenkel, Machine Learning 63 (2006). Smallest leaves of 2 rows, more where
        there are many rows.
    """
    generator = np.random.default_rng(seed)
    least = max(ROWS_A_LEAF, len(y) // MOST_LEAVES)
    return tuple(_grown(x, y, generator, least) for _ in range(N_TREES))


def predict_trees(trees: tuple[Split | float, ...], x: Floats) -> Floats:
    """Mean over the trees, for each row."""
    total = np.zeros(len(x))
    for tree in trees:
        total += _values(tree, x)
    return total / len(trees)


def _grown(x: Floats, y: Floats, generator: np.random.Generator, least: int) -> Split | float:
    best: tuple[float, int, float] | None = None
    if len(y) >= 2 * least and np.ptp(y) > 0:
        low, high = x.min(0), x.max(0)
        varied = np.flatnonzero(high > low)
        for feature in generator.permutation(varied)[:FEATURES_TRIED]:
            threshold = generator.uniform(low[feature], high[feature])
            below = x[:, feature] < threshold
            count = int(below.sum())
            if min(count, len(y) - count) < least:
                continue
            first, second = y[below].mean(), y[~below].mean()
            gain = count * first**2 + (len(y) - count) * second**2
            if best is None or gain > best[0]:
                best = (float(gain), int(feature), float(threshold))
    if best is None:
        return float(y.mean())
    _, feature, threshold = best
    below = x[:, feature] < threshold
    return Split(
        feature,
        threshold,
        _grown(x[below], y[below], generator, least),
        _grown(x[~below], y[~below], generator, least),
    )


def _values(tree: Split | float, x: Floats) -> Floats:
    if not isinstance(tree, Split):
        return np.full(len(x), tree)
    below = x[:, tree.feature] < tree.threshold
    values = np.empty(len(x))
    values[below], values[~below] = _values(tree.below, x[below]), _values(tree.above, x[~below])
    return values
