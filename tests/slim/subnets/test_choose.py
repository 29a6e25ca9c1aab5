"""Choosing levels: the spec's integers, nesting, budgets, each method against its own rule."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import nnmass
from nnmass.errors import BudgetError, ProbeError, SpecError, TraceError
from nnmass.slim._subnets._choose import choose_levels
from nnmass.slim._subnets._costs import WidthCosts
from nnmass.slim._subnets._find_groups import find_groups
from nnmass.slim._subnets._held_out import HeldOutLoss
from nnmass.slim._subnets._ladder import Ladder
from nnmass.slim._subnets._mass import WidthMass
from nnmass.slim._subnets._search_widths import greedily

SHAPE = (3, 4, 4)


class Residual(nn.Module):
    def __init__(self, stage, inner, deep):
        super().__init__()
        self.stem, self.norm0 = nn.Conv2d(3, stage, 3, padding=1), nn.BatchNorm2d(stage)
        self.one, self.norm1 = nn.Conv2d(stage, inner, 3, padding=1), nn.BatchNorm2d(inner)
        self.two, self.norm2 = nn.Conv2d(inner, stage, 3, padding=1), nn.BatchNorm2d(stage)
        self.deep = nn.Linear(stage * 16, deep)
        self.head = nn.Linear(deep, 4)

    def forward(self, x):
        x = self.norm0(self.stem(x)).relu()
        x = (x + self.norm2(self.two(self.norm1(self.one(x)).relu()))).relu()
        return self.head(self.deep(x.flatten(1)).relu())


@pytest.fixture(scope="module")
def resnet18():
    return nnmass.build("resnet(depth=18)", seed=0)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    net = Residual(24, 32, 40)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
    return net.eval()


def test_uniform_levels_of_resnet_18_have_the_known_costs(resnet18):
    levels = choose_levels(resnet18, (3, 224, 224))
    assert levels.macs == (1_814_073_344, 1_042_639_872, 483_149_824, 135_603_200)
    assert levels.params == (11_689_512, 6_675_352, 3_055_880, 831_096)
    assert levels.mass == (3392, 2544, 1696, 848)
    assert levels.budgets == levels.macs


def test_uniform_levels_of_resnet_20_have_the_known_costs():
    net = nnmass.build("resnet(depth=20,classes=10,stem=cifar)", seed=0)
    levels = choose_levels(net, (3, 32, 32), divisor=4)
    assert levels.params == (269_722, 152_182, 68_050, 17_326)
    assert levels.macs == (40_551_040, 22_893_024, 10_248_512, 2_617_504)


def check_levels(levels, groups, divisor):
    """e.4: nested, on the ladder, never empty, within the budget, masses and costs as traced."""
    ladder = Ladder(groups, divisor)
    allowed = {g.name: set(r.tolist()) for g, r in zip(groups.groups, ladder.rungs, strict=True)}
    assert levels.widths[0] == groups.full
    for above, below in zip(levels.kept[:-1], levels.kept[1:], strict=True):
        assert all(set(below[name]) <= set(above[name]) for name in groups.full)
        assert above != below
    for kept in levels.kept:
        assert set(kept) == set(groups.full)
        for name, channels in kept.items():
            assert list(channels) == sorted(set(channels))
            assert len(channels) in allowed[name]
            assert all(n % divisor == 0 or n == groups.full[name] for n in allowed[name])
    spent = levels.macs if levels.price == "macs" else levels.params
    assert all(cost <= budget for cost, budget in zip(spent, levels.budgets, strict=True))


@pytest.mark.parametrize("method", ["uniform", "norm", "mass"])
def test_levels_of_resnet_18(resnet18, method):
    levels = choose_levels(resnet18, (3, 224, 224), method=method)
    groups = find_groups(resnet18, (3, 224, 224))
    check_levels(levels, groups, 8)
    for spent, budget in zip(levels.macs, levels.budgets, strict=True):
        assert spent > 0.9 * budget
    json.dumps(levels.to_dict(), allow_nan=False)
    if method == "mass":
        uniform = choose_levels(resnet18, (3, 224, 224))
        assert all(m > u for m, u in zip(levels.mass[1:], uniform.mass[1:], strict=True))


@settings(max_examples=40)
@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)),
    method=st.sampled_from(["uniform", "norm", "mass", "greedy"]),
    price=st.sampled_from(["macs", "params"]),
    divisor=st.sampled_from([1, 3, 8, 16]),
    budgets=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 99),
)
def test_any_levels_are_nested_and_within_their_budgets(
    sizes, method, price, divisor, budgets, seed
):
    torch.manual_seed(seed)
    net = Residual(*sizes)
    groups = find_groups(net, SHAPE)
    try:
        levels = choose_levels(
            net,
            SHAPE,
            method=method,
            price=price,
            divisor=divisor,
            budgets=sorted(budgets, reverse=True),
            cost=lambda kept: -float(np.sqrt([len(c) for c in kept.values()]).sum()),
        )
    except (BudgetError, SpecError) as error:
        assert any(words in str(error) for words in ("the smallest with", "same", "must fall"))
        return
    check_levels(levels, groups, divisor)


def test_norm_keeps_what_is_above_one_threshold(small):
    groups = find_groups(small, SHAPE)
    rng = np.random.default_rng(0)
    scores = {name: rng.random(channels) for name, channels in groups.full.items()}
    levels = choose_levels(
        small, SHAPE, method="norm", budgets=(0.5, 0.2), divisor=1, importance=scores
    )
    relative = {name: score / score.mean() for name, score in scores.items()}
    for kept in levels.kept[1:]:
        weakest = min(relative[name][list(channels)].min() for name, channels in kept.items())
        for name, channels in kept.items():
            dropped = np.delete(relative[name], list(channels))
            # The most important channel of a group stays, however weak.
            assert len(channels) == 1 or dropped.max(initial=0) < weakest


def test_greedy_narrows_what_costs_least_for_what_it_saves():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 1, 1)
    )
    # MACs are 16 (3a + ab + b). A channel of the first group costs 10 and saves 3 + b, one of the
    # second costs 1 and saves a + 1: the second is narrowed down to one before the first is.
    levels = choose_levels(
        net,
        SHAPE,
        method="greedy",
        budgets=(16 * 24, 16 * 13),
        divisor=1,
        cost=lambda kept: -10 * len(kept["0"]) - len(kept["2"]),
    )
    assert [tuple(widths.values()) for widths in levels.widths] == [(4, 4), (4, 2), (3, 1)]
    assert levels.macs == (16 * 32, 16 * 22, 16 * 13)
    assert levels.n_costs == 1 + 2 + 2 + 2 + 1  # the network, then every group that is left


def test_the_last_step_is_undone_as_far_as_the_budget_allows():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 100, 1), nn.ReLU(), nn.Conv2d(100, 2, 1))
    ladder = Ladder(find_groups(net, SHAPE), 1)
    spent = lambda counts: counts.sum(1)  # noqa: E731
    full = int(spent(ladder.full[None])[0])
    (row,) = greedily(
        ladder, spent, [full - 13], lambda counts: -counts.sum(1).astype(float), is_coarse=True
    )
    assert int(spent(row[None])[0]) == full - 13  # two steps of 10, of which 7 came back


def test_no_group_could_be_wider_at_more_mass_within_the_budget(resnet18):
    levels = choose_levels(resnet18, (3, 224, 224), method="mass")
    costs = WidthCosts(find_groups(resnet18, (3, 224, 224)))
    mass = WidthMass(resnet18, costs.groups, (3, 224, 224))
    rows = [{name: len(kept) for name, kept in level.items()} for level in levels.kept]
    for above, row, budget in zip(rows, rows[1:], levels.budgets[1:], strict=False):
        own = mass(costs.counts(row)[None])[0]
        for name in row:
            wider = row | {name: row[name] + 8}
            if wider[name] <= above[name] and costs.macs(wider) <= budget:
                assert mass(costs.counts(wider)[None])[0] <= own


def test_the_held_out_loss_is_that_of_the_network_without_these_channels(small):
    kept = {"stem": (1, 4, 20), "one": (0, 31), "deep": (2, 3, 5, 39)}
    narrow = Residual(3, 2, 4).eval()
    stem, one, deep = (torch.tensor(kept[name]) for name in ("stem", "one", "deep"))
    places = (stem[:, None] * 16 + torch.arange(16)).flatten()
    state = {}
    for name, tensor in small.state_dict().items():
        module = name.split(".")[0]
        outputs = {"stem": stem, "norm0": stem, "one": one, "norm1": one, "two": stem}
        outputs |= {"norm2": stem, "deep": deep}
        inputs = {"one": stem, "two": one, "deep": places, "head": deep}
        rows = outputs.get(module, slice(None))
        columns = inputs.get(module, slice(None))
        state[name] = tensor[rows] if tensor.ndim == 1 else tensor
        state[name] = tensor[rows][:, columns] if tensor.ndim > 1 else state[name]
    narrow.load_state_dict(state)
    images = torch.randn(6, *SHAPE, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    loss = HeldOutLoss(small, find_groups(small, SHAPE), images, labels)
    torch.testing.assert_close(loss.logits(kept), narrow(images), rtol=1e-5, atol=1e-5)
    assert loss(kept) == pytest.approx(F.cross_entropy(narrow(images), labels).item(), rel=1e-5)


def test_greedy_on_a_batch_ends_with_a_smaller_loss_than_the_worst_choice(small):
    images = torch.randn(64, *SHAPE, generator=torch.Generator().manual_seed(0))
    labels = small(images).argmax(1)
    loss = HeldOutLoss(small, find_groups(small, SHAPE), images, labels)
    arguments = {"budgets": (0.6,), "divisor": 4}
    best = choose_levels(small, SHAPE, method="greedy", batch=(images, labels), **arguments)
    worst = choose_levels(small, SHAPE, method="greedy", cost=lambda kept: -loss(kept), **arguments)
    assert loss(best.kept[1]) < loss(worst.kept[1])
    assert best.n_costs > 3


def test_the_most_important_channels_stay(small):
    scores = {"stem": np.arange(24), "one": -np.arange(32) + 32, "deep": np.ones(40)}
    levels = choose_levels(small, SHAPE, widths=(0.5,), importance=scores)
    assert levels.kept[1]["stem"] == (*range(8, 24),)  # 12 lies between 8 and 16: the higher
    assert levels.kept[1]["one"] == (*range(16),)
    assert levels.kept[1]["deep"] == (*range(24),)  # equals: the first
    assert levels.importance == "given"


def test_the_model_is_left_as_it_was(small):
    before = {name: tensor.clone() for name, tensor in small.state_dict().items()}
    images, labels = torch.ones(2, *SHAPE), torch.tensor([0, 1])
    for method in ("norm", "greedy", "mass"):
        choose_levels(
            small, SHAPE, method=method, budgets=(0.6,), importance="taylor", batch=(images, labels)
        )
    assert not small.training
    assert all(torch.equal(t, before[name]) for name, t in small.state_dict().items())
    small(images)  # no hook is left that needs a mask


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"method": "norms"}, SpecError, r"got 'norms'\. Did you mean 'norm' or 'uniform'\?"),
        ({"price": "flops"}, SpecError, r"price must be 'macs' or 'params', got 'flops'"),
        ({"divisor": 0}, SpecError, r"divisor must be at least 1, got 0"),
        ({"divisor": 64}, BudgetError, r"levels 0 and 1 keep the same channels.*of 64"),
        ({"widths": (0.5, 0.75)}, SpecError, r"widths must fall .* got 0\.5 and then 0\.75"),
        ({"widths": (1,)}, SpecError, r"widths name no level below the full network"),
        ({"widths": (1.5, 0.5)}, SpecError, r"at most 1, got 1\.5"),
        ({"widths": "1,.5"}, SpecError, r"widths must be one number or more"),
        ({"widths": (0.5, -1)}, SpecError, r"each of widths must be a finite number above 0"),
        ({"budgets": (0.001,)}, BudgetError, r"the smallest with widths of at least 8 has 22,944"),
        ({"budgets": (10**9, 0.5)}, BudgetError, r"leaves nothing to do: the full network has"),
        ({"budgets": (0.5, 0.5)}, SpecError, r"budgets must fall"),
        ({"method": "greedy"}, SpecError, r"method 'greedy' needs something to judge by"),
        ({"importance": "L2"}, SpecError, r"got 'L2'\. Did you mean"),
        (
            {"method": "greedy", "batch": (torch.ones(2, *SHAPE), torch.tensor([1]))},
            SpecError,
            r"got 2 images and 1 labels",
        ),
    ],
)
def test_messages(small, arguments, error, words):
    with pytest.raises(error, match=words):
        choose_levels(small, SHAPE, **arguments)


def test_a_network_without_skips_has_no_mass_to_choose_by():
    net = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU(), nn.Conv2d(16, 4, 1), nn.Flatten())
    with pytest.raises(SpecError, match=r"NN-Mass cannot choose levels of Sequential: .* is 0"):
        choose_levels(net, SHAPE, method="mass", widths=(0.5,))
    assert choose_levels(net, SHAPE, widths=(0.5,)).mass == (0, 0)


def test_networks_that_cannot_be_judged_say_so():
    net = nn.Conv2d(3, 4, 1)
    with pytest.raises(TraceError, match=r"no channels of Conv2d can be dropped"):
        choose_levels(net, SHAPE)
    maps = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU(), nn.Conv2d(16, 4, 1))
    batch = (torch.ones(2, *SHAPE), torch.tensor([0, 1]))
    with pytest.raises(ProbeError, match=r"must give logits .* got torch.Size\(\[2, 4, 4, 4\]\)"):
        choose_levels(maps, SHAPE, method="greedy", batch=batch, widths=(0.5,))
