"""From singular values, or rules for them, to the numbers of a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nnmass.probes._lanczos import Quadrature
from nnmass.probes._spectrum import LEVELS, NEAR_ONE

Floats = npt.NDArray[np.float64]

ZERO = 1e-7  # of the largest: less than the Gram matrices resolve


class Numbers(TypedDict):
    """The numeric fields of a `LayerSpectrum`."""

    mean: float
    mean_error: float
    std: float
    quantiles: tuple[float, ...]
    near_one: float
    max_abs_log: float | None
    zero_share: float | None
    largest: float


def of_values(values: Tensor) -> list[Numbers]:
    """The numbers of several layers at a time, from singular values (layers, n), float64."""
    ordered = values.sort(1).values
    n = ordered.shape[1]
    largest = ordered[:, -1:]
    is_zero = ordered <= ZERO * largest
    logs = ordered.log().abs().masked_fill_(is_zero, 0)
    near = (ordered >= NEAR_ONE[0]) & (ordered <= NEAR_ONE[1])
    # The smallest value that so many are not above: copies of all values change nothing.
    places = [max(math.ceil(level * n - 1e-9) - 1, 0) for level in LEVELS]
    quantiles = ordered[:, places]
    columns = [
        ordered.mean(1),
        ordered.std(1, correction=0),
        near.double().mean(1),
        logs.amax(1),
        is_zero.double().mean(1),
        largest[:, 0],
    ]
    table = torch.cat([torch.stack(columns, 1), quantiles], 1).tolist()
    return [
        {
            "mean": mean,
            "mean_error": 0.0,
            "std": std,
            "near_one": near_one,
            "max_abs_log": max_abs_log if zero_share < 1 else None,
            "zero_share": zero_share,
            "largest": most,
            "quantiles": tuple(levels),
        }
        for mean, std, near_one, max_abs_log, zero_share, most, *levels in table
    ]


def of_rules(
    rules: Sequence[Quadrature], *, mean: float, mean_error: float, mean_square: float
) -> Numbers:
    """The numbers of one layer, from the rules of all starts.

    Args:
        rules: The distribution functions of all of them are averaged; each is taken as linear
            between its nodes, half of a node's weight on either side.
        mean: Mean singular value.
        mean_error: Half the width of its interval.
        mean_square: Mean of the squares, exactly.
    """
    largest = max(float(rule.nodes.max()) for rule in rules)
    grid = np.linspace(0, largest, 2001)
    distribution = np.mean([_distributions(rule, grid) for rule in rules], axis=0)
    low, high = (float(np.interp(edge, grid, distribution, right=1.0)) for edge in NEAR_ONE)
    increasing = np.maximum.accumulate(distribution) + 1e-12 * np.arange(len(grid))
    return {
        "mean": mean,
        "mean_error": mean_error,
        "std": math.sqrt(max(mean_square - mean**2, 0.0)),
        "near_one": high - low,
        "max_abs_log": None,
        "zero_share": None,
        "largest": largest,
        "quantiles": tuple(float(np.interp(level, increasing, grid)) for level in LEVELS),
    }


def _distributions(rule: Quadrature, grid: Floats) -> Floats:
    """Mean over the starts, and over both rules, of their distribution functions on ``grid``."""
    k = rule.n_steps
    total = np.zeros_like(grid)
    nodes, weights = rule.nodes.cpu().numpy(), rule.weights.cpu().numpy()
    for part in (slice(0, k), slice(k, None)):
        # torch gives singular values in descending order, interpolation wants them ascending
        for x, w in zip(nodes[:, part], 2 * weights[:, part], strict=True):
            below = np.cumsum(w[::-1]) - w[::-1] / 2
            total += np.interp(grid, x[::-1], below, left=0.0, right=1.0)
    return total / (2 * len(nodes))
