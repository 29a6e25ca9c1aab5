"""The statistics of one set of terms, each with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass._from_plain import from_plain
from nnmass.studies._bootstrap import Interval, multiplicities
from nnmass.studies._study_table import StudyTable
from nnmass.studies._terms import BASELINES, name_of, term_values
from nnmass.studies._weighted import (
    left_out_predictions,
    weighted_coefficients,
    weighted_kendall,
    weighted_r_squared,
    weighted_regret,
    weighted_spearman,
)

Floats = npt.NDArray[np.float64]

_MEASURES = (
    "r_squared",
    "spearman",
    "kendall",
    "regret",
    "r_squared_new_depth",
    "r_squared_new_width",
)


@dataclass(frozen=True, slots=True)
class Measure:
    """A number and its interval.

    Attributes:
        value: Of all rows.
        interval: ``None`` where no resample has a value.
    """

    value: float
    interval: Interval | None

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "value": self.value,
            "interval": None if self.interval is None else self.interval.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsFit:
    """What one set of terms explains.

    Attributes:
        terms: Such as ``("ln mass",)``.
        n: Rows.
        n_left_out: Rows without a value of a term, such as ln mass at mass 0.
        intercept: Of the line.
        coefficients: Of the line, one a term.
        r_squared: Of the line.
        spearman: Of the term (of the line, where there are several) and the outcome.
        kendall: Likewise.
        regret: Best outcome minus the best among the top ones by the terms; for a single term
            those of its highest values.
        r_squared_new_depth: Of predictions for depths left out; ``None`` with fewer than 3 depths.
        r_squared_new_width: Likewise.
    """

    terms: tuple[str, ...]
    n: int
    n_left_out: int
    intercept: float
    coefficients: tuple[float, ...]
    r_squared: Measure
    spearman: Measure
    kendall: Measure
    regret: Measure
    r_squared_new_depth: Measure | None
    r_squared_new_width: Measure | None

    @property
    def name(self) -> str:
        """The terms, joined by +."""
        return name_of(self.terms)

    @property
    def is_baseline(self) -> bool:
        """Nothing but params and MACs."""
        return set(self.terms) <= set(BASELINES)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        measures = {
            name: None if (found := getattr(self, name)) is None else found.to_dict()
            for name in _MEASURES
        }
        return {
            "name": self.name,
            "is_baseline": self.is_baseline,
            "n": self.n,
            "n_left_out": self.n_left_out,
            "intercept": self.intercept,
            "coefficients": dict(zip(self.terms, self.coefficients, strict=True)),
            **measures,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TermsFit:
        """The fit that `to_dict` told of."""
        lines = values["coefficients"]
        measures = {name: _measure(values[name]) for name in _MEASURES}
        return from_plain(
            cls, values, terms=tuple(lines), coefficients=tuple(lines.values()), **measures
        )


def _measure(values: Mapping[str, Any] | None) -> Measure | None:
    if values is None:
        return None
    told = values["interval"]
    return Measure(values["value"], None if told is None else from_plain(Interval, told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Resampled configurations.

    Attributes:
        weights: How often each resample holds each configuration, (R, C); the first row is the
            table itself.
        level: Of the intervals.
        seed: Of the draws.
    """

    weights: Floats
    level: float
    seed: int

    @classmethod
    def of(cls, n: int, *, level: float, n_resamples: int, seed: int) -> Draws:
        """``n_resamples`` draws of ``n`` configurations with replacement."""
        blocks = list(multiplicities(n, n_resamples=n_resamples, seed=seed))
        return cls(weights=np.concatenate([np.ones((1, n)), *blocks]), level=level, seed=seed)

    def measure(self, values: Floats) -> Measure:
        """The value of the table and the interval of the others."""
        drawn = values[1:]
        kept = drawn[np.isfinite(drawn)]
        if not len(kept):
            return Measure(float(values[0]), None)
        tail = (1 - self.level) / 2
        low, high = np.quantile(kept, [tail, 1 - tail])
        interval = Interval(
            low=float(low),
            high=float(high),
            level=self.level,
            n_resamples=len(drawn),
            n_degenerate=len(drawn) - len(kept),
            seed=self.seed,
        )
        return Measure(float(values[0]), interval)


def measure_terms(table: StudyTable, terms: tuple[str, ...], draws: Draws, *, top: int) -> TermsFit:
    """Everything about one set of terms, over the rows of ``table`` that have them."""
    x = term_values(table.columns, terms)
    kept = np.isfinite(x).all(1)
    x, y = x[kept], table.outcome[kept]
    weights = draws.weights[:, table.configurations[kept]]
    mean, scale = x.mean(0), x.std(0)
    design = np.column_stack([np.ones(len(x)), (x - mean) / scale])
    found = weighted_coefficients(weights, design, y)
    slopes = found[0, 1:] / scale
    order = x[:, 0] if len(terms) == 1 else design @ found[0]
    order = np.round(order, 12)  # rows of equal terms tie
    rows = weights, design, y
    return TermsFit(
        terms=terms,
        n=len(y),
        n_left_out=int((~kept).sum()),
        intercept=float(found[0, 0] - slopes @ mean),
        coefficients=tuple(map(float, slopes)),
        r_squared=draws.measure(weighted_r_squared(weights, y, found @ design.T)),
        regret=draws.measure(weighted_regret(weights, order, y, top=top)),
        spearman=draws.measure(weighted_spearman(weights, order, y)),
        kendall=draws.measure(weighted_kendall(weights, order, y)),
        r_squared_new_depth=_new_groups(table.columns["depth"][kept], rows, draws),
        r_squared_new_width=_new_groups(table.columns["width"][kept], rows, draws),
    )


def _new_groups(
    values: Floats, rows: tuple[Floats, Floats, Floats], draws: Draws
) -> Measure | None:
    """R2 of predictions for the values (depths, widths) left out; ``None`` with fewer than 3."""
    weights, design, y = rows
    groups = np.unique(values, return_inverse=True)[1]
    if np.isnan(values).any() or groups.max(initial=0) < 2:
        return None
    predicted = left_out_predictions(weights, design, y, groups)
    return draws.measure(weighted_r_squared(weights, y, predicted))
