"""Real families through joint training: a residual network and one with concatenations."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnmass
from nnmass.data import load_dataset, take
from nnmass.slim import SubnetFamily, WidthCosts, find_groups
from nnmass.slim._subnets._calibrate import calibrate
from nnmass.slim._subnets._group_lasso import GroupLasso
from nnmass.slim._subnets._joint import SandwichObjective
from nnmass.slim._subnets._path_levels import PathSettings
from nnmass.slim._subnets._paths import shrink_path
from nnmass.train import Moment, Recipe, Subject, train_module
from oracles.stopped_training import stopped_and_resumed

RESNET = "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)"
DENSE = "densenet(blocks=2/2,growth=8,stem=cifar,in=1,image=8,classes=10)"


def family_of(spec, *, batch_norm="statistics", ratios=(0.5, 0.25)):
    net = nnmass.build(spec, seed=0)
    full = find_groups(net, (1, 8, 8)).full
    levels = [{name: max(1, round(n * r)) for name, n in full.items()} for r in ratios]
    return SubnetFamily(net, [{}, *levels], input_shape=(1, 8, 8), batch_norm=batch_norm)


@pytest.fixture(scope="module")
def small():
    return take(load_dataset("digits"), n_train=160, n_test=40)


def moment_of(epoch=1):
    return Moment(recipe=Recipe(), seed=0, device=torch.device("cpu"), epoch=epoch, step=1, steps=4)


def batch(dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(8, 1, 8, 8, generator=generator, dtype=dtype)
    return images, torch.randint(10, (8,), generator=generator)


@pytest.mark.parametrize("batch_norm", ["statistics", "private"])
@pytest.mark.parametrize("spec", [RESNET, DENSE])
def test_a_step_is_the_sum_of_its_sub_networks(spec, batch_norm):
    family = family_of(spec, batch_norm=batch_norm).double().train()
    images, labels = batch()
    SandwichObjective(rule="all").backward(family, images, labels, moment_of())
    found = {name: p.grad.clone() for name, p in family.named_parameters()}
    sums = {name: torch.zeros_like(grad) for name, grad in found.items()}
    for index in range(3):
        with family.using(index):
            logits = family(images)
        if index == 0:
            loss = F.cross_entropy(logits, labels)
            teacher = logits.detach().softmax(1)
        else:
            loss = -(teacher * logits.log_softmax(1)).sum(1).mean()
        slopes = torch.autograd.grad(loss, list(family.parameters()), allow_unused=True)
        for name, slope in zip(sums, slopes, strict=True):
            sums[name] += 0 if slope is None else slope
    for name, grad in found.items():
        torch.testing.assert_close(grad, sums[name], atol=1e-10, rtol=1e-8)


@pytest.mark.parametrize("batch_norm", ["statistics", "private"])
@pytest.mark.parametrize("spec", [RESNET, DENSE])
def test_a_single_step_moves_what_is_inside_and_nothing_else(spec, batch_norm):
    family = family_of(spec, batch_norm=batch_norm).double().train()
    objective = SandwichObjective(rule="single")
    optimiser = torch.optim.SGD(family.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    images, labels = batch()
    for epoch in range(1, 7):
        (index,) = objective.chosen(3, moment_of(epoch))
        before = {name: p.detach().clone() for name, p in family.named_parameters()}
        optimiser.zero_grad(set_to_none=True)
        objective.backward(family, images, labels, moment_of(epoch))
        slopes = {name: p.grad for name, p in family.named_parameters()}
        objective.step(family, optimiser, moment_of(epoch))
        used = family.used(index)
        for name, p in family.named_parameters():
            moved = p != before[name]
            if slopes[name] is None:
                assert not moved.any(), name
                continue
            mask = used.get(name, torch.ones_like(moved)).expand_as(moved)
            assert not moved[~mask].any(), name
            assert not slopes[name][~mask].any(), name
            assert moved[mask].all(), name


@pytest.mark.parametrize("index", [0, 1, 2])
def test_statistics_of_one_move_when_it_alone_runs_in_training(index):
    family = family_of(RESNET).train()
    before = {name: value.clone() for name, value in family.named_buffers()}
    with family.using(index):
        family(batch(torch.float32)[0])
    family.eval()
    for other in range(3):
        with family.using(other):
            family(batch(torch.float32)[0])
    moved = {n for n, value in family.named_buffers() if not torch.equal(value, before[n])}
    own = f"levels.{index}." if index else "model."
    assert moved == {name for name in before if name.startswith(own) and "index" not in name}


@pytest.mark.parametrize("spec", [RESNET, DENSE])
def test_calibration_agrees_with_norms_that_average_by_themselves(spec):
    """Torch's own cumulative averages (momentum None) of the exported network."""
    family = family_of(spec)
    batches = [batch(torch.float32)[0] + shift for shift in (0.0, 0.5, 1.0)]
    calibrate(family, batches, levels=[2])
    net = family.export(2, fold_bn=False, channels_last=False)
    found = {name: value.clone() for name, value in net.named_buffers() if "running" in name}
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    net.train()
    with torch.no_grad():
        for images in batches:
            net(images)
    after = dict(net.named_buffers())
    assert found
    for name, value in found.items():
        torch.testing.assert_close(value, after[name], atol=1e-5, rtol=1e-5)


def test_a_family_is_trained_and_resumed(small, tmp_path):
    family = family_of(RESNET)
    arguments = {
        "subject": Subject(name="resnet family", mass=None, params=1, macs=1),
        "objective": SandwichObjective(),
        "recipe": Recipe(epochs=2, batch_size=40, lr=0.05),
    }
    before = {name: value.clone() for name, value in family.state_dict().items()}
    whole = train_module(family, small, **arguments)
    assert all(torch.equal(value, before[name]) for name, value in family.state_dict().items())
    again = stopped_and_resumed(family, small, tmp_path, epoch=2, step=2, **arguments)
    assert again.curve == whole.curve
    assert again.record.levels == whole.record.levels
    assert list(again.record.levels) == ["full", "level-1", "level-2"]
    states = whole.net.state_dict(), again.net.state_dict()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_background_then_levels_then_a_family(small):
    net = nnmass.build(RESNET, seed=0)
    recipe = Recipe(epochs=2, batch_size=40, lr=0.05)
    background = train_module(net, small, subject=RESNET, recipe=recipe).net
    groups = find_groups(background, (1, 8, 8))
    levels = shrink_path(
        background,
        small,
        PathSettings(shares=(0.5, 0.25), lasso=GroupLasso(strength=0.05), divisor=4),
        groups=groups.groups,
        macs=WidthCosts(groups).macs,
        subject=RESNET,
        recipe=recipe,
    )
    family = SubnetFamily(background, levels.kept, input_shape=(1, 8, 8))
    assert [subnet.macs for subnet in family.subnets] == list(levels.macs)
    result = train_module(
        family, small, subject=RESNET, objective=SandwichObjective(), recipe=recipe
    )
    assert [figures["macs"] for figures in result.record.levels.values()] == list(levels.macs)
