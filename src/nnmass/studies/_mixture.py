"""Two models of the error, averaged: smooth, and in steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.studies._smooth_regression import SmoothRegression
from nnmass.studies._trees import Trees, grow_trees, predict_trees

Floats = npt.NDArray[np.float64]

SIZES = (
    "ln_params",
    "ln_macs",
    "ln_activations",
    "ln_resolution",
    "ln_mass",
    "ln_identity_mass",
    "ln_cells",
    "ln_depth",
)
"""Features that grow with a network: the trend is in these (and in the recipe)."""
RECIPE = "recipe"
MOST_ACCURATE = 99.9


@dataclass(frozen=True, slots=True)
class Mixture:
    """The mean of a Gaussian process and of trees, of ``-ln(1 - accuracy)``."""

    smooth: SmoothRegression
    trees: Trees

    @classmethod
    def fit(cls, x: Floats, y: Floats, *, names: Sequence[str], seed: int) -> Mixture:
        """Fit to features ``x`` (n, p), called ``names``, and logarithms ``y`` (n,)."""
        trend = [place for place, name in enumerate(names) if name in (*SIZES, RECIPE)]
        smooth = SmoothRegression.fit(x, y, on_plane=trend)
        return cls(smooth, grow_trees(x, y, seed=seed))

    def predict(self, x: Floats) -> Floats:
        """Logarithms at each row of ``x``."""
        return (self.smooth.predict(x) + predict_trees(self.trees, x)) / 2

    def deviation(self, x: Floats) -> Floats:
        """How unsure each is, up to one factor for all."""
        return self.smooth.deviation(x)


def to_log(per_cent: Floats) -> Floats:
    """``-ln(1 - accuracy)``, in which halving the error is one step anywhere."""
    result: Floats = -np.log(1 - np.minimum(per_cent, MOST_ACCURATE) / 100)
    return result


def to_per_cent(y: Floats) -> Floats:
    """The inverse of `to_log`, within 0 .. 99.9 %."""
    result: Floats = 100 * (1 - np.exp(-np.clip(y, 0, -math.log(1 - MOST_ACCURATE / 100))))
    return result
