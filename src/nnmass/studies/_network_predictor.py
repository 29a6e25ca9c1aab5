"""Accuracy of networks of any family from their traced topologies."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnmass.design import Prediction
from nnmass.errors import SpecError
from nnmass.runs import write_atomic
from nnmass.studies._family_folds import LeftOut, folds_of_families, quantile_over_families
from nnmass.studies._mixture import Mixture, to_log, to_per_cent
from nnmass.studies._network_rows import RECIPES, NetworkRows, features_of
from nnmass.studies._rows_file import rows_from_dict, rows_to_dict

Floats = npt.NDArray[np.float64]

SCHEMA = "nnmass.predictor/2"


class NetworkPredictor:
    """Accuracy in per cent, from the features of traced topologies of all families.

    The mean of a Gaussian process, which has a trend in size, and of extremely randomised trees,
    of ``-ln(1 - accuracy)``. Where recipes are told there are two such models: one that knows the
    recipe, and one that does not, which predicts for the recipes that such networks were trained
    with. ``fit``, ``predict`` and ``score`` as in scikit-learn. Intervals come from the errors on
    families left out, each family weighing the same, so that they are of a network of a new
    family; they are wider for a network that is unlike all fitted ones.

    Args:
        level: Of the intervals, in (0, 1).
        seed: Of the trees.
        features: Names of those of `network_features` to use; all unless told.

    Source:
        Ours; intervals after Lei and others, JASA 113 (2018), section 5.2 (errors scaled by how
        unsure the model is), over families.
    """

    def __init__(
        self, *, level: float = 0.9, seed: int = 0, features: Sequence[str] | None = None
    ) -> None:
        self.level, self.seed = _level(level), seed
        self.features = None if features is None else tuple(features)
        self.dataset = ""
        self._fitted: NetworkRows | None = None
        self._models: dict[bool, Mixture] = {}
        self._left_out: dict[bool, LeftOut] = {}

    def fit(
        self,
        networks: Sequence[Any],
        accuracy: npt.ArrayLike,
        *,
        families: Sequence[str] | None = None,
        recipes: Sequence[str] | None = None,
    ) -> Self:
        """Fit to trained networks.

        The models that lack a family each are fitted when an interval, or what they predict, is
        first asked for.

        Args:
            networks: Topologies, or what `network_features` gave for them.
            accuracy: In per cent, below 100, one a network.
            families: What must be left out together: one name a network; each network its own
                family unless told.
            recipes: ``"plain"``, ``"strong"`` or ``""`` (not told) for each network.

        Raises:
            SpecError: Lengths differ, there are fewer than 3 families, or a value is out of range.
        """
        self._fitted = NetworkRows.of(
            list(networks), accuracy, families=families, recipes=recipes, names=self.features
        )
        self._models, self._left_out = {}, {}
        self._model(is_recipe_told=self._fitted.has_recipes)
        return self

    def leave_families_out(self, *, is_recipe_told: bool = True) -> Floats:
        """Accuracy of each fitted network, in per cent, as predicted without its family.

        Args:
            is_recipe_told: Predict for the recipe of each; else for one that is not told.
        """
        return to_per_cent(self._without_families(is_recipe_told=is_recipe_told).predicted)

    def predict(self, networks: Any, *, recipe: str = "") -> Any:
        """One network to its `Prediction`; a sequence of them to an array of per cents.

        Args:
            networks: A topology, features, or a sequence of these.
            recipe: ``plain``, ``strong``, or empty for one that is not told.

        Raises:
            SpecError: It is not fitted, or the recipe is not known.
        """
        fitted = self._rows()
        if recipe not in RECIPES:
            raise SpecError(f"recipe must be plain, strong or empty, got {recipe!r}")
        is_one = isinstance(networks, Mapping) or hasattr(networks, "cells")
        rows = tuple(map(features_of, [networks] if is_one else networks))
        if not rows:
            return np.zeros(0)
        is_told = bool(recipe) and fitted.has_recipes
        x = fitted.matrix(rows, (recipe,) * len(rows), with_recipe=is_told)
        model = self._model(is_recipe_told=is_told)
        y = model.predict(x)
        if not is_one:
            return to_per_cent(y)
        half = self._factor(is_recipe_told=is_told) * model.deviation(x)[0]
        accuracy, low, high = to_per_cent(np.array([y[0], y[0] - half, y[0] + half])).tolist()
        return Prediction(
            accuracy=accuracy, low=low, high=high, extrapolates=bool(fitted.outside(rows[0]))
        )

    def score(self, networks: Sequence[Any], accuracy: npt.ArrayLike) -> float:
        """R2 of the predictions, in per cent: ``1 - sum (y - predicted)^2 / sum (y - mean)^2``.

        Args:
            networks: As `predict` takes them.
            accuracy: In per cent, one a network.

        Returns:
            At most 1; not a number where all accuracies are equal.
        """
        y = np.asarray(accuracy, np.float64)
        around = float(((y - y.mean()) ** 2).sum())
        left = float(((y - self.predict(list(networks))) ** 2).sum())
        return 1 - left / around if around else math.nan

    def why_extrapolates(self, network: Any, *, dataset: str = "") -> tuple[str, ...]:
        """The features that lie outside those of all fitted networks; empty where none does.

        Args:
            network: A traced topology.
            dataset: What it would be trained on, if that is known.
        """
        reasons = self._rows().outside(features_of(network))
        if dataset and self.dataset and dataset != self.dataset:
            return (*reasons, f"its data set is {dataset}, fitted was {self.dataset}")
        return reasons

    def held_out_intervals(
        self, level: float | None = None, *, is_recipe_told: bool = True
    ) -> tuple[Floats, Floats]:
        """Ends, in per cent, of intervals that are made without any row of a network's family.

        Args:
            level: Of the intervals; the predictor's own unless told.
            is_recipe_told: Of the predictions.
        """
        fitted, names = self._rows(), np.array(self._rows().families)
        level = self.level if level is None else _level(level)
        left = self._without_families(is_recipe_told=is_recipe_told)
        errors, half = left.scaled_errors(to_log(fitted.accuracy)), np.zeros(len(names))
        for family in set(fitted.families):
            out = names == family
            half[out] = quantile_over_families(errors[~out], names[~out].tolist(), level)
        half *= left.deviation
        return to_per_cent(left.predicted - half), to_per_cent(left.predicted + half)

    def held_out_coverage(
        self, level: float | None = None, *, is_recipe_told: bool = True
    ) -> tuple[float, float]:
        """Share of the fitted networks inside `held_out_intervals` of the same arguments.

        Args:
            level: Of the intervals, in (0, 1); the predictor's own unless told.
            is_recipe_told: See `held_out_intervals`.

        Returns:
            Each family weighing the same, which is what the level promises, and each network.
        """
        fitted, names = self._rows(), np.array(self._rows().families)
        low, high = self.held_out_intervals(level, is_recipe_told=is_recipe_told)
        inside = (low <= fitted.accuracy) & (fitted.accuracy <= high)
        of_families = [inside[names == family].mean() for family in set(fitted.families)]
        return float(np.mean(of_families)), float(inside.mean())

    def to_dict(self) -> dict[str, object]:
        """The rows it was fitted to, from which it is made again: JSON-ready."""
        fitted = self._rows()
        kinds = (True, False) if fitted.has_recipes else (False,)
        left = [self._without_families(is_recipe_told=kind) for kind in kinds]
        return {
            "schema": SCHEMA,
            "level": self.level,
            "seed": self.seed,
            "dataset": self.dataset,
            "features": None if self.features is None else list(self.features),
            **rows_to_dict(fitted),
            "left_out": [one.to_list() for one in left],
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
            made._fitted = fitted = rows_from_dict(values, names=made.features)
            kinds = (True, False) if fitted.has_recipes else (False,)
            for kind, told in zip(kinds, values["left_out"], strict=True):
                made._left_out[kind] = LeftOut.from_list(told, count=len(fitted.rows))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SpecError(f"damaged predictor ({type(error).__name__}: {error})") from error
        return made

    def _rows(self) -> NetworkRows:
        if self._fitted is None:
            raise SpecError("this NetworkPredictor is not fitted yet: call fit")
        return self._fitted

    def _model(self, *, is_recipe_told: bool) -> Mixture:
        """The model of all rows, fitted when it is first asked for."""
        if is_recipe_told not in self._models:
            self._models[is_recipe_told] = self._mixture(None, is_recipe_told=is_recipe_told)
        return self._models[is_recipe_told]

    def _mixture(self, kept: npt.NDArray[np.bool_] | None, *, is_recipe_told: bool) -> Mixture:
        fitted = self._rows()
        x, y = fitted.matrix(with_recipe=is_recipe_told), to_log(fitted.accuracy)
        chosen = slice(None) if kept is None else kept
        names = fitted.columns(with_recipe=is_recipe_told)
        return Mixture.fit(x[chosen], y[chosen], names=names, seed=self.seed)

    def _without_families(self, *, is_recipe_told: bool) -> LeftOut:
        fitted = self._rows()
        is_told = is_recipe_told and fitted.has_recipes
        if is_told not in self._left_out:
            x = fitted.matrix(with_recipe=is_told)
            predicted, deviation = np.zeros(len(x)), np.zeros(len(x))
            for out in folds_of_families(fitted.families):
                model = self._mixture(~out, is_recipe_told=is_told)
                predicted[out], deviation[out] = model.predict(x[out]), model.deviation(x[out])
            self._left_out[is_told] = LeftOut(predicted, deviation)
        return self._left_out[is_told]

    def _factor(self, *, is_recipe_told: bool) -> float:
        """By how much a deviation is multiplied for half an interval."""
        fitted = self._rows()
        left = self._without_families(is_recipe_told=is_recipe_told)
        errors = left.scaled_errors(to_log(fitted.accuracy))
        return quantile_over_families(errors, fitted.families, self.level)


def _level(level: object) -> float:
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise SpecError(f"level must lie between 0 and 1, both excluded, got {level!r}")
    return float(level)
