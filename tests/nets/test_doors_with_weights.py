"""First weights of networks by name: the seed's alone."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
import torch

import nnmass
from nnmass import open_network
from nnmass.errors import SpecError
from nnmass.nets import has_weights

CNN = "dense-cnn(wm=1,d=4,t=8/20,image=8)"

needs_zoo = pytest.mark.skipif(
    not (find_spec("timm") and find_spec("torchvision")),
    reason="the extra is missing: nnmass[zoo]",
)

FACTORY = """
    import random
    import numpy as np
    import torch
    from torch import nn

    class Drawn(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 3)
            self.b = nn.Parameter(torch.tensor([random.random(), np.random.rand()]))
"""


@pytest.fixture(params=["spec", "resnet", "timm", "torchvision", "factory", "spec file"])
def name(request, tmp_path, monkeypatch):
    if request.param in ("timm", "torchvision") and not find_spec("timm"):
        pytest.skip("the extra is missing: nnmass[zoo]")
    if request.param == "factory":
        code = "\n".join(line[4:] for line in FACTORY.splitlines())
        (tmp_path / "weights_of_mine.py").write_text(code)
        monkeypatch.chdir(tmp_path)
        yield "weights_of_mine:Drawn"
        sys.modules.pop("weights_of_mine", None)
        return
    if request.param == "spec file":
        nnmass.save(nnmass.build(CNN), tmp_path / "kept")
        (tmp_path / "kept" / "model.safetensors").unlink()
        yield str(tmp_path / "kept")
        return
    yield {
        "spec": CNN,
        "resnet": "resnet(depth=8,image=16)",
        "timm": "timm:resnet10t",
        "torchvision": "torchvision:squeezenet1_1(num_classes=7)",
    }[request.param]


def test_the_seed_alone_says_the_weights(name, same_state, no_global_randomness):
    with no_global_randomness():
        first = open_network(name, seed=3, weights=True)
    assert not any(t.is_meta for t in first.model.state_dict().values())
    assert all(t.isfinite().all() for t in first.model.parameters())
    torch.rand(1)
    with no_global_randomness():
        again = open_network(name, seed=3, weights=True)
        other = open_network(name, seed=4, weights=True)
    assert first.model is not again.model
    assert same_state(first.model, again.model)
    assert not same_state(first.model, other.model)
    assert (first.name, first.input_shape) == (other.name, other.input_shape)


def test_names_and_shapes_do_not_depend_on_weights(name):
    with_them, without = open_network(name, weights=True), open_network(name)
    assert (with_them.name, with_them.input_shape, with_them.spec) == (
        without.name,
        without.input_shape,
        without.spec,
    )
    shapes = [[tuple(p.shape) for p in o.model.parameters()] for o in (with_them, without)]
    assert shapes[0] == shapes[1]


def test_a_spec_has_the_weights_of_build(same_state):
    opened = open_network(CNN, seed=6, weights=True)
    assert same_state(opened.model, nnmass.build(CNN, seed=6))
    assert opened.model.seed == 6


def test_saved_networks_keep_their_weights(tmp_path, same_state):
    net = nnmass.build(CNN, seed=5)
    nnmass.save(net, tmp_path / "net")
    assert has_weights(str(tmp_path / "net"))
    for seed in (0, 1):
        opened = open_network(str(tmp_path / "net"), seed=seed, weights=True)
        assert same_state(opened.model, net)


@pytest.mark.parametrize("text", [CNN, "", "timm:resnet18", "nowhere/at/all", "x" * 5000, "a:b"])
def test_other_names_have_no_weights(text):
    assert not has_weights(text)


@needs_zoo
def test_a_network_of_a_zoo_runs():
    opened = open_network("timm:resnet10t", weights=True)
    opened.model.eval()
    with torch.no_grad():
        out = opened.model(torch.rand(1, 3, 64, 64))
    assert out.isfinite().all() and out.std() > 0


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (-1, "seed must be at least 0, got -1"),
        (1.5, "seed must be a whole number of at least 0, got 1.5"),
        (True, "seed must be a whole number"),
    ],
)
def test_bad_seeds(seed, message):
    with pytest.raises(SpecError, match=message):
        open_network(CNN, seed=seed, weights=True)


@needs_zoo
@pytest.mark.parametrize("name", ["timm:resnet10t", "torch.nn:Identity"])
def test_seeds_beyond_the_generators(name):
    with pytest.raises(SpecError, match=r"^seed must be below 2\*\*64 for torch's generators, got"):
        open_network(name, seed=2**64, weights=True)


def test_an_import_that_draws_changes_nothing(tmp_path, monkeypatch, same_state):
    code = "from torch import nn\nnn.Linear(9, 9)\ndef make(): return nn.Linear(3, 3)\n"
    monkeypatch.chdir(tmp_path)
    models = []
    for _ in range(2):
        (tmp_path / "draws_at_import.py").write_text(code)
        models.append(open_network("draws_at_import:make", seed=1, weights=True).model)
    sys.modules.pop("draws_at_import", None)
    assert same_state(*models)
