"""Families left out in turn: folds, errors, and what they say about a new family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FOLDS = 100
"""Most folds: families beyond it share some."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What models that lack a network's family say about it.

    Attributes:
        predicted: Of each network, a logarithm.
        deviation: How unsure the model was.
    """

    predicted: Floats
    deviation: Floats

    def scaled_errors(self, y: Floats) -> Floats:
        """``|y - predicted|`` in units of the deviation."""
        result: Floats = np.abs(y - self.predicted) / self.deviation
        return result

    def to_list(self) -> list[list[float]]:
        """JSON-ready."""
        both = (self.predicted, self.deviation)
        return [[round(float(value), 5) for value in values] for values in both]

    @classmethod
    def from_list(cls, told: Sequence[Sequence[float]], *, count: int) -> LeftOut:
        """What `to_list` told of ``count`` networks.

        Raises:
            ValueError: It is not of so many, or its numbers make no sense.
        """
        predicted, deviation = (np.array(values, np.float64) for values in told)
        if not predicted.shape == deviation.shape == (count,):
            raise ValueError(f"left_out must tell two numbers of each of {count} networks")
        if not (np.isfinite(predicted).all() and (deviation > 0).all()):
            raise ValueError("left_out must hold finite numbers and deviations above 0")
        return cls(predicted, deviation)


def folds_of_families(families: Sequence[str]) -> list[Flags]:
    """Rows of each fold; whole families, the largest first into the smallest fold."""
    sizes = {one: families.count(one) for one in dict.fromkeys(families)}
    loads, place = [0] * min(FOLDS, len(sizes)), dict[str, int]()
    for family in sorted(sizes, key=lambda one: -sizes[one]):
        place[family] = loads.index(min(loads))
        loads[place[family]] += sizes[family]
    of_row = np.array([place[family] for family in families])
    return [of_row == fold for fold in range(len(loads))]


def quantile_over_families(errors: Floats, families: Sequence[str], level: float) -> float:
    """The error that a network of one more family stays below with a share ``level``.

    Families weigh the same, however many networks they have; with too few families for the level,
    the greatest error.

    Source:
        Weighted split conformal prediction: Tibshirani and others, NeurIPS 2019, section 2; over
        families it is ours.

    Example:
        >>> quantile_over_families(np.array([1.0, 5.0, 2.0]), ("a", "b", "c"), 0.5)
        2.0
    """
    weights = np.array([1 / families.count(one) for one in families])
    order = np.argsort(errors)
    share = np.cumsum(weights[order]) / (weights.sum() + 1)  # the new family is one more
    above = np.flatnonzero(share >= level - 1e-12)
    return float(errors[order][above[0] if len(above) else -1])
