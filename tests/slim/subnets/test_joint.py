"""Joint training: gradients, single steps, teachers, resumed runs."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from nnmass.data import load_dataset, take
from nnmass.errors import SpecError
from nnmass.slim._subnets._joint import SandwichObjective
from nnmass.train import Moment, Recipe, Subject, train_module
from oracles.stopped_training import stopped_and_resumed
from oracles.tiny_family import TinyFamily, tiny_net


def moment_of(epoch=1, step=1, seed=0, **recipe):
    return Moment(
        recipe=Recipe(**recipe),
        seed=seed,
        device=torch.device("cpu"),
        epoch=epoch,
        step=step,
        steps=10,
    )


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(12, 1, 8, 8, generator=generator, dtype=torch.float64)
    return images, torch.randint(10, (12,), generator=generator)


def gradients(family):
    return {name: p.grad.clone() for name, p in family.named_parameters() if p.grad is not None}


# --- what a step adds up


def by_hand(family, batch, chosen, *, is_distilled, is_detached=True):
    """The gradient of the sum of all losses, each written out."""
    images, labels = batch
    total, teacher = 0.0, None
    for index in chosen:
        with family.using(index):
            log_p = torch.log_softmax(family(images), 1)
        if teacher is None or not is_distilled:
            total = total - log_p[torch.arange(len(labels)), labels].mean()
        else:
            total = total - (teacher * log_p).sum(1).mean()
        if teacher is None:
            teacher = log_p.detach().exp() if is_detached else log_p.exp()
    names, parameters = zip(*family.named_parameters(), strict=True)
    found = torch.autograd.grad(total, parameters)
    return total.item(), dict(zip(names, found, strict=True))


@pytest.mark.parametrize("rule", ["sandwich", "all"])
@pytest.mark.parametrize("is_distilled", [True, False])
def test_a_step_is_the_sum_of_its_sub_networks(batch, rule, is_distilled):
    family = TinyFamily(tiny_net().double()).double()
    objective = SandwichObjective(rule=rule, n_subnets=3, is_distilled=is_distilled)
    chosen = objective.chosen(4, moment_of())
    loss, _ = objective.backward(family, *batch, moment_of())
    expected, slopes = by_hand(family, batch, chosen, is_distilled=is_distilled)
    assert loss.item() == pytest.approx(expected, abs=1e-12)
    for name, found in gradients(family).items():
        torch.testing.assert_close(found, slopes[name], atol=1e-12, rtol=0)


def test_the_teacher_has_gradients_of_the_labels_alone(batch):
    family = TinyFamily(tiny_net().double()).double()
    objective = SandwichObjective(rule="all")
    objective.backward(family, *batch, moment_of())
    found = gradients(family)["model.8.weight"]
    arguments = {"family": family, "batch": batch, "chosen": range(4), "is_distilled": True}
    attached = by_hand(**arguments, is_detached=False)[1]["model.8.weight"]
    assert (found - attached).abs().max() > 1e-4  # this would be seen
    # What only the full network has gets nothing from the others, thus from the labels alone.
    with family.using(0):
        loss = F.cross_entropy(family(batch[0]), batch[1])
    (alone,) = torch.autograd.grad(loss, family.model[8].weight)
    outside = ~family.used(1)["model.8.weight"].expand_as(alone)
    torch.testing.assert_close(found[outside], alone[outside], atol=1e-12, rtol=0)


def test_label_smoothing_is_of_hard_labels(batch):
    family = TinyFamily(ratios=(1.0, 0.5)).double()
    moment = moment_of(label_smoothing=0.2)
    loss, logits = SandwichObjective(rule="all").backward(family, *batch, moment)
    hard = F.cross_entropy(logits, batch[1], label_smoothing=0.2)
    with family.using(1):
        soft = F.cross_entropy(family(batch[0]), logits.softmax(1))
    assert loss.item() == pytest.approx((hard + soft).item(), abs=1e-12)


def test_dropout_is_the_same_in_all_of_a_batch(batch):
    family = TinyFamily(tiny_net(dropout=0.5), ratios=(1.0, 1.0, 1.0)).double()
    objective = SandwichObjective(rule="all", is_distilled=False)
    torch.manual_seed(3)
    loss, logits = objective.backward(family, *batch, moment_of())
    assert loss.item() == pytest.approx(3 * F.cross_entropy(logits, batch[1]).item(), abs=1e-12)
    other, _ = objective.backward(family, *batch, moment_of())
    assert other != loss  # the next batch has its own


# --- which sub-networks


def test_a_sandwich_has_both_ends_and_others_between():
    objective = SandwichObjective(n_subnets=4)
    drawn = [objective.chosen(9, moment_of(epoch, step)) for epoch in (1, 2) for step in range(60)]
    assert all(chosen == sorted(set(chosen)) and len(chosen) == 4 for chosen in drawn)
    assert all((chosen[0], chosen[-1]) == (0, 8) for chosen in drawn)
    counts = [sum(index in chosen for chosen in drawn) for index in range(1, 8)]
    assert min(counts) > 120 * 2 / 7 / 2  # each of the seven about 34 times
    assert objective.chosen(9, moment_of(1, 5)) == objective.chosen(9, moment_of(1, 5))
    assert [objective.chosen(n, moment_of()) for n in (1, 2, 4)] == [[0], [0, 1], [0, 1, 2, 3]]
    assert SandwichObjective(n_subnets=2).chosen(9, moment_of()) == [0, 8]
    others = [objective.chosen(9, moment_of(1, step, seed=1)) for step in range(60)]
    assert others != drawn[:60]


def test_single_ones_take_turns():
    objective = SandwichObjective(rule="single")
    turns = [objective.chosen(4, moment_of(epoch)) for epoch in range(1, 41)]
    assert [objective.chosen(4, moment_of(epoch, 7)) for epoch in range(1, 41)] == turns
    rounds = [tuple(index for (index,) in turns[k : k + 4]) for k in range(0, 40, 4)]
    assert all(sorted(one) == [0, 1, 2, 3] for one in rounds)
    assert len(set(rounds)) > 3


# --- steps of a single one


@pytest.mark.parametrize("kind", ["sgd", "nesterov", "adam"])
def test_a_single_step_changes_nothing_outside(batch, kind):
    family = TinyFamily().double()
    arguments = {"lr": 0.1, "weight_decay": 0.1}
    optimiser = {
        "sgd": lambda p: torch.optim.SGD(p, momentum=0.9, **arguments),
        "nesterov": lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True, **arguments),
        "adam": lambda p: torch.optim.Adam(p, **arguments),
    }[kind](family.parameters())
    objective = SandwichObjective(rule="single")
    order = [objective.chosen(4, moment_of(epoch))[0] for epoch in range(1, 9)]
    for epoch, index in enumerate(order, start=1):
        before = copy.deepcopy(dict(family.named_parameters()))
        states = copy.deepcopy(list(optimiser.state.values()))
        optimiser.zero_grad(set_to_none=True)
        objective.backward(family, *batch, moment_of(epoch))
        objective.step(family, optimiser, moment_of(epoch))
        n_out = [round(16 * (1, 0.75, 0.5, 0.25)[index]), round(32 * (1, 0.75, 0.5, 0.25)[index])]
        inside = {name: torch.zeros_like(p, dtype=torch.bool) for name, p in before.items()}
        inside["model.0.weight"][: n_out[0]] = True
        inside["model.3.weight"][: n_out[1], : n_out[0]] = True
        inside["model.8.weight"][:, : n_out[1] * 16] = True
        inside["model.8.bias"][:] = True
        for name, width in (("1", n_out[0]), ("4", n_out[1])):
            inside[f"model.{name}.weight"][:width] = inside[f"model.{name}.bias"][:width] = True
        for name, p in family.named_parameters():
            assert torch.equal(p[~inside[name]], before[name][~inside[name]]), name
            assert (p[inside[name]] != before[name][inside[name]]).all(), name
        now = list(optimiser.state.values())
        for old, new, mask in zip(states, now, inside.values(), strict=False):
            for key, value in new.items():
                if isinstance(value, torch.Tensor) and value.shape == mask.shape:
                    assert torch.equal(value[~mask], old[key][~mask]), key


def test_a_plain_step_would_change_what_is_outside(batch):
    family = TinyFamily().double()
    optimiser = torch.optim.SGD(family.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    before = family.model[0].weight.detach().clone()
    with family.using(3):
        F.cross_entropy(family(batch[0]), batch[1]).backward()
    optimiser.step()
    assert not torch.equal(family.model[0].weight[4:], before[4:])


# --- whole trainings


@pytest.fixture(scope="module")
def small():
    return take(load_dataset("digits"), n_train=200, n_test=60)


SUBJECT = Subject(name="tiny", mass=None, params=1, macs=1)


@pytest.mark.parametrize("rule", ["sandwich", "single"])
def test_a_joint_training_that_was_stopped_ends_the_same(small, tmp_path, rule):
    objective = SandwichObjective(rule=rule, n_subnets=3)
    arguments = {
        "subject": SUBJECT,
        "objective": objective,
        "recipe": Recipe(epochs=3, batch_size=32, augment="crop:1"),
        "seed": 5,
    }
    family = TinyFamily(tiny_net(dropout=0.2))
    whole = train_module(family, small, **arguments)
    again = stopped_and_resumed(family, small, tmp_path, epoch=3, step=2, **arguments)
    assert again.curve == whole.curve
    states = whole.net.state_dict(), again.net.state_dict()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert again.record.levels == whole.record.levels
    assert list(again.record.levels) == ["1", "0.75", "0.5", "0.25"]
    assert again.record.levels["0.5"]["macs"] == family.subnets[2].macs
    assert again.record.levels["0.5"]["mass"] is None
    assert again.record.objective == {"rule": rule, "n_subnets": 3, "is_distilled": True}
    assert family.current == 0


# --- what goes wrong


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rule": "sandwitch"}, "rule must be sandwich, all, single, got 'sandwitch'. Did you"),
        ({"rule": None}, "rule must be sandwich, all, single, got None"),
        ({"n_subnets": 1}, "n_subnets must be at least 2, got 1: the full sub-network and the"),
        ({"n_subnets": 2.5}, "n_subnets must be a whole number of at least 2, got 2.5"),
    ],
)
def test_bad_settings(fields, message):
    with pytest.raises(SpecError) as caught:
        SandwichObjective(**fields)
    assert message in str(caught.value)


def test_a_network_without_sub_networks(small):
    with pytest.raises(SpecError, match=r"got a Sequential: make one of it with nnmass\.slim\.Sub"):
        train_module(tiny_net(), small, subject=SUBJECT, objective=SandwichObjective())
