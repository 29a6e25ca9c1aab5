"""What design asks of a fit that predicts accuracy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Protocol

from nnmass.errors import SpecError
from nnmass.specs import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A predicted accuracy.

    Attributes:
        accuracy: In percent.
        low: Lower end of the interval.
        high: Upper end.
        extrapolates: The network lies outside what the fit has seen.
    """

    accuracy: float
    low: float
    high: float
    extrapolates: bool = False

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return asdict(self)


class NotInFitError(SpecError):
    """A fit says nothing about a network, such as one of mass 0 where it is in ln mass.

    Args:
        message: What was wrong, for a reader.
        reason: The same in a few words, for a table.

    Attributes:
        reason: Why, in a few words for a table.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class AccuracyFit(Protocol):
    """Predicts accuracies from what is known before any training.

    A fit in which accuracy rises with mass, all else being equal, says so: then the network of
    most mass is the one of highest predicted accuracy.
    """

    @property
    def rises_with_mass(self) -> bool:
        """Of two networks of one space the one of more mass has the higher prediction."""

    def predict(self, spec: Spec) -> Prediction:
        """The predicted accuracy of a network.

        Raises:
            NotInFitError: The fit says nothing about it; the candidate then has no prediction.
        """
