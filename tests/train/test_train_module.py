"""Any module is trained by the same loop as the networks of specs."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnmass
from nnmass.errors import CheckpointError, SpecError, TraceError
from nnmass.nets import build, read_tensors
from nnmass.runs import read_record
from nnmass.train import CrossEntropy, Objective, Subject, _loop, train, train_module


@pytest.mark.parametrize("name", ["sgd", "bfloat16-adam-dropout"])
def test_a_network_of_a_spec_trains_alike_as_a_module(t, small, tmp_path, name):
    spec, recipe = t.case(name)
    as_spec = train(spec, small, recipe=recipe, seed=3, folder=tmp_path / "spec")
    net = build(spec, 3)
    subject = Subject.of_spec(nnmass.parse(spec))
    result = train_module(
        net, small, subject=subject, recipe=recipe, seed=3, folder=tmp_path / "module"
    )
    t.assert_same(as_spec, result)
    assert t.states_equal(net.state_dict(), build(spec, 3).state_dict())
    assert [f.name for f in (tmp_path / "module" / "best").iterdir()] == ["model.safetensors"]
    weights, metadata = read_tensors(
        tmp_path / "module" / "best" / "model.safetensors", schema="nnmass.weights/1"
    )
    assert metadata["network"] == str(nnmass.parse(spec))
    assert t.states_equal(weights, dict(result.net.state_dict()))


def test_a_name_alone_has_its_sizes_traced(t, small):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    record = train_module(net, small, subject="conv net", recipe=t.recipe_of(epochs=1)).record
    assert (record.spec, record.params, record.macs) == ("conv net", 1490, 36 * 36 + 1440)
    assert record.levels == {}
    assert record.objective == {}


def test_the_module_is_left_as_it_was(t, small):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.BatchNorm1d(12), nn.Linear(12, 10))
    net[2].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    result = train_module(net, small, subject="net", recipe=t.recipe_of(epochs=1))
    assert t.states_equal(before, net.state_dict())
    assert modes == [module.training for module in net.modules()]
    assert all(p.grad is None for p in net.parameters())
    assert not t.states_equal(before, result.net.state_dict())


class Halves(nn.Module):
    """Two networks in one; the current one answers."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) for _ in range(2))
        self.current = 0

    def forward(self, x):
        return self.parts[self.current](x)


class Both(Objective):
    """The sum of both losses; remembers how many steps it made."""

    def __init__(self):
        self.n_steps = 0
        self.shares = []

    def backward(self, net, images, labels, moment):
        losses, logits = [], None
        for index in range(2):
            with self.at_level(net, index):
                logits = net(images)
                losses.append(F.cross_entropy(logits, labels))
                losses[-1].backward()
        self.n_steps += 1
        self.shares.append(moment.share_done)
        return sum(losses), logits

    def levels(self, net):
        return {"left": {"macs": 640}, "right": {"macs": 640}}

    def at_level(self, net, index):
        class Block:
            def __enter__(self):
                net.current = index

            def __exit__(self, *_):
                net.current = 0

        return Block()

    def to_dict(self):
        return {"kind": "both"}

    def state(self):
        return {"n_steps": self.n_steps}

    def restore(self, state):
        self.n_steps = state["n_steps"]


SUBJECT = Subject(name="halves", mass=None, params=1300, macs=1280)


def halves():
    net = Halves()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / 8)
    return net


def test_levels_stand_in_the_curve_and_in_the_record(t, small, tmp_path):
    result = train_module(
        halves(), small, subject=SUBJECT, objective=Both(), recipe=t.recipe_of(), folder=tmp_path
    )
    record = result.record
    assert list(record.levels) == ["left", "right"]
    for key in ("validation_accuracy", "test_accuracy", "last_test_accuracy"):
        found = [figures[key] for figures in record.levels.values()]
        assert getattr(record, key) == sum(found) / 2
        assert found[0] != found[1] or key == "validation_accuracy"
    x = torch.tensor((small.test_images / 16 - 0.3053) / 0.3764, dtype=torch.float32)
    for index, figures in enumerate(record.levels.values()):
        with torch.no_grad():
            right = result.net.parts[index](x).argmax(1).numpy() == small.test_labels
        assert figures["test_accuracy"] == right.mean()
        assert figures["macs"] == 640
    best = result.curve[record.best_epoch - 1]
    assert best["validation_accuracy/left"] == record.levels["left"]["validation_accuracy"]
    losses = [best["validation_loss/left"], best["validation_loss/right"]]
    assert best["validation_loss"] == sum(losses) / 2
    assert read_record(tmp_path) == record
    assert json.loads((tmp_path / "run.json").read_text())["objective"] == {"kind": "both"}


