"""A small model of a study's accuracies, with calibrated intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import numpy.typing as npt

from nnmass.design import NotInFitError, Prediction
from nnmass.errors import SpecError
from nnmass.specs import Spec
from nnmass.studies._conformal import interval_ends
from nnmass.studies._ridge import Ridge, RidgeFit, fit_ridge, folds_of
from nnmass.studies._study_table import QUANTITIES, StudyTable, quantities_of, study_table
from nnmass.studies._terms import PREDICTORS, TERMS, name_of, term_values

if TYPE_CHECKING:
    from nnmass.tracing import Topology

Floats = npt.NDArray[np.float64]

LEVEL = 0.9
"""Of the intervals of predictions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitState:
    """What a fitted model holds.

    Attributes:
        ridge: The model of all configurations.
        folds: The models that lack one fold each.
        fold: Of each configuration.
        residuals: Of each configuration, by the model that lacks its fold: y - predicted.
        ranges: Least and most of each quantity; without those that the table lacks.
        families: That were fitted.
        dataset: That they were trained on.
        held_out: What a fold is: ``depth`` or ``configuration``.
        outcome: What is predicted.
        bounds: Between which it lies; per cents lie in [0, 100].
    """

    ridge: Ridge
    folds: tuple[Ridge, ...]
    fold: npt.NDArray[np.int64]
    residuals: Floats
    ranges: Mapping[str, tuple[float, float]]
    families: tuple[str, ...]
    dataset: str
    held_out: str
    outcome: str
    bounds: tuple[float, float]


