"""Trained networks as rows of features, checked, and as matrices for the models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError
from nnmass.studies._mixture import RECIPE
from nnmass.studies._network_features import network_features

Floats = npt.NDArray[np.float64]

RECIPES = {"plain": -0.5, "": 0.0, "strong": 0.5}
"""The recipe as a feature; one that is not told lies in the middle."""
RANGE_SLACK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRows:
    """Trained networks.

    Attributes:
        rows: Features of each.
        accuracy: In per cent, below 100.
        families: What must be left out together.
        recipes: Of each: plain, strong or empty.
        names: Features to use.
    """

    rows: tuple[dict[str, float], ...]
    accuracy: Floats
    families: tuple[str, ...]
    recipes: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        networks: Sequence[Any],
        accuracy: npt.ArrayLike,
        *,
        families: Sequence[str] | None,
        recipes: Sequence[str] | None,
        names: Sequence[str] | None,
    ) -> NetworkRows:
        """Rows of networks, checked.

        Raises:
            SpecError: Lengths differ, there are fewer than 3 families, or a value is out of range.
        """
        rows, n = tuple(map(features_of, networks)), len(networks)
        made = cls(
            rows=rows,
            accuracy=_numbers(accuracy),
            families=tuple(map(str, range(n) if families is None else families)),
            recipes=("",) * n if recipes is None else tuple(recipes),
            names=tuple(names) if names is not None else tuple(rows[0]) if rows else (),
        )
        made._check()
        return made

    @property
    def has_recipes(self) -> bool:
        """The recipe of some network is told."""
        return any(self.recipes)

    def columns(self, *, with_recipe: bool) -> tuple[str, ...]:
        """Names of the columns of `matrix`."""
        return (*self.names, RECIPE) if with_recipe else self.names

    def matrix(
        self,
        rows: Sequence[Mapping[str, float]] | None = None,
        recipes: Sequence[str] | None = None,
        *,
        with_recipe: bool,
    ) -> Floats:
        """A row of numbers a network: of these networks, or of others."""
        rows = self.rows if rows is None else rows
        for row in rows:
            if lacking := [name for name in self.names if name not in row]:
                raise SpecError(
                    f"a network has no feature {lacking[0]!r}, which the predictor uses"
                )
        x = np.array([[row[name] for name in self.names] for row in rows], np.float64)
        if not with_recipe:
            return x
        told = self.recipes if recipes is None else recipes
        return np.column_stack([x, [RECIPES[recipe] for recipe in told]])

    def outside(self, row: Mapping[str, float]) -> tuple[str, ...]:
        """What of a network lies outside all of these, in words."""
        reasons = []
        for name in self.names:
            known = [one[name] for one in self.rows]
            low, high = min(known), max(known)
            slack = RANGE_SLACK * (high - low) + 1e-9
            if not low - slack <= row[name] <= high + slack:
                shown = [row[name], low, high]
                if name.startswith("ln_"):
                    shown = [math.exp(value) for value in shown]
                value, least, most = (f"{number:.3g}" for number in shown)
                reasons.append(
                    f"{name.removeprefix('ln_').replace('_', ' ')} {value} is outside "
                    f"{least} .. {most}"
                )
        return tuple(reasons)

    def _check(self) -> None:
        n = len(self.rows)
        if self.accuracy.ndim != 1 or {n} != {
            len(self.accuracy),
            len(self.families),
            len(self.recipes),
        }:
            raise SpecError(
                f"there must be one accuracy, family and recipe for each of {n} networks, got "
                f"{self.accuracy.size}, {len(self.families)} and {len(self.recipes)}"
            )
        if (found := len(set(self.families))) < 3:
            raise SpecError(f"a NetworkPredictor needs at least 3 families, got {found}")
        if not ((self.accuracy >= 0) & (self.accuracy < 100)).all():
            raise SpecError("accuracy must be in per cent, at least 0 and below 100")
        if unknown := sorted(set(self.recipes) - set(RECIPES), key=str):
            raise SpecError(f"recipes must be plain, strong or empty, got {unknown[0]!r}")
        known = set.intersection(*(set(row) for row in self.rows))
        if missing := [name for name in self.names if name not in known]:
            raise SpecError(f"some network has no feature {missing[0]!r}")
        if not self.names:
            raise SpecError("features must name at least one of network_features, got none")
        if not np.isfinite(self.matrix(with_recipe=False)).all():
            raise SpecError("features must be finite, got nan or infinity in some network")


def features_of(network: Any) -> dict[str, float]:
    """Features of a topology, or those given."""
    return dict(network) if isinstance(network, Mapping) else network_features(network)


def _numbers(accuracy: npt.ArrayLike) -> Floats:
    try:
        return np.asarray(accuracy, np.float64)
    except (TypeError, ValueError) as error:
        raise SpecError(f"accuracy must be numbers in per cent: {error}") from error