def test_a_joint_training_goes_on_as_if_never_stopped(t, small, tmp_path, stop_at):
    recipe = t.recipe_of(optimiser="adam", lr=3e-3)
    whole = train_module(halves(), small, subject=SUBJECT, objective=Both(), recipe=recipe)
    watch, stop = stop_at(3, 2)
    arguments = {"subject": SUBJECT, "recipe": recipe, "folder": tmp_path}
    with pytest.raises(stop):
        train_module(halves(), small, objective=Both(), on_step=watch, **arguments)
    again = Both()
    resumed = train_module(halves(), small, objective=again, resume=True, **arguments)
    t.assert_same(whole, resumed)
    assert again.n_steps == 4 * 5  # two epochs before the stop are remembered
    assert again.shares[-1] == 1.0
    with pytest.raises(CheckpointError, match=r"objective\.kind was 'both' and is now None"):
        train_module(halves(), small, objective=CrossEntropy(), resume=True, **arguments)


@pytest.mark.parametrize(
    "name", ["write_checkpoint", "write_curve", "save_weights", "write_record"]
)
def test_a_joint_training_that_is_killed_while_it_writes(t, small, tmp_path, monkeypatch, name):
    class Killed(BaseException):
        pass

    arguments = {"subject": SUBJECT, "recipe": t.recipe_of(), "folder": tmp_path / "killed"}
    whole = train_module(
        halves(), small, objective=Both(), **{**arguments, "folder": tmp_path / "whole"}
    )
    calls, real = [], getattr(_loop, name)

    def dying(*given, **named):
        calls.append(name)
        if len(calls) == 2:
            raise Killed
        return real(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(_loop, name, dying)
        with pytest.raises(Killed):
            train_module(halves(), small, objective=Both(), **arguments)
    again = Both()
    resumed = train_module(halves(), small, objective=again, resume=True, **arguments)
    t.assert_same(whole, resumed)
    assert again.n_steps == 20
    curves = [(tmp_path / run / "curve.jsonl").read_bytes() for run in ("whole", "killed")]
    assert curves[0] == curves[1]
    found = [
        read_tensors(tmp_path / run / "best" / "model.safetensors", schema="nnmass.weights/1")
        for run in ("whole", "killed")
    ]
    assert t.states_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize(
    ("net", "arguments", "error", "message"),
    [
        (None, {}, SpecError, "train_module needs a torch.nn.Module, got None"),
        ("vgg", {}, SpecError, "for a spec use nnmass.train.train"),
        (nn.Linear(64, 10, device="meta"), {}, SpecError, "this Linear is on the meta device"),
        (nn.ReLU(), {}, SpecError, "this ReLU has no parameter that requires a gradient"),
        (nn.Linear(64, 10), {}, SpecError, "cannot be run on inputs of 1x8x8, which digits has"),
        (nn.Linear(8, 10), {}, SpecError, "must give logits of shape (1, 10) for one input of"),
        (nn.Linear(64, 10), {"subject": "net"}, TraceError, "net"),
        (nn.Linear(64, 10), {"objective": F.nll_loss}, SpecError, "objective must be a nnmass.tra"),
        (nn.Linear(64, 10), {"subject": None}, SpecError, "the name of its network, got None"),
        (nn.Linear(64, 10), {"subject": ""}, SpecError, "a training needs the name of its"),
    ],
)
def test_what_cannot_be_trained(t, small, net, arguments, error, message):
    with pytest.raises(error) as caught:
        train_module(net, small, **{"subject": SUBJECT, **arguments})
    assert message in str(caught.value)
