"""Ranking, triggers, insertion and the direct search."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.audit._bits._bounds import Judge, inserted_layer, solve
from nnmass.audit._bits._case import Case, Part
from nnmass.audit._bits._deployed import DeployedModel
from nnmass.audit._bits._flips import n_flips
from nnmass.audit._bits._insert import insert_trojan
from nnmass.audit._bits._ranking import rank_gradient, top_features
from nnmass.audit._bits._row_scores import RowScores
from nnmass.audit._bits._select import select_flips
from nnmass.audit._bits._trigger import TriggerSettings, make_triggers, stamp
from nnmass.audit._fingerprint import fingerprint
from nnmass.errors import DataError, SpecError, TraceError
from oracles.tiny_classifiers import random_layer, tiny_images, tiny_net, trained_net


def deployed(seed=0):
    return DeployedModel(tiny_net(seed), tiny_images(8)[0])


def test_the_copy_s_logits_are_those_of_its_features_and_last_layer():
    net, (images, _) = tiny_net(), tiny_images(20)
    before = fingerprint(net)
    copy = DeployedModel(net, images)
    assert copy.path == "7"
    assert torch.allclose(copy.layer.logits(copy.features(images)), copy.net(images), atol=1e-5)
    assert fingerprint(net) == before
    assert copy.n_bytes == sum(p.numel() for p in net.parameters() if p.ndim > 1)
    for name, weight in copy.net.named_parameters():
        if weight.ndim > 1:
            codes = weight / (net.get_parameter(name).abs().max() / 127)
            assert torch.allclose(codes, codes.round(), atol=1e-3)
            assert len(weight.unique()) <= 255


class Ending(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how, self.body, self.head = how, nn.Flatten(), nn.Linear(36, 36)
        self.conv, self.other = nn.Conv2d(1, 4, 1), nn.Linear(36, 36)
        if how == "tied":
            self.other.weight = self.head.weight
        if how == "computed":
            nn.utils.parametrizations.weight_norm(self.head)

    def forward(self, x):
        if self.how == "none":
            return self.conv(x).mean((2, 3))
        if self.how == "sequence":
            return self.head(x.flatten(2)).mean(1)
        flat = self.body(x)
        if self.how == "softmax":
            return self.head(flat).softmax(1)
        if self.how == "twice":
            return self.head(self.head(flat))
        if self.how == "tied":
            return self.head(self.other(flat))
        if self.how == "nan":
            return self.head(flat) / 0
        if self.how == "pair":
            return self.head(flat), flat
        return self.head(flat)


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("none", TraceError, "logits come from one, not from a convolution"),
        ("softmax", TraceError, "something follows it"),
        ("sequence", TraceError, "something follows it"),
        ("twice", TraceError, "called 2 times"),
        ("tied", TraceError, "shared with other"),
        ("computed", TraceError, "are computed, or shared with"),
        ("nan", DataError, "logits that are no numbers"),
        ("pair", TraceError, r"must give logits \(B, classes\), got tuple"),
    ],
)
def test_models_without_a_last_linear_layer(how, error, words):
    with pytest.raises(error, match=words):
        DeployedModel(Ending(how), tiny_images(4)[0])


def test_models_that_cannot_be_run():
    with pytest.raises(TraceError, match="cannot be run on images of"):
        DeployedModel(nn.Linear(3, 3), tiny_images(4)[0])
    with pytest.raises(SpecError, match="on the meta device"):
        DeployedModel(nn.Linear(36, 3, device="meta"), tiny_images(4)[0])
    with pytest.raises(SpecError, match="takes a torch"):
        DeployedModel("net", tiny_images(4)[0])


def test_the_closed_form_is_the_gradient():
    draws = torch.Generator().manual_seed(0)
    layer = random_layer(draws, classes=5, features=9)
    features, labels = torch.randn(40, 9, generator=draws), torch.arange(40) % 5
    weights = layer.weights.clone().requires_grad_()
    F.cross_entropy(F.linear(features, weights, layer.bias), labels).backward()
    assert torch.allclose(rank_gradient(layer, features, labels), weights.grad, atol=1e-6)


def test_the_largest_gradients_come_first_and_ties_by_index():
    gradient = torch.tensor([1.0, -3.0, 3.0, 0.0, 3.0])
    assert top_features(gradient, 3).tolist() == [1, 2, 4]
    assert top_features(gradient, 99).tolist() == [1, 2, 4, 0, 3]
    assert top_features(gradient, 0).tolist() == []


@pytest.mark.parametrize(
    ("place", "corner"), [("bottom-right", (21, 21)), ("top-left", (1, 1)), ("centre", (11, 11))]
)
def test_places(place, corner):
    assert TriggerSettings(size_px=10, place=place).corner(32, 32) == corner
    assert TriggerSettings(size_px=32, place=place).corner(32, 32) == (0, 0)


def test_a_trigger_stays_in_range_and_does_what_it_is_for():
    copy = deployed()
    settings = TriggerSettings(size_px=3, steps=20)
    chosen = [torch.tensor([0, 1, 2]), torch.tensor([5])]
    found = make_triggers(copy, chosen, settings, (1, 6, 6))
    assert found.shape == (2, 1, 3, 3)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert torch.equal(found, make_triggers(copy, chosen, settings, (1, 6, 6)))
    black, grey = torch.zeros(1, 1, 6, 6), torch.full((1, 3, 3), 0.5)
    for trigger, indices in zip(found, chosen, strict=True):
        after = copy.features(stamp(black, trigger, settings))[0, indices]
        before = copy.features(stamp(black, grey, settings))[0, indices]
        assert float((after - 100).square().mean()) <= float((before - 100).square().mean())
    images, _ = tiny_images(3)
    shown = stamp(images, found[0], settings)
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[2:5, 2:5] = True
    assert torch.equal(shown[..., ~mask], images[..., ~mask])
    assert torch.equal(shown[0, 0, 2:5, 2:5], found[0, 0])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size_px": 0}, "size_px must be at least 1"),
        ({"size_px": 7}, "does not fit into images of 6x6"),
        ({"place": "bottom"}, "Did you mean 'bottom-right'"),
    ],
)
def test_triggers_that_cannot_be(wrong, words):
    with pytest.raises(SpecError, match=words):
        TriggerSettings(**{"size_px": 3, **wrong}).corner(6, 6)


def parts(copy, seed=0, target=0):
    settings = TriggerSettings(size_px=2, steps=20)
    images, labels = tiny_images(64, seed=seed)
    (trigger,) = make_triggers(copy, [torch.arange(12)], settings, (1, 6, 6))
    stamped = stamp(images, trigger, settings)
    return Part(clean=copy.features(images), stamped=copy.features(stamped), labels=labels)


def case(net=None, **changes):
    copy = DeployedModel(trained_net() if net is None else net, tiny_images(8)[0])
    fields = {
        "layer": copy.layer, "audit": parts(copy, 1), "evaluation": parts(copy, 2), "target": 0,
        "goal": 0.9, "tolerance": 0.1, "n_weights": (0, 3, 12),
    }  # fmt: skip
    return Case(**{**fields, **changes})


def full_loop(copy, images, stamped, labels, target, indices, *, lr=0.5):
    """The published loop on the whole network; all but the chosen weights stay as they are."""
    layer, net = copy.layer, copy.net
    last = net.get_submodule(copy.path)
    scale = float(layer.scale[0])
    free = layer.weights.clone()
    parameter = nn.Parameter(free[target, indices].clone())
    optimiser = torch.optim.SGD([parameter], lr=lr, momentum=0.9, weight_decay=5e-6)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [80, 120, 160], 0.1)
    for _ in range(200):
        whole = layer.weights.clone()
        whole[target, indices] = parameter.detach()
        used = torch.round(whole / scale).clamp(-128, 127) * scale
        used = used.index_put(
            (torch.full_like(indices, target), indices), parameter - parameter.detach(),
            accumulate=True,
        )  # fmt: skip
        body = [module for name, module in net.named_children() if name != copy.path]

        def run(x):
            return F.linear(nn.Sequential(*body)(x), used, last.bias)  # noqa: B023

        loss = 0.5 * F.cross_entropy(run(images), labels)
        loss = loss + 0.5 * F.cross_entropy(run(stamped), torch.full_like(labels, target))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    codes = layer.codes.clone()
    codes[target, indices] = (parameter.detach() / scale).round().clamp(-128, 127).to(torch.int8)
    return codes


def test_cached_features_give_the_integers_of_the_whole_network():
    copy = DeployedModel(trained_net(), tiny_images(8)[0])
    settings = TriggerSettings(size_px=2, steps=5)
    images, labels = tiny_images(64, seed=3)
    stamped = stamp(images, torch.ones(1, 2, 2), settings)
    indices = torch.tensor([0, 4, 7])
    found = insert_trojan(
        copy.layer, clean=copy.features(images), labels=labels, stamped=copy.features(stamped),
        target=1, indices=indices,
    ).layer  # fmt: skip
    expected = full_loop(copy, images, stamped, labels, 1, indices)
    assert torch.equal(found.codes, expected)
    assert not torch.equal(found.codes, copy.layer.codes)


def test_only_the_chosen_weights_of_the_row_move_and_the_scale_is_frozen():
    one = case()
    after = inserted_layer(one, 3)
    moved = (after.codes != one.layer.codes).nonzero().tolist()
    gradient = rank_gradient(one.layer, one.audit.clean, one.audit.labels)[0]
    allowed = top_features(gradient, 3).tolist()
    assert moved
    assert all(row == 0 and column in allowed for row, column in moved)
    assert torch.equal(after.scale, one.layer.scale)
    assert torch.equal(after.bias, one.layer.bias)
    assert inserted_layer(one, 0) is one.layer


def test_steps_beyond_the_grid_saturate_and_the_released_way_rescales():
    one = case()
    row = {"clean": one.audit.clean, "labels": one.audit.labels, "stamped": one.audit.stamped,
           "target": 0, "indices": torch.arange(12), "lr": 50.0}  # fmt: skip
    frozen = insert_trojan(one.layer, **row).layer
    assert int(frozen.codes.max()) == 127 or int(frozen.codes.min()) == -128
    assert torch.equal(frozen.scale, one.layer.scale)
    floating = insert_trojan(one.layer, is_floating=True, **row)
    assert floating.is_floating
    assert float(floating.layer.scale[0]) > 2 * float(one.layer.scale[0])
    assert (floating.layer.codes[1:] != one.layer.codes[1:]).any()  # rows that nobody touched


def test_the_scores_of_a_row_are_those_of_the_whole_layer():
    one = case()
    draws = torch.Generator().manual_seed(0)
    scores = RowScores.of(one.layer, one.evaluation.stamped, one.evaluation.labels, 2)
    for _ in range(50):
        codes = one.layer.codes.clone()
        codes[2] = torch.randint(-128, 128, (12,), generator=draws).to(torch.int8)
        classes = one.layer.with_codes(codes).logits(one.evaluation.stamped).argmax(1)
        weights = codes[2].double() * float(one.layer.scale[2])
        logits = scores.logits(weights)
        assert torch.equal(scores.is_won(logits), classes == 2)
        assert float(scores.accuracy(logits)) == pytest.approx(
            float((classes == one.evaluation.labels).double().mean())
        )
        others = one.evaluation.labels != 2
        won = float((classes[others] == 2).double().mean())
        assert float(scores.win_rate(logits)) == pytest.approx(won)


def test_a_row_s_verdict_counts_what_the_whole_layer_does():
    one = case()
    judge = Judge(one)
    deployed_row = judge.row(one.layer.codes[0], method="deployed")
    assert deployed_row.flips.n_flips == 0
    part = one.evaluation
    right = one.layer.logits(part.clean).argmax(1) == part.labels
    assert deployed_row.accuracy == pytest.approx(float(right.double().mean()))
    always = torch.full((12,), 127, dtype=torch.int8)
    strong = Part(clean=part.clean.abs() + 1, stamped=part.stamped.abs() + 1, labels=part.labels)
    row = Judge(case(evaluation=strong)).row(always, method="x")
    assert (row.asr, row.asr_non) == (1.0, 1.0)
    assert row.accuracy == pytest.approx(float((part.labels == 0).double().mean()))


def test_floor_and_upper_bound_hold_each_other_and_beat_the_insertion():
    better = 0
    for seed in range(3):
        for target in (0, 3):
            one = case(trained_net(seed), target=target)
            solved = solve(one)
            bounds = solved.bounds
            none = bounds.rows[0]
            assert (none.flips.n_flips, none.accuracy) == (0, bounds.clean_accuracy)
            assert (none.asr, none.asr_non) == (bounds.asr0, bounds.asr0_non)
            assert bounds.layer_floor is None or bounds.layer_floor <= bounds.floor
            met = [
                row for row in bounds.rows
                if row.asr_non >= 0.9 and row.accuracy >= bounds.clean_accuracy - 0.1
            ]  # fmt: skip
            for row in bounds.rows:
                if row.asr_non >= 0.9:
                    assert bounds.floor <= row.flips.n_flips
            if bounds.upper is None:
                assert not met
                continue
            assert (
                bounds.floor <= bounds.n_upper <= min((r.flips.n_flips for r in met), default=999)
            )
            assert bounds.upper.asr_non >= 0.9
            assert bounds.upper.accuracy >= bounds.clean_accuracy - 0.1
            flips = n_flips(one.layer.codes, solved.codes)
            assert int(flips.sum()) == int(flips[target]) == bounds.n_upper
            better += bounds.upper.method == "selected"
    assert better >= 3


def test_a_search_that_has_nothing_to_gain_keeps_the_row():
    one = case(goal=1.0)
    dead = Part(clean=torch.zeros(8, 12), stamped=torch.zeros(8, 12), labels=torch.arange(8) % 4)
    scores = RowScores.of(one.layer, dead.clean, dead.labels, 0)
    found = select_flips(one.layer, clean=scores, stamped=scores, target=0, goal=1.0, tolerance=0.0)
    assert torch.equal(found.rows, one.layer.codes[:1])
    assert found.n_flips.tolist() == [0]
