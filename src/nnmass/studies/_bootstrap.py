"""How sure a rank correlation is: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError, did_you_mean, whole_number
from nnmass.studies._rank_correlation import (
    ENTRIES_AT_ONCE,
    Floats,
    Values,
    checked,
    clipped,
    kendall,
    signs,
    spearman,
)

Statistic = Literal["spearman", "kendall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A percentile bootstrap interval.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Share of the resamples between the two, such as 0.95.
        n_resamples: Resamples drawn.
        n_degenerate: Those of them that hold a constant variable, for which no correlation
            exists; the interval is made of the others.
        seed: Of the resampling.
    """

    low: float
    high: float
    level: float
    n_resamples: int
    n_degenerate: int
    seed: int

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "n_resamples": self.n_resamples,
            "n_degenerate": self.n_degenerate,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """How alike two variables order the same rows.

    Attributes:
        n: Rows.
        spearman: Spearman's rho in [-1, 1].
        kendall: Kendall's tau-b in [-1, 1].
        spearman_interval: Of rho.
        kendall_interval: Of tau-b, from the same resamples.
        seed: Of the resampling.
        n_resamples: Resamples drawn.
    """

    n: int
    spearman: float
    kendall: float
    spearman_interval: Interval
    kendall_interval: Interval
    seed: int
    n_resamples: int

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "n": self.n,
            "spearman": self.spearman,
            "kendall": self.kendall,
            "spearman_interval": self.spearman_interval.to_dict(),
            "kendall_interval": self.kendall_interval.to_dict(),
            "seed": self.seed,
            "n_resamples": self.n_resamples,
        }


