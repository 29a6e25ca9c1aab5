"""Sub-networks found by training under a penalty."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnmass.data import load_dataset, take
from nnmass.errors import BudgetError, SpecError
from nnmass.slim._subnets._costs import WidthCosts
from nnmass.slim._subnets._cut import cut_to_budget, widths_of
from nnmass.slim._subnets._find_groups import find_groups
from nnmass.slim._subnets._group_lasso import GroupLasso
from nnmass.slim._subnets._path_levels import PathSettings
from nnmass.slim._subnets._paths import shrink_path
from nnmass.slim._subnets._shrinking import ShrinkingObjective
from nnmass.train import Moment, Recipe, train_module
from oracles.tiny_family import tiny_net

# --- cutting to a budget


def macs(widths):
    return 9 * widths["a"] + widths["a"] * widths["b"]


@given(data=st.data(), divisor=st.integers(1, 4))
def test_a_cut_meets_its_budget_in_the_order_of_the_scores(data, divisor):
    sizes = {"a": 7, "b": 10}
    score = st.integers(0, 4)  # with many ties
    scores = {n: data.draw(st.lists(score, min_size=k, max_size=k)) for n, k in sizes.items()}
    within = {n: tuple(range(k)) for n, k in sizes.items()}
    budgets = sorted(data.draw(st.sets(st.integers(9 * 4 + 16, 133), max_size=3)), reverse=True)
    for most in budgets:
        kept = cut_to_budget(scores, macs, within=within, most=most, divisor=divisor)
        widths = widths_of(kept)
        assert macs(widths) <= most
        for name, channels in kept.items():
            assert set(channels) <= set(within[name])
            assert list(channels) == sorted(channels)
            dropped = set(within[name]) - set(channels)
            assert all(scores[name][c] >= scores[name][d] for c in channels for d in dropped)
            assert widths[name] % divisor == 0 or widths[name] == len(within[name])
            assert widths[name] >= min(divisor, len(within[name]))
        # One step more in every group that was cut is too much, or was not cut.
        wider = {
            n: min(len(within[n]), w + divisor) if w < len(within[n]) else w
            for n, w in widths.items()
        }
        assert macs(wider) > most or wider == widths
        within = kept


def test_a_budget_below_the_smallest():
    within = {"a": (0, 1, 2, 3), "b": (0, 1, 2, 3)}
    scores = {name: [1.0] * 4 for name in within}
    with pytest.raises(BudgetError) as caught:
        cut_to_budget(scores, macs, within=within, most=21, divisor=2)
    assert str(caught.value) == (
        "no sub-network has at most 21 multiply-adds: with 2 channels a group the smallest has 22; "
        "raise the budget, or lower the divisor"
    )


# --- whole searches


@pytest.fixture(scope="module")
def small():
    return take(load_dataset("digits"), n_train=400, n_test=60)


@pytest.fixture(scope="module")
def background(small):
    recipe = Recipe(epochs=3, lr=0.05)
    return train_module(tiny_net((16, 24)), small, subject="tiny", recipe=recipe).net


@pytest.fixture
def search(small, background):
    groups = find_groups(background, (1, 8, 8))
    settings = PathSettings(
        shares=(0.6, 0.3), lasso=GroupLasso(strength=0.5), threshold=0.1, divisor=4
    )
    arguments = {
        "groups": groups.groups,
        "macs": WidthCosts(groups).macs,
        "subject": "tiny",
        "recipe": Recipe(epochs=8, lr=0.05, schedule="constant", warmup_epochs=0),
    }
    names = {field.name for field in dataclasses.fields(PathSettings)}

    def make(**changes):
        own = {key: value for key, value in changes.items() if key in names}
        others = {key: value for key, value in changes.items() if key not in names}
        changed = dataclasses.replace(settings, **own)
        return shrink_path(background, small, changed, **{**arguments, **others})

    return make


def check(levels, costs):
    full = levels.macs[0]
    assert levels.macs == tuple(costs(widths_of(kept)) for kept in levels.kept)
    assert levels.macs[1] <= 0.6 * full
    assert levels.macs[2] <= 0.3 * full
    assert [len(channels) for channels in levels.kept[0].values()] == [16, 24]
    for larger, smaller in itertools.pairwise(levels.kept):
        assert all(set(smaller[name]) <= set(larger[name]) for name in larger)
        assert widths_of(smaller) != widths_of(larger)
    assert all(len(channels) % 4 == 0 for kept in levels.kept for channels in kept.values())


def test_a_single_path(search, background):
    before = {name: value.clone() for name, value in background.state_dict().items()}
    levels = search()
    check(levels, WidthCosts(find_groups(background, (1, 8, 8))).macs)
    assert all(epoch is not None for epoch in levels.epochs)
    assert levels.epochs[0] <= levels.epochs[1] == levels.epochs_spent
    assert len(levels.records) == 1
    after = background.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert search() == levels or search().kept == levels.kept  # times differ
    plain = json.loads(json.dumps(levels.to_dict()))
    assert [level["epoch"] for level in plain["levels"]] == [None, *levels.epochs]
    assert plain["levels"][2]["kept"]["0"] == list(levels.kept[2]["0"])


def test_a_path_of_a_run_for_every_level(search, background):
    levels = search(path="multi")
    check(levels, WidthCosts(find_groups(background, (1, 8, 8))).macs)
    assert len(levels.records) == 2
    single = search()
    assert levels.kept[1] == single.kept[1]  # both begin alike
    assert levels.epochs_spent == levels.epochs[0] + levels.epochs[1] > single.epochs_spent


def test_levels_that_were_not_reached_are_cut_by_their_norms(search, background):
    levels = search(lasso=GroupLasso(strength=1e-9), recipe=Recipe(epochs=1))
    check(levels, WidthCosts(find_groups(background, (1, 8, 8))).macs)
    assert levels.epochs == (None, None)


@pytest.mark.parametrize("lasso", [GroupLasso(strength=0.5), None])
def test_a_search_that_was_stopped_finds_the_same(search, tmp_path, lasso):
    class Stop(Exception):  # noqa: N818
        pass

    whole = search(lasso=lasso)
    at = whole.epochs[0] + 1

    def watch(step):
        if (step.epoch, step.step) == (at, 2):
            raise Stop

    if at <= whole.epochs[1]:
        with pytest.raises(Stop):
            search(lasso=lasso, folder=tmp_path, on_step=watch)
    again = search(lasso=lasso, folder=tmp_path, resume=True)
    assert (again.kept, again.epochs) == (whole.kept, whole.epochs)
    finished = search(lasso=lasso, folder=tmp_path, resume=True)
    assert (finished.kept, finished.epochs) == (whole.kept, whole.epochs)


@pytest.fixture
def shrinking(background):
    groups = find_groups(background, (1, 8, 8))

    def make(**changes):
        arguments = {
            "groups": groups.free,
            "macs": WidthCosts(groups).macs,
            "budgets": [1],
            "within": {group.name: tuple(range(group.channels)) for group in groups.free},
            "lasso": GroupLasso(strength=1e-6),
            "threshold": 0.1,
            "divisor": 4,
        }
        return ShrinkingObjective(**{**arguments, **changes})

    return make


def moment_of(epoch, step=1):
    return Moment(
        recipe=Recipe(epochs=10),
        seed=0,
        device=torch.device("cpu"),
        epoch=epoch,
        step=step,
        steps=5,
    )


def test_fallen_channels_are_silent(background, shrinking):
    objective = shrinking()
    net = copy.deepcopy(background).train()
    with torch.no_grad():
        net[0].weight[[1, 5]] *= 1e-3
    objective.end_epoch(net, moment_of(1))
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, labels = torch.randn(8, 1, 8, 8), torch.arange(8)
    for step in range(3):
        optimiser.zero_grad()
        objective.backward(net, x, labels, moment_of(2, step + 1))
        objective.step(net, optimiser, moment_of(2, step + 1))
        for mode in (net.train(), net.eval()):
            with torch.no_grad():
                found = mode[:2](x).abs().sum((0, 2, 3))
            assert [c for c in range(16) if found[c] == 0] == [1, 5]


def test_channels_fall_for_good_and_the_last_ones_rank_highest(background, shrinking):
    objective = shrinking()
    net = copy.deepcopy(background)
    with torch.no_grad():
        net[0].weight[3] *= 0.05
        objective.end_epoch(net, moment_of(1))
        net[0].weight[3] *= 100
        net[0].weight[7] *= 0.001
        objective.end_epoch(net, moment_of(2))
    state = objective.state()
    assert state["fallen"]["0"] == [0, 0, 0, 1, 0, 0, 0, 2] + [0] * 8
    scores = state["scores"]["0"]
    assert scores[3] < scores[7] < min(score for c, score in enumerate(scores) if c not in (3, 7))
    again = shrinking()
    again.restore(json.loads(json.dumps(state)))
    assert again.state() == state


def test_a_strength_that_nobody_chose(background, shrinking):
    objective = shrinking(lasso=None)
    assert objective.to_dict()["strength"] is None
    net = copy.deepcopy(background)
    norms = [net[k].weight.flatten(1).norm(dim=1).mean().item() for k in (0, 3)]
    needed = max(norms[0] / 3, norms[1] / 12)  # over the roots of 9 and 144 weights
    recipe = Recipe(epochs=10)
    rates = sum(recipe.lr_at(k, steps_per_epoch=5) * (k + 1) / 50 for k in range(50))
    objective.step(net, torch.optim.SGD(net.parameters(), lr=0.1), moment_of(1))
    assert objective.lasso.clip is None
    assert objective.lasso.strength == pytest.approx(12 * needed / rates, rel=1e-5)
    again = shrinking(lasso=None)
    again.restore(json.loads(json.dumps(objective.state())))
    assert again.lasso == objective.lasso
    assert again.to_dict() == objective.to_dict()


def test_it_reaches_the_levels(search):
    levels = search(lasso=None)
    assert None not in levels.epochs


def test_as_many_channels_as_the_divisor_stay(background, shrinking):
    objective = shrinking()
    net = copy.deepcopy(background)
    with torch.no_grad():
        net[0].weight[1:] *= 1e-3
        objective.end_epoch(net, moment_of(1))
    fallen = objective.state()["fallen"]
    assert (fallen["0"].count(0), fallen["3"].count(0)) == (4, 24)
    assert not fallen["0"][0]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"path": "mult"}, SpecError, "path must be single or multi, got 'mult'. Did you mean"),
        ({"shares": ()}, SpecError, "shares must be falling shares of the full network's"),
        ({"shares": (0.3, 0.6)}, SpecError, "each in (0, 1), got [0.3, 0.6]"),
        ({"shares": (1.0, 0.6)}, SpecError, "each in (0, 1), got [1.0, 0.6]"),
        ({"shares": (0.6, 0)}, SpecError, "a share must be a finite number above 0, got 0"),
        ({"shares": 0.5}, SpecError, "shares must be a sequence such as (0.5, 0.25), got 0.5"),
        ({"lasso": 0.1}, SpecError, "lasso must be a GroupLasso or None, got 0.1"),
        ({"shares": ("half",)}, SpecError, "a share must be a finite number above 0, got 'half'"),
        ({"shares": (0.6, 0.0001)}, BudgetError, "no sub-network has at most "),
        ({"threshold": 1}, SpecError, "threshold must be in (0, 1), got 1"),
        ({"divisor": 0}, SpecError, "divisor must be at least 1, got 0"),
        ({"groups": ()}, SpecError, "shrink_path needs a channel group that may be narrowed"),
    ],
)
def test_bad_arguments(search, changes, error, message):
    with pytest.raises(error) as caught:
        search(**changes)
    assert message in str(caught.value)