class AccuracyModel:
    """Accuracy as a ridge regression on a few standardised terms of mass, params and MACs.

    ``fit``, ``predict`` and ``score`` as in scikit-learn. A fitted model is what `nnmass.design`
    takes as ``fit=``. Intervals are those of CV+ with depths left out (configurations, where there
    are fewer than 3 depths), so that they hold for depths that were not trained; they are of the
    mean over seeds.

    Args:
        terms: Such as ``("ln mass",)``; unless told, the fewest whose error on what is left out
            lies within one standard error of the smallest.
        level: Of the intervals, in (0, 1).

    Raises:
        SpecError: A term is unknown, there is none, or the level is out of range.

    Source:
        CV+: Barber, Candes, Ramdas, Tibshirani, Annals of Statistics 49 (2021).

    Example:
        >>> rows = [{"mass": m, "params": 9, "accuracy": 90 + m / 10} for m in range(1, 20)]
        >>> model = AccuracyModel(terms=("mass",)).fit(rows)
        >>> round(model.predict({"mass": 10.5}).accuracy, 2), model.rises_with_mass
        (91.05, True)
    """

    def __init__(self, *, terms: Sequence[str] | None = None, level: float = LEVEL) -> None:
        for term in terms or ():
            if term not in TERMS:
                raise SpecError(f"unknown term {term!r}. Known: {', '.join(TERMS)}")
        if terms is not None and (not terms or isinstance(terms, str)):
            raise SpecError(f"terms must be a sequence of at least one term, got {terms!r}")
        if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
            raise SpecError(f"level must lie between 0 and 1, both excluded, got {level!r}")
        self.terms = None if terms is None else tuple(terms)
        self.level = float(level)
        self.state: FitState | None = None

    def fit(self, networks: StudyTable | Iterable[Mapping[str, Any]], y: object = None) -> Self:
        """Fit to trained networks.

        Args:
            networks: A table, or rows that `nnmass.studies.study_table` takes.
            y: Outcomes, one a row, instead of a column of the rows.

        Raises:
            SpecError: As `study_table`, or no terms can be fitted.
        """
        if not isinstance(networks, StudyTable):
            if y is not None:
                pairs = zip(networks, np.asarray(y, np.float64).tolist(), strict=True)
                networks = [{**row, "accuracy": value} for row, value in pairs]
            networks = study_table(networks)
        table = networks.averaged()
        fold, held_out = folds_of(table)
        choices = [self.terms] if self.terms else PREDICTORS
        found = [(terms, fit_ridge(table, terms, fold)) for terms in choices]
        told = [(terms, fit) for terms, fit in found if fit is not None]
        if not told:
            raise SpecError(
                f"the terms {name_of(self.terms or TERMS)} cannot be fitted to "
                f"{len(table.outcome)} configurations: too few have a value of each, or they do "
                "not differ"
            )
        terms, best = _simplest(told)
        self.terms = terms
        is_share = table.outcome.min() >= 0 and table.outcome.max() <= 100
        self.state = FitState(
            ridge=best.ridge,
            folds=best.folds,
            fold=best.fold,
            residuals=best.residuals,
            ranges=_ranges(table, terms),
            families=table.families,
            dataset=table.dataset,
            held_out=held_out,
            outcome=table.outcome_name,
            bounds=(0.0, 100.0) if is_share else (-math.inf, math.inf),
        )
        return self

    @property
    def rises_with_mass(self) -> bool:
        """The mass, or its logarithm, is the only term and has a positive coefficient."""
        state = self._fitted()
        only = len(self.terms or ()) == 1 and (self.terms or ("",))[0] in ("mass", "ln mass")
        return only and state.ridge.coefficients[0] > 0

    @overload
    def predict(self, networks: Spec | Topology | Mapping[str, Any]) -> Prediction: ...
    @overload
    def predict(self, networks: Sequence[Any]) -> Floats: ...
    def predict(self, networks: Any) -> Prediction | Floats:
        """One network (a spec, a topology, a row) to its prediction; several to an array.

        Raises:
            SpecError: It was not fitted, or a network has no value of a term.
        """
        if isinstance(networks, Spec | Mapping) or hasattr(networks, "cells"):
            return self._prediction(networks)
        return np.array([self._prediction(one).accuracy for one in networks])

    def score(self, networks: StudyTable | Sequence[Any], y: object = None) -> float:
        """R2 of the predictions: ``1 - sum (y - predicted)^2 / sum (y - mean)^2``.

        Args:
            networks: As `predict` takes them, or a table with its outcomes.
            y: The outcomes, one a network; not with a table.

        Returns:
            At most 1; not a number where all outcomes are equal.
        """
        if isinstance(networks, StudyTable):
            rows: list[dict[str, float]] = [
                {name: float(networks.columns[name][i]) for name in QUANTITIES}
                for i in range(len(networks.outcome))
            ]
            wanted, predicted = networks.outcome, self.predict(rows)
        else:
            wanted, predicted = np.asarray(y, np.float64), self.predict(networks)
        around = float(((wanted - wanted.mean()) ** 2).sum())
        return 1 - float(((wanted - predicted) ** 2).sum()) / around if around else math.nan

    def why_extrapolates(self, network: Any, *, dataset: str = "") -> tuple[str, ...]:
        """In what respects a network lies outside what was fitted; empty where in none.

        Args:
            network: A spec, or numbers by name.
            dataset: What it would be trained on, if that is known.
        """
        state, numbers = self._fitted(), _numbers(network)
        reasons = []
        for name, (low, high) in state.ranges.items():
            value = numbers.get(name, math.nan)
            slack = 1e-9 * max(abs(low), abs(high))
            if value == value and not low - slack <= value <= high + slack:
                reasons.append(f"{name} {value:.6g} is outside {low:.6g} .. {high:.6g}")
        family = network.family if isinstance(network, Spec) else ""
        if state.families and not isinstance(network, Mapping) and family not in state.families:
            told = f"its family is {family}" if family else "its family is not known"
            reasons.append(f"{told}, fitted were {', '.join(state.families)}")
        if dataset and state.dataset and dataset != state.dataset:
            reasons.append(f"its data set is {dataset}, fitted was {state.dataset}")
        return tuple(reasons)

    def _prediction(self, network: Any) -> Prediction:
        state, terms = self._fitted(), self.terms or ()
        columns = {name: np.array([value]) for name, value in _numbers(network).items()}
        x = term_values(columns, terms)[0]
        if not np.isfinite(x).all():
            lacks = [term for term, value in zip(terms, x, strict=True) if not np.isfinite(value)]
            is_massless = columns["mass"][0] == 0 and any("ln mass" in term for term in lacks)
            raise NotInFitError(
                f"{_told(network)} has no {' and no '.join(lacks)}, which the fit needs (a mass of "
                "0 has no logarithm); fit with other terms",
                reason=f"{'mass 0' if is_massless else 'no ' + lacks[0]}: not in the fit",
            )
        accuracy = state.ridge.predict(x)
        by_fold = np.array([fold.predict(x) for fold in state.folds])[state.fold]
        low, high = interval_ends(by_fold, np.abs(state.residuals), level=self.level)
        least, most = state.bounds
        return Prediction(
            accuracy=float(np.clip(accuracy, least, most)),
            low=float(np.clip(min(low, accuracy), least, most)),
            high=float(np.clip(max(high, accuracy), least, most)),
            extrapolates=bool(self.why_extrapolates(network)),
        )

    def _fitted(self) -> FitState:
        if self.state is None:
            raise SpecError("this AccuracyModel is not fitted yet: call fit, or load_fit a file")
        return self.state

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, with the schema ``nnmass.fit/1``."""
        from nnmass.studies._model_file import model_to_dict

        return model_to_dict(self)

    def save(self, path: str | Path) -> None:
        """Write the model as JSON; `nnmass.studies.load_fit` reads it."""
        from nnmass.studies._model_file import write_model

        write_model(self, path)


def _ranges(table: StudyTable, terms: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Of the configurations that have all terms."""
    kept = np.isfinite(term_values(table.columns, terms)).all(1)
    return {
        name: (float(values[kept].min()), float(values[kept].max()))
        for name, values in table.columns.items()
        if np.isfinite(values[kept]).all()
    }


def _simplest(told: list[tuple[tuple[str, ...], RidgeFit]]) -> tuple[tuple[str, ...], RidgeFit]:
    """Of the sets within one standard error of the best one's, that of the fewest terms."""
    best = min((fit for _, fit in told), key=lambda fit: fit.error)
    spread = float(np.abs(best.residuals).std()) / math.sqrt(len(best.residuals))
    near = [pair for pair in told if pair[1].error <= best.error + spread]
    return min(near, key=lambda pair: (len(pair[0]), pair[1].error))


def _numbers(network: Any) -> dict[str, float]:
    """Of a spec, a topology or a row; depth and width of a topology are other ones."""
    if isinstance(network, Spec):
        return quantities_of(network)
    if isinstance(network, Mapping):
        given = {name: float(network[name]) for name in QUANTITIES if name in network}
        return dict.fromkeys(QUANTITIES, math.nan) | given
    if not hasattr(network, "cells"):
        raise SpecError(f"expected a spec, a traced topology or a row, got {network!r:.80}")
    found = {name: float(getattr(network, name)) for name in ("mass", "params", "macs")}
    return {**found, "depth": math.nan, "width": math.nan}


def _told(network: Any) -> str:
    return str(network) if isinstance(network, Spec) else str(getattr(network, "name", "the row"))
