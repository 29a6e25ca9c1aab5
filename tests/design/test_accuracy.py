"""Predicted accuracies beside candidates, by fits that are made up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from nnmass.design import Candidate, NotInFitError, Prediction, design, pareto_front
from nnmass.errors import SpecError
from nnmass.specs import parse

LIKE = "dense-cnn(wm=1,d=12,t=20/30)"


@dataclass(frozen=True)
class LogFit:
    """Accuracy is a line in the logarithm of the mass."""

    rises_with_mass: bool = True

    def predict(self, spec):
        accuracy = 80 + 2 * math.log(spec.mass + 1)
        return Prediction(
            accuracy=accuracy, low=accuracy - 1, high=accuracy + 1, extrapolates=spec.mass > 90
        )


def test_every_candidate_carries_its_prediction():
    front = design(like=LIKE, fit=LogFit(), top=3)
    for candidate in (front.reference, *front):
        wanted = LogFit().predict(candidate.spec)
        assert candidate.accuracy == wanted
        assert candidate.to_dict()["accuracy"] == {
            "accuracy": wanted.accuracy,
            "low": wanted.low,
            "high": wanted.high,
            "extrapolates": candidate.mass > 90,
        }
    assert design(like=LIKE)[0].to_dict()["accuracy"] is None
    points = pareto_front(like=LIKE, fit=LogFit(), levels=2).points
    assert all(point.candidate.accuracy for point in points)


def test_the_highest_accuracy_is_the_most_mass():
    arguments = {"like": LIKE, "fit": LogFit(), "max_params": 60_000, "top": 1, "depth": (3, 12)}
    best = design(**arguments, objective="accuracy", match="network")[0]
    assert best.mass == design(**arguments, objective="mass", match="network")[0].mass
    assert design(**arguments, objective="accuracy")[0] == design(**arguments, objective="mass")[0]


def test_a_fit_of_another_kind_gives_no_proof():
    with pytest.raises(SpecError, match="needs a fit in which accuracy rises with mass"):
        design(like=LIKE, fit=LogFit(rises_with_mass=False), objective="accuracy", max_params=1e5)
    assert design(like=LIKE, fit=LogFit(rises_with_mass=False))[0].accuracy is not None


class MasslessFit(LogFit):
    """Says nothing about a mass of 0."""

    def predict(self, spec):
        if spec.mass == 0:
            raise NotInFitError("it has no ln mass", reason="mass 0: not in the fit")
        return super().predict(spec)


def test_a_network_that_the_fit_says_nothing_about_has_no_prediction():
    plain = Candidate.of(parse("dense-cnn(wm=1,d=12,t=0)"), fit=MasslessFit())
    assert plain.mass == 0
    assert plain.accuracy is None
    assert plain.to_dict()["unpredicted"] == plain.unpredicted == "mass 0: not in the fit"
    other = Candidate.of(parse(LIKE), fit=MasslessFit())
    assert other.accuracy is not None
    assert other.unpredicted == ""