def bootstrap_interval(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    statistic: Statistic = "spearman",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a rank correlation: rows are drawn with replacement.

    A resample is a vector w of multiplicities. With the sign matrices S and T of x and y,

        tau_b = w'(S * T)w / sqrt(w'(S * S)w * w'(T * T)w)
        rho   = sum_i w_i a_i b_i / sqrt(sum_i w_i a_i^2 * sum_i w_i b_i^2),  a = S w, b = T w

    so that all resamples are a few matrix products. A row that is drawn twice is tied with itself.

    Args:
        x: n >= 3 numbers, not all equal; memory grows with n^2 (about 150 MB at n = 2000).
        y: As many.
        statistic: ``"spearman"`` or ``"kendall"``.
        level: Share of the resamples between the ends, in (0, 1).
        n_resamples: At least 100.
        seed: Of a generator of its own; equal seeds and n draw the same rows.

    Returns:
        The interval. Where x and y agree in every pair it is [1, 1]: a resample cannot show a
        disagreement that the data do not hold, so that small n looks surer than it is.

    Raises:
        SpecError: As `spearman`, or an option is out of range.

    Source:
        Efron, Annals of Statistics 7 (1979); Efron and Tibshirani, 1993, chapter 13. The rows
        count as independent draws, which networks of one family are not quite.

    Example:
        >>> found = bootstrap_interval([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5], seed=1)
        >>> found.low < spearman([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5]) < found.high
        True
    """
    first, second = checked(x=x, y=y)
    _check_options(statistic, level)
    drawn = _resampled(first, second, n_resamples=n_resamples, seed=seed)
    return _interval(drawn[statistic], level=level, seed=seed)


def bootstrap_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    statistic: Statistic = "spearman",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of a correlation of ``first`` with ``outcome`` minus that of ``second``.

    Both correlations are of the same resamples. Two predictors that are alike have overlapping
    intervals each, and yet may differ for sure: compare them with this one, not with those.

    Args:
        first: A predictor, n >= 3 numbers.
        second: Another one, such as a baseline.
        outcome: What both predict.
        statistic: ``"spearman"`` or ``"kendall"``.
        level: Share of the resamples between the ends, in (0, 1).
        n_resamples: At least 100.
        seed: Of the resampling.

    Returns:
        The interval; one that holds 0 does not tell the two apart.

    Raises:
        SpecError: As `bootstrap_interval`.

    Source:
        The paired bootstrap; Efron and Tibshirani, 1993, chapter 13.

    Example:
        >>> found = bootstrap_difference([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [2, 1, 3, 5, 4])
        >>> found.low, found.high
        (0.0, 0.0)
    """
    one, two, wanted = checked(first=first, second=second, outcome=outcome)
    _check_options(statistic, level)
    pairs = [_resampled(one, wanted, n_resamples=n_resamples, seed=seed)[statistic]]
    pairs.append(_resampled(two, wanted, n_resamples=n_resamples, seed=seed)[statistic])
    return _interval(pairs[0] - pairs[1], level=level, seed=seed)


def rank_correlation(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> RankCorrelation:
    """Both rank correlations with their intervals, from one set of resamples.

    Args:
        x: n >= 3 numbers, not all equal.
        y: As many.
        level: Share of the resamples between the ends, in (0, 1).
        n_resamples: At least 100.
        seed: Of the resampling.

    Returns:
        Spearman's rho, Kendall's tau-b and an interval for each.

    Raises:
        SpecError: As `bootstrap_interval`.

    Source:
        `spearman`, `kendall`, `bootstrap_interval`.

    Example:
        >>> result = rank_correlation([1, 2, 3, 4, 5], [1, 2, 4, 3, 5])
        >>> result.n, round(result.spearman, 3), round(result.kendall, 3)
        (5, 0.9, 0.8)
    """
    first, second = checked(x=x, y=y)
    _check_options("spearman", level)
    drawn = _resampled(first, second, n_resamples=n_resamples, seed=seed)
    return RankCorrelation(
        n=len(first),
        spearman=spearman(first, second),
        kendall=kendall(first, second),
        spearman_interval=_interval(drawn["spearman"], level=level, seed=seed),
        kendall_interval=_interval(drawn["kendall"], level=level, seed=seed),
        seed=seed,
        n_resamples=n_resamples,
    )


def _resampled(x: Values, y: Values, *, n_resamples: int, seed: int) -> dict[Statistic, Floats]:
    """Both statistics of every resample; NaN where a variable is constant."""
    n_resamples = whole_number(
        n_resamples, "n_resamples", low=100, why="fewer leave nothing in the tails of an interval"
    )
    seed = whole_number(seed, "seed", low=0)
    s, t = signs(x, x), signs(y, y)
    both, of_x, of_y = s * t, np.abs(s), np.abs(t)
    rho, tau = np.empty(n_resamples), np.empty(n_resamples)
    done = 0
    with np.errstate(invalid="ignore"):  # 0 / 0 of a constant variable is NaN, counted later
        for w in multiplicities(len(x), n_resamples=n_resamples, seed=seed):
            now = slice(done, done + len(w))
            pairs = [np.einsum("ri,ri->r", w @ matrix, w) for matrix in (both, of_x, of_y)]
            tau[now] = pairs[0] / np.sqrt(pairs[1] * pairs[2])
            a, b = w @ s, w @ t
            sums = [np.einsum("ri,ri,ri->r", w, *two) for two in ((a, b), (a, a), (b, b))]
            rho[now] = sums[0] / np.sqrt(sums[1] * sums[2])
            done += len(w)
    return {"spearman": rho, "kendall": tau}


def multiplicities(n: int, *, n_resamples: int, seed: int) -> Iterator[Floats]:
    """How often each resample holds each row, in blocks of resamples."""
    generator = np.random.default_rng(seed)
    for start in range(0, n_resamples, step := max(1, ENTRIES_AT_ONCE // n)):
        count = min(step, n_resamples - start)
        flat = generator.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(flat.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


def _interval(drawn: Floats, *, level: float, seed: int) -> Interval:
    kept = np.sort(drawn[~np.isnan(drawn)])  # never empty: 100 degenerate ones in a row
    tail = (1 - level) / 2
    low, high = np.quantile(kept, [tail, 1 - tail])
    return Interval(
        low=clipped(float(low), bound=2),
        high=clipped(float(high), bound=2),
        level=level,
        n_resamples=len(drawn),
        n_degenerate=len(drawn) - len(kept),
        seed=seed,
    )


def _check_options(statistic: str, level: float) -> None:
    if statistic not in (known := get_args(Statistic)):
        raise SpecError(
            f"statistic must be 'spearman' or 'kendall', got {statistic!r}."
            f"{did_you_mean(str(statistic), known)}"
        )
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise SpecError(
            f"level must lie between 0 and 1, both excluded, got {level!r}; 0.95 is usual"
        )
