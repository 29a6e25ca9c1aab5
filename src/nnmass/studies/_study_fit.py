"""How well masses and costs explain the accuracies of a study, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnmass.errors import SpecError, whole_number
from nnmass.studies._accuracy_model import AccuracyModel
from nnmass.studies._measure_terms import Draws, TermsFit, measure_terms
from nnmass.studies._study_table import StudyTable, study_table
from nnmass.studies._terms import PREDICTORS, term_values


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFit:
    """What a study's accuracies follow.

    Attributes:
        outcome: The column that was explained.
        n_rows: Trained networks.
        n_configurations: Different ones.
        configurations: Each set of terms, over the means of configurations; baselines first.
        rows: The same over single trainings; empty where there is one each.
        model: The small model that predicts; fitted to the means.
        top: Of the regret.
        level: Of the intervals.
        n_resamples: Of the bootstrap.
        seed: Of the bootstrap.
        notes: What a reader of the numbers must know.
    """

    outcome: str
    n_rows: int
    n_configurations: int
    configurations: tuple[TermsFit, ...]
    rows: tuple[TermsFit, ...]
    model: AccuracyModel
    top: int
    level: float
    n_resamples: int
    seed: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "outcome": self.outcome,
            "n_rows": self.n_rows,
            "n_configurations": self.n_configurations,
            "top": self.top,
            "level": self.level,
            "n_resamples": self.n_resamples,
            "seed": self.seed,
            "configurations": [fit.to_dict() for fit in self.configurations],
            "rows": [fit.to_dict() for fit in self.rows],
            "model": self.model.to_dict(),
            "notes": list(self.notes),
        }


def fit_accuracy(
    table: StudyTable | Iterable[Mapping[str, Any]],
    *,
    top: int = 5,
    terms: tuple[str, ...] | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> StudyFit:
    """How well masses and costs explain the outcomes of trained networks.

    For each set of terms (params, MACs, their logarithms; mass and its logarithm; both together)
    a line is fitted by least squares. R2 is that of the line, over the means of configurations and
    over single trainings; with one depth (or width) left out it is that of predictions for the
    depth that the line has not seen, ``1 - sum (y - predicted)^2 / sum (y - mean)^2``, and can be
    negative. Rank correlations are those of the term itself, or of the line of several. The regret
    is what the best of the ``top`` networks that the terms put first lacks to the best of all.

    Configurations (with all their seeds) are drawn with replacement for the intervals: networks of
    one configuration are not independent. Configurations whose mass is 0 have no ln mass: they are
    left out there, and only there, and counted.

    Args:
        table: From `study_table` or `read_study_table`, or rows that `study_table` takes.
        top: Of the regret.
        terms: Of the model, such as ``("ln mass",)``; unless told, `AccuracyModel` chooses.
        level: Of the intervals, in (0, 1).
        n_resamples: Of the bootstrap, at least 100.
        seed: Of the bootstrap.

    Raises:
        SpecError: As `study_table`, an option is out of range, or all outcomes are equal.

    Source:
        Protocol of the NN-Mass experiments, with leave-one-depth-out for "unseen networks"; the
        intervals are percentile bootstrap intervals (Efron and Tibshirani, 1993, chapter 13).

    Example:
        >>> rows = [{"mass": m, "params": m % 5 + 1, "accuracy": 90 + m / 10} for m in range(20)]
        >>> fit = fit_accuracy(rows, n_resamples=100)
        >>> round({one.name: one for one in fit.configurations}["mass"].r_squared.value, 6)
        1.0
    """
    table = table if isinstance(table, StudyTable) else study_table(table)
    top = whole_number(top, "top", low=1)
    n_resamples = whole_number(
        n_resamples, "n_resamples", low=100, why="fewer leave nothing in the tails of an interval"
    )
    seed = whole_number(seed, "seed", low=0)
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise SpecError(f"level must lie between 0 and 1, both excluded, got {level!r}")
    means = table.averaged()
    if np.ptp(means.outcome) == 0:
        raise SpecError(
            f"{table.outcome_name} is the same for all {len(means.outcome)} configurations: "
            "there is nothing to explain"
        )
    draws = Draws.of(len(means.outcome), level=level, n_resamples=n_resamples, seed=seed)
    has_seeds = len(table.outcome) > len(means.outcome)
    asked = [terms for terms in PREDICTORS if _is_told(means, terms)]
    if not asked:
        raise SpecError(
            "no term has at least 3 different values: give spec, or mass, params or macs as columns"
        )
    by_mean = tuple(measure_terms(means, terms, draws, top=top) for terms in asked)
    return StudyFit(
        outcome=table.outcome_name,
        n_rows=len(table.outcome),
        n_configurations=len(means.outcome),
        configurations=by_mean,
        rows=tuple(measure_terms(table, one, draws, top=top) for one in asked) if has_seeds else (),
        model=AccuracyModel(terms=terms).fit(table),
        top=top,
        level=float(level),
        n_resamples=n_resamples,
        seed=seed,
        notes=(*table.notes, *_left_out(by_mean, table)),
    )


def _is_told(table: StudyTable, terms: tuple[str, ...]) -> bool:
    """Enough rows have values, and these are no multiples of each other."""
    x = term_values(table.columns, terms)
    x = x[np.isfinite(x).all(1)]
    if len(x) < len(terms) + 2 or (np.ptp(x, axis=0) == 0).any():
        return False
    x = (x - x.mean(0)) / x.std(0)
    return bool(np.linalg.matrix_rank(x, tol=1e-6 * np.sqrt(len(x))) == len(terms))


def _left_out(fits: tuple[TermsFit, ...], table: StudyTable) -> tuple[str, ...]:
    without = {fit.n_left_out for fit in fits if any("ln mass" in term for term in fit.terms)}
    zero = int((table.averaged().columns["mass"] == 0).sum())
    if not without or not zero:
        return ()
    return (
        f"{zero} configuration(s) of mass 0 have no ln mass: left out there, and only there, so "
        "that its rows are fewer (n)",
    )
