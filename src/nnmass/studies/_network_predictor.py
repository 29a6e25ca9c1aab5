"""Accuracy of networks of any family from their traced topologies."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnmass.design import Prediction
from nnmass.errors import SpecError
from nnmass.runs import write_atomic
from nnmass.studies._network_features import network_features
from nnmass.studies._smooth_regression import SmoothRegression
from nnmass.studies._trees import Split, grow_trees, predict_trees

Floats = npt.NDArray[np.float64]

SCHEMA = "nnmass.predictor/1"
RECIPES = {"plain": -0.5, "": 0.0, "strong": 0.5}
"""The recipe as a feature; a recipe that is not told lies in the middle."""
FOLDS = 20
"""Most folds of families."""
RANGE_SLACK = 0.05
MOST_ACCURATE = 99.9


@dataclass(frozen=True, slots=True)
class _Mixture:
    smooth: SmoothRegression
    trees: tuple[Split | float, ...]

    @classmethod
    def fit(cls, x: Floats, y: Floats, seed: int) -> _Mixture:
        return cls(SmoothRegression.fit(x, y), grow_trees(x, y, seed=seed))

    def predict(self, x: Floats) -> Floats:
        return (self.smooth.predict(x) + predict_trees(self.trees, x)) / 2


class NetworkPredictor:
    """Accuracy in per cent, from the features of traced topologies of all families.

    The mean of a Gaussian process and of extremely randomised trees, of ``-ln(1 - accuracy)``.
    ``fit``, ``predict`` and ``score`` as in scikit-learn. Intervals come from the errors on
    families left out, each family weighing the same, so that they are of a network of a new family.

    Args:
        level: Of the intervals, in (0, 1).
        seed: Of the trees.
        features: Names of those of `network_features` to use; all unless told.

    Source:
        Ours; intervals after Barber and others, Annals of Statistics 49 (2021), over families.
    """

    def __init__(
        self, *, level: float = 0.9, seed: int = 0, features: Sequence[str] | None = None
    ) -> None:
        if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
            raise SpecError(f"level must lie between 0 and 1, both excluded, got {level!r}")
        self.level, self.seed = float(level), seed
        self.features = None if features is None else tuple(features)
        self.dataset = ""
        self._model: _Mixture | None = None
        self._rows: tuple[dict[str, float], ...] = ()
        self._accuracy: Floats = np.zeros(0)
        self._families: tuple[str, ...] = ()
        self._recipes: tuple[str, ...] = ()
        self.residuals: Floats = np.zeros(0)

    def fit(
        self,
        networks: Sequence[Any],
        accuracy: npt.ArrayLike,
        *,
        families: Sequence[str] | None = None,
        recipes: Sequence[str] | None = None,
        residuals: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit to trained networks.

        Args:
            networks: Topologies, or what `network_features` gave for them.
            accuracy: In per cent, below 100, one a network.
            families: What must be left out together: one name a network; each network its own
                family unless told.
            recipes: ``"plain"``, ``"strong"`` or ``""`` (not told) for each network.
            residuals: Of an earlier fit to the same networks; else families are left out in turn.

        Raises:
            SpecError: Lengths differ, there are fewer than 3 families, or a value is out of range.
        """
        self._rows = tuple(map(_features, networks))
        self._accuracy = np.asarray(accuracy, np.float64)
        n = len(self._rows)
        self._families = tuple(families) if families is not None else tuple(map(str, range(n)))
        self._recipes = tuple(recipes) if recipes is not None else ("",) * n
        self._check()
        x, y = self._design(self._rows, self._recipes), _to_log(self._accuracy)
        if residuals is None:
            residuals = y - _to_log(self.leave_families_out())
        self.residuals = np.asarray(residuals, np.float64)
        self._model = _Mixture.fit(x, y, self.seed)
        return self

    def leave_families_out(self, *, is_recipe_told: bool = True) -> Floats:
        """Accuracy of each fitted network as predicted without its family.

        Args:
            is_recipe_told: Predict for the recipe of each; else for one that is not told.
        """
        y, predicted = _to_log(self._accuracy), np.zeros(len(self._rows))
        x = self._design(self._rows, self._recipes)
        told = self._recipes if is_recipe_told else ("",) * len(self._rows)
        asked = self._design(self._rows, told)
        for out in self._folds():
            predicted[out] = _Mixture.fit(x[~out], y[~out], self.seed).predict(asked[out])
        return _to_per_cent(predicted)

    def predict(self, networks: Any, *, recipe: str = "") -> Any:
        """One network to its `Prediction`; a sequence of them to an array of per cents.

        Args:
            networks: A topology, features, or a sequence of these.
            recipe: ``plain``, ``strong``, or empty for one that is not told.

        Raises:
            SpecError: It is not fitted, or the recipe is not known.
        """
        if self._model is None:
            raise SpecError("this NetworkPredictor is not fitted yet: call fit")
        if recipe not in RECIPES:
            raise SpecError(f"recipe must be plain, strong or empty, got {recipe!r}")
        is_one = isinstance(networks, Mapping) or hasattr(networks, "cells")
        rows = tuple(map(_features, [networks] if is_one else networks))
        y = self._model.predict(self._design(rows, (recipe,) * len(rows)))
        if not is_one:
            return _to_per_cent(y)
        half = self._half_width()
        accuracy, low, high = _to_per_cent(np.array([y[0], y[0] - half, y[0] + half])).tolist()
        return Prediction(
            accuracy=accuracy, low=low, high=high, extrapolates=bool(self.why_extrapolates(rows[0]))
        )

    def score(self, networks: Sequence[Any], accuracy: npt.ArrayLike) -> float:
        """R2 of the predictions, in per cent: ``1 - sum (y - predicted)^2 / sum (y - mean)^2``."""
        y = np.asarray(accuracy, np.float64)
        around = float(((y - y.mean()) ** 2).sum())
        left = float(((y - self.predict(list(networks))) ** 2).sum())
        return 1 - left / around if around else math.nan

    def why_extrapolates(self, network: Any, *, dataset: str = "") -> tuple[str, ...]:
        """The features that lie outside those of all fitted networks; empty where none does."""
        found, reasons = _features(network), []
        for name in self._names():
            known = [row[name] for row in self._rows]
            low, high = min(known), max(known)
            slack = RANGE_SLACK * (high - low) + 1e-9
            if not low - slack <= found[name] <= high + slack:
                shown = [found[name], low, high]
                if name.startswith("ln_"):
                    shown = [math.exp(value) for value in shown]
                value, least, most = (f"{number:.3g}" for number in shown)
                reasons.append(
                    f"{name.removeprefix('ln_').replace('_', ' ')} {value} is outside "
                    f"{least} .. {most}"
                )
        if dataset and self.dataset and dataset != self.dataset:
            reasons.append(f"its data set is {dataset}, fitted was {self.dataset}")
        return tuple(reasons)

    def held_out_coverage(self) -> tuple[float, float]:
        """Share inside intervals that are made without any row of their family.

        Returns:
            Each family weighing the same, which is what the level promises, and each network.
        """
        inside = np.zeros(len(self._rows), bool)
        for family in set(self._families):
            out = np.array([one == family for one in self._families])
            inside[out] = np.abs(self.residuals[out]) <= self._half_width(~out)
        names = np.array(self._families)
        of_families = [inside[names == family].mean() for family in set(self._families)]
        return float(np.mean(of_families)), float(inside.mean())

    def to_dict(self) -> dict[str, object]:
        """The rows it was fitted to, from which it is made again: JSON-ready."""
        names = list(self._rows[0]) if self._rows else []
        return {
            "schema": SCHEMA,
            "level": self.level,
            "seed": self.seed,
            "dataset": self.dataset,
            "features": None if self.features is None else list(self.features),
            "names": names,
            "rows": [[float(f"{row[name]:.7g}") for name in names] for row in self._rows],
            "accuracy": self._accuracy.tolist(),
            "families": list(self._families),
            "recipes": list(self._recipes),
            "residuals": [round(float(value), 6) for value in self.residuals],
        }

    def save(self, path: str | Path) -> None:
        """Write it as JSON; `NetworkPredictor.from_dict` makes it again."""
        write_atomic(path, json.dumps(self.to_dict(), allow_nan=False) + "\n")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkPredictor:
        """The predictor that `to_dict` told.

        Raises:
            SpecError: It is of another schema, or damaged.
        """
        if values.get("schema") != SCHEMA:
            raise SpecError(f"no predictor: its schema is {values.get('schema')!r}, not {SCHEMA!r}")
        try:
            made = cls(level=values["level"], seed=values["seed"], features=values["features"])
            made.dataset = str(values["dataset"])
            rows = [dict(zip(values["names"], row, strict=True)) for row in values["rows"]]
            return made.fit(
                rows,
                values["accuracy"],
                families=values["families"],
                recipes=values["recipes"],
                residuals=values["residuals"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SpecError(f"damaged predictor ({type(error).__name__}: {error})") from error

    def _names(self) -> tuple[str, ...]:
        return self.features if self.features is not None else tuple(self._rows[0])

    def _design(self, rows: Sequence[Mapping[str, float]], recipes: Sequence[str]) -> Floats:
        names = self._names()
        x = np.array([[row[name] for name in names] for row in rows], np.float64)
        if not any(self._recipes):
            return x
        return np.column_stack([x, [RECIPES[recipe] for recipe in recipes]])

    def _folds(self) -> list[npt.NDArray[np.bool_]]:
        """Rows of each fold; whole families, the largest first into the smallest fold."""
        sizes = {one: self._families.count(one) for one in dict.fromkeys(self._families)}
        loads, place = [0] * min(FOLDS, len(sizes)), dict[str, int]()
        for family in sorted(sizes, key=lambda one: -sizes[one]):
            place[family] = loads.index(min(loads))
            loads[place[family]] += sizes[family]
        of_row = np.array([place[family] for family in self._families])
        return [of_row == fold for fold in range(len(loads))]

    def _half_width(self, rows: npt.NDArray[np.bool_] | None = None) -> float:
        """The level's quantile of the errors, families weighing the same."""
        kept = np.ones(len(self._rows), bool) if rows is None else rows
        names = [one for one, is_kept in zip(self._families, kept, strict=True) if is_kept]
        errors = np.abs(self.residuals[kept])
        weights = np.array([1 / names.count(one) for one in names])
        order = np.argsort(errors)
        share = np.cumsum(weights[order]) / (weights.sum() + 1)  # the new family is one more
        above = np.flatnonzero(share >= self.level - 1e-12)
        return float(errors[order][above[0] if len(above) else -1])

    def _check(self) -> None:
        n = len(self._rows)
        lengths = {n, len(self._accuracy), len(self._families), len(self._recipes)}
        if self._accuracy.ndim != 1 or len(lengths) > 1:
            raise SpecError(
                f"there must be one accuracy, family and recipe for each of {n} networks, got "
                f"{self._accuracy.size}, {len(self._families)} and {len(self._recipes)}"
            )
        if len(set(self._families)) < 3:
            raise SpecError(
                f"a NetworkPredictor needs at least 3 families, got {len(set(self._families))}"
            )
        if not ((self._accuracy >= 0) & (self._accuracy < 100)).all():
            raise SpecError("accuracy must be in per cent, at least 0 and below 100")
        if unknown := sorted(set(self._recipes) - set(RECIPES)):
            raise SpecError(f"recipes must be plain, strong or empty, got {unknown[0]!r}")
        known = set.intersection(*(set(row) for row in self._rows))
        if missing := [name for name in self._names() if name not in known]:
            raise SpecError(f"some network has no feature {missing[0]!r}")


def _features(network: Any) -> dict[str, float]:
    return dict(network) if isinstance(network, Mapping) else network_features(network)


def _to_log(per_cent: Floats) -> Floats:
    result: Floats = -np.log(1 - np.minimum(per_cent, MOST_ACCURATE) / 100)
    return result


def _to_per_cent(y: Floats) -> Floats:
    result: Floats = 100 * (1 - np.exp(-np.clip(y, 0, -math.log(1 - MOST_ACCURATE / 100))))
    return result
