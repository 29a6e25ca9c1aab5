"""The highest Lagrangian bound over a few options, by Newton steps on a smoothed dual."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnmass.design._knapsack._options import Floats, Options

FIRST = 0.1  # smoothing
_LAST, _FACTOR = 1e-9, 0.1
_STEPS = 12  # at one smoothing
_MOST = 1e7  # a price, in spans of cost a span of use


def highest_bound(
    cells: Sequence[Options],
    limits: Floats,
    *,
    start: Floats,
    smoothing: float = FIRST,
    sum_is_one: bool = False,
) -> tuple[float, Floats]:
    """About the highest bound, and prices that give it.

    Every minimum over options becomes -t log sum exp(-value / t), every price is kept positive by
    t log(price), and t goes down: a concave function with two derivatives.

    Args:
        cells: Few options, scaled: the spans of costs and of each use sum to 1.
        limits: (k,), scaled alike.
        start: (k,), prices to start from.
        smoothing: The first t.
        sum_is_one: Only weights that sum to 1 are looked at.

    Returns:
        The bound at the prices and they themselves. What is beyond 1e7 counts as unbounded.
    """
    prices = np.clip(start, min(1e-3, smoothing), 1e3)
    if sum_is_one:
        prices = prices / prices.sum()
    best, found = prices, exact_bound(cells, limits, prices)
    while smoothing > _LAST:
        for _ in range(_STEPS):
            value, gradient, hessian = _smoothed(cells, limits, prices, smoothing)
            step = _newton(prices, gradient, hessian, sum_is_one=sum_is_one)
            promise = float(gradient @ step)
            if promise <= 1e-3 * smoothing:
                break
            moved = _searched(cells, limits, prices, step, (smoothing, value, promise))
            if moved is None:
                break
            prices = moved
            if prices.max() > _MOST:
                return exact_bound(cells, limits, prices), prices
        bound = exact_bound(cells, limits, prices)
        if bound > found:
            best, found = prices, bound
        smoothing *= _FACTOR
    snapped = np.where(best < 1e-7, 0.0, best)
    bound = exact_bound(cells, limits, snapped)
    return (bound, snapped) if bound >= found - 1e-12 and snapped.any() else (found, best)


def exact_bound(cells: Sequence[Options], limits: Floats, prices: Floats) -> float:
    """The bound itself, not smoothed."""
    least = sum(float((cell.cost + cell.use @ prices).min()) for cell in cells)
    return least - float(prices @ limits)


def _smoothed(
    cells: Sequence[Options], limits: Floats, prices: Floats, smoothing: float
) -> tuple[float, Floats, Floats]:
    """Value, gradient (k,) and second derivatives (k, k)."""
    value = float(smoothing * np.log(prices).sum() - prices @ limits)
    gradient = smoothing / prices - limits
    hessian = -np.diag(smoothing / prices**2)
    for cell in cells:
        priced = cell.cost + cell.use @ prices
        least = priced.min()
        weights = np.exp((least - priced) / smoothing)
        total = weights.sum()
        weights /= total
        mean = weights @ cell.use
        apart = cell.use - mean
        value += float(least - smoothing * np.log(total))
        gradient = gradient + mean
        hessian = hessian - (apart * weights[:, None]).T @ apart / smoothing
    return value, gradient, hessian


def _newton(prices: Floats, gradient: Floats, hessian: Floats, *, sum_is_one: bool) -> Floats:
    """The step, relative to the prices inside: their sizes may differ by many powers of ten."""
    k = len(prices)
    system = np.zeros((k + 1, k + 1))
    system[:k, :k] = hessian * np.outer(prices, prices)
    if sum_is_one:
        system[k, :k] = system[:k, k] = prices
    step, *_ = np.linalg.lstsq(system, np.append(-gradient * prices, 0.0), rcond=1e-15)
    return np.asarray(step[:k] * prices, dtype=np.float64)


def _searched(
    cells: Sequence[Options],
    limits: Floats,
    prices: Floats,
    step: Floats,
    state: tuple[float, float, float],
) -> Floats | None:
    """Prices after the longest of ever shorter steps that is worth a share of its promise."""
    smoothing, value, promise = state
    falling = step < 0
    longest = float((-prices[falling] / step[falling]).min()) if falling.any() else np.inf
    length = min(1.0, 0.95 * longest)
    for _ in range(40):
        moved = prices + length * step
        if (moved > 0).all():
            reached, _, _ = _smoothed(cells, limits, moved, smoothing)
            if reached >= value + 0.1 * length * promise:
                return moved
        length /= 2
    return None
