from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from nnmass.design import Space, pareto_front
from nnmass.errors import BudgetError, SpecError
from oracles.spaces import SMALL_SPACES, Numbers, every_network

LIKE = "dense-cnn(wm=1,d=12,t=20/30)"


@pytest.mark.parametrize("text", SMALL_SPACES[3:])
def test_every_point_is_the_cheapest_of_its_mass(text):
    networks = [Numbers.of(spec) for spec in every_network(text)]
    front = pareto_front(space=text, levels=7, across_widths=True)
    assert front.n_covered == len(networks)
    assert front.points
    for point in front.points:
        enough = [n for n in networks if n.mass >= Fraction(point.mass) * (1 - Fraction(1, 10**9))]
        for cost in point.least:
            best = min(getattr(network, cost) for network in enough)
            assert getattr(point.candidate, cost) == best
    top = front.points[-1].candidate
    assert top.mass == pytest.approx(float(max(network.mass for network in networks)))


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_no_point_is_beaten(text):
    points = pareto_front(space=text, levels=5, across_widths=True).points
    costs = [(-p.candidate.mass, p.candidate.params, p.candidate.macs) for p in points]
    for own in costs:
        assert not any(
            other != own and all(a <= b for a, b in zip(other, own, strict=True)) for other in costs
        )
    masses = [point.candidate.mass for point in points]
    assert masses == sorted(masses)


def test_with_a_reference():
    front = pareto_front(like=LIKE, levels=5)
    own = front.reference.mass
    assert front.match == "cells"
    assert front.limits.to_dict() == {}
    levels = {point.mass for point in front.points}
    assert own in levels  # the reference's own mass is one of them
    assert min(levels) == own / 4
    assert max(levels) <= 2 * own
    assert pareto_front(like=LIKE, levels=5) == front
    assert str(front.space) == str(Space.like(front.reference.spec))


def test_budgets_bound_the_front():
    free = pareto_front(like=LIKE, levels=5)
    most = free.points[2].candidate.params
    front = pareto_front(like=LIKE, levels=5, max_params=most)
    assert all(point.candidate.params <= most for point in front.points)
    assert front.limits.to_dict() == {"params": most}
    bounded = pareto_front(like=LIKE, levels=3, mass=(20.0, 30.0))
    assert all(20 <= point.candidate.mass <= 30 for point in bounded.points)
    assert len(bounded.points) > 1


def test_a_front_from_no_mass_at_all():
    front = pareto_front(like=LIKE, levels=3, mass=0.0)
    assert front.points[0].mass == 0
    assert front.points[0].candidate.mass == 0


@pytest.mark.parametrize("text", SMALL_SPACES)
def test_least_at_one_mass_is_least_at_every_higher_one_that_it_has(text):
    networks = [Numbers.of(spec) for spec in every_network(text)]
    # So many levels that neighbouring ones find the same networks.
    for point in pareto_front(space=text, levels=15, across_widths=True).points:
        rivals = [network for network in networks if network.mass >= point.mass]
        for cost in ("params", "macs"):
            own = getattr(point.candidate, cost)
            least = min(getattr(rival, cost) for rival in rivals)
            assert own == least if cost in point.least else own >= least


@pytest.mark.parametrize("cost", ["params", "macs"])
@pytest.mark.parametrize("is_found", [True, False])
def test_searches_that_run_out_of_work_are_told(monkeypatch, cost, is_found):
    from nnmass.design import _request
    from nnmass.errors import UnprovenError

    real = _request.best_networks

    def tired(frames, limits, objective, *, table):
        found = real(frames, limits, objective, table=table)
        if objective != cost:
            return found
        if not is_found:
            raise UnprovenError("no work left")
        return (replace(one, bound=one.value - 1) for one in found)

    monkeypatch.setattr(_request, "best_networks", tired)
    front = pareto_front(like=LIKE, levels=3)
    assert front.is_optimal is front.to_dict()["is_optimal"] is False
    assert any(cost in point.least for point in front.points) is is_found


def test_progress_and_json():
    seen = []
    front = pareto_front(like=LIKE, levels=3, on_level=lambda *at: seen.append(at))
    assert front.is_optimal and front.to_dict()["is_optimal"] is True
    assert seen == [(k, seen[-1][1]) for k in range(1, seen[-1][1] + 1)]
    values = json.loads(json.dumps(front.to_dict()))
    assert [point["spec"] for point in values["points"]] == [
        str(point.candidate.spec) for point in front.points
    ]
    assert {cost for point in values["points"] for cost in point["least"]} == {"params", "macs"}


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"levels": 1}, SpecError, "levels must be at least 2, got 1"),
        ({"levels": 1001}, SpecError, "levels must be at most 1,000, got 1,001"),
        ({"objective": "params"}, SpecError, "a front has no objective"),
        ({"top": 3}, SpecError, "a front has no top"),
        ({"max_params": 1000}, BudgetError, "parameters of at least"),
        ({"like": "dense-cnn(wm=1,d=5,t=0)"}, SpecError, "has mass 0, since it has no skips"),
        ({"like": "vgg(depth=16)"}, SpecError, "vgg networks have no skips"),
        ({"like": None, "space": "vgg(depth=16)"}, SpecError, "vgg networks have no skips"),
        ({"like": None}, SpecError, "a design needs a reference"),
        ({"latency": "nowhere.json"}, OSError, "nowhere.json"),
    ],
)
def test_bad_requests(arguments, error, words):
    with pytest.raises(error) as caught:
        pareto_front(**{"like": LIKE, **arguments})
    assert words in str(caught.value)
