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
    middle = float(y.mean())
    if len(y) < 2 * least or not np.ptp(y):
        return middle
    low, high = x.min(0), x.max(0)
    tried = generator.permutation(np.flatnonzero(high > low))[:FEATURES_TRIED]
    thresholds = generator.uniform(low[tried], high[tried])
    goes_below = x[:, tried] < thresholds
    counts = goes_below.sum(0)
    sums = (y - middle) @ goes_below
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty side is ruled out below
        gains = sums**2 * (1 / counts + 1 / (len(y) - counts))
    gains[np.minimum(counts, len(y) - counts) < least] = -1.0
    if not len(tried) or gains.max() < 0:
        return middle
    best = int(gains.argmax())
    below = goes_below[:, best]
    return Split(
        int(tried[best]),
        float(thresholds[best]),
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
