"""Networks as they are, or drawn from seeds."""

from __future__ import annotations

import random
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import NNMassError, ProbeError, SpecError
from nnmass.probes._draws import N_SEEDS, draws, name_of, seeds_for

MLP = "dense-mlp(w=4,d=5,t=2,in=6,classes=3)"

needs_zoo = pytest.mark.skipif(
    not (find_spec("timm") and find_spec("torchvision")),
    reason="the extra is missing: nnmass[zoo]",
)


class Noisy(nn.Module):
    """Draws from all three global generators."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)
        self.b = nn.Parameter(torch.tensor([random.random(), np.random.rand()]))  # noqa: NPY002


def weights(network, seed):
    ((told, model),) = draws(network, (seed,))
    assert told == seed
    return [p.detach().clone() for p in model.parameters()]


def same(a, b):
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


NETWORKS = {
    "spec": nnmass.parse(MLP),
    "spec string": MLP,
    "class": Noisy,
    "function": lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)),
    "timm": pytest.param("timm:resnet10t", marks=needs_zoo),
    "torchvision": pytest.param("torchvision:squeezenet1_1", marks=needs_zoo),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_a_seed_is_a_network(network):
    first = weights(network, 3)
    assert first and not any(p.is_meta for p in first)
    torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002
    assert same(first, weights(network, 3))
    assert not same(first, weights(network, 4))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_global_generators_do_not_move(network):
    def states():
        numbers = np.random.get_state()  # noqa: NPY002
        return random.getstate(), numbers[1].tolist(), torch.get_rng_state().tolist()

    before = states()
    for _ in draws(network, (0, 1)):
        assert states() == before
    assert states() == before


def test_specs_and_their_strings_are_the_same_networks():
    assert same(weights(MLP, 5), weights(nnmass.parse(MLP), 5))
    built = nnmass.build(MLP, seed=5)
    assert same(weights(MLP, 5), list(built.parameters()))


def test_links_are_drawn_too():
    nets = [net for _, net in draws("dense-mlp(w=8,d=9,t=3,in=6)", (0, 1))]
    assert nets[0].links.wiring[5].tolist() != nets[1].links.wiring[5].tolist()


def test_modules_are_measured_as_they_are():
    model = nn.Linear(3, 3)
    assert seeds_for(model, None) == (None,)
    ((seed, got),) = draws(model, (None,))
    assert seed is None and got is model


def test_saved_networks_come_with_their_weights(tmp_path):
    net = nnmass.build(MLP, seed=9)
    nnmass.save(net, tmp_path / "saved")
    name = str(tmp_path / "saved")
    assert seeds_for(name, None) == (None,)
    assert same(weights(name, None), list(net.parameters()))
    with pytest.raises(ProbeError, match=r"the saved network .* has its weights already"):
        seeds_for(name, 3)


def test_spec_files_are_drawn(tmp_path):
    nnmass.save(nnmass.build(MLP), tmp_path / "saved")
    (tmp_path / "only.json").write_text((tmp_path / "saved" / "spec.json").read_text())
    name = str(tmp_path / "only.json")
    assert seeds_for(name, 2) == (0, 1)
    assert same(weights(name, 7), weights(MLP, 7))


def test_functions_by_name(tmp_path, monkeypatch):
    (tmp_path / "drawn_nets.py").write_text(
        "from torch import nn\ndef make(n=3): return nn.Linear(n, n)\nfixed = nn.Linear(2, 2)\n"
    )
    monkeypatch.chdir(tmp_path)
    try:
        assert same(weights("drawn_nets:make", 1), weights("drawn_nets:make", 1))
        assert not same(weights("drawn_nets:make", 1), weights("drawn_nets:make", 2))
        assert weights("drawn_nets:make(5)", 1)[0].shape == (5, 5)
        with pytest.raises(ProbeError, match="drawn_nets:fixed has the same weights for the see"):
            list(draws("drawn_nets:fixed", (0, 1)))
    finally:
        sys.modules.pop("drawn_nets", None)


def seeds_itself():
    torch.manual_seed(7)
    return nn.Linear(3, 3)


def test_what_is_not_drawn_has_no_spread():
    assert len(list(draws(seeds_itself, (4,)))) == 1
    found = []
    with pytest.raises(ProbeError, match=r"^seeds_itself has the same weights .* 4 and 6: "):
        for seed, _ in draws(seeds_itself, (4, 6)):
            found.append(seed)
    assert found == [4]
    # Nothing to draw, nothing to compare.
    assert [seed for seed, _ in draws(nn.ReLU, (0, 1))] == [0, 1]


@pytest.mark.parametrize(
    ("seeds", "wanted"),
    [
        (None, tuple(range(N_SEEDS))),
        (1, (0,)),
        (3, (0, 1, 2)),
        (np.int64(2), (0, 1)),
        ([5, 0], (5, 0)),
        ((7,), (7,)),
        (range(2, 4), (2, 3)),
        (np.array([4, 2]), (4, 2)),
        ([np.int32(8)], (8,)),
    ],
)
def test_seeds(seeds, wanted):
    got = seeds_for(MLP, seeds)
    assert got == wanted
    assert all(type(seed) is int for seed in got)


@pytest.mark.parametrize(
    ("seeds", "error", "message"),
    [
        (0, SpecError, "seeds must be at least 1, got 0"),
        (-2, SpecError, "seeds must be at least 1, got -2"),
        (2.0, SpecError, "seeds must be how many .* or which .*, got 2.0"),
        (True, SpecError, "got True"),
        ("3", SpecError, "got '3'"),
        (b"3", SpecError, "got b'3'"),
        ({1, 2}, SpecError, r"got \{1, 2\}"),
        ([], ProbeError, "seeds must be at least one"),
        ([1, 2, 1], ProbeError, r"each another, got \[1, 2, 1\]: the same seed twice"),
        ([-1], SpecError, "a seed must be at least 0, got -1"),
        ([1.5], SpecError, "a seed must be a whole number of at least 0, got 1.5"),
        ([[1]], SpecError, "a seed must be a whole number"),
        (np.array([[1, 2]]), SpecError, "a seed must be a whole number"),
        (np.array([1.0]), SpecError, "a seed must be a whole number"),
    ],
)
def test_bad_seeds(seeds, error, message):
    with pytest.raises(error, match=message):
        seeds_for(MLP, seeds)


@pytest.mark.parametrize("network", [None, 3, [MLP], {"a": 1}, torch.ones(3)])
def test_what_is_no_network(network):
    with pytest.raises(ProbeError, match=r"^a network must be a torch\.nn\.Module, a spec, the n"):
        seeds_for(network, None)


def returns_pair():
    return nn.Linear(1, 1), 3


def wants_more(size):
    return nn.Linear(size, size)


def runs_out():
    raise MemoryError("all used")


def knows_better():
    raise SpecError("this spec is wrong")


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        (returns_pair, ProbeError, r"^returns_pair must return a torch\.nn\.Module, got \(Linear"),
        (lambda: None, ProbeError, "must return a .*, got None, of type NoneType"),
        (wants_more, ProbeError, r"^wants_more failed with TypeError: .*without arguments, once"),
        (runs_out, ProbeError, "runs_out failed with MemoryError: all used"),
        (knows_better, SpecError, "^this spec is wrong$"),
        ("resnett(depth=8)", NNMassError, "resnett"),
    ],
)
def test_what_cannot_be_made(network, error, message):
    with pytest.raises(error, match=message):
        list(draws(network, (0,)))


def test_seeds_beyond_the_generators():
    weights(Noisy, 2**64 - 1)
    with pytest.raises(SpecError, match=r"seed must be below 2\*\*64"):
        weights(Noisy, 2**64)
    weights(MLP, 2**70)  # generators of their own, seeded through a digest


def test_a_module_with_seeds_is_refused():
    with pytest.raises(ProbeError, match=r"^a Linear has its weights already, and seeds=2 asks"):
        seeds_for(nn.Linear(2, 2), 2)


def test_names():
    assert name_of(nnmass.build(MLP)) == name_of(nnmass.parse(MLP)) == MLP
    assert name_of(nn.Linear(1, 1)) == "Linear"
    assert name_of("timm:resnet18") == "timm:resnet18"
    assert name_of(Noisy) == "Noisy"
    assert name_of(seeds_itself) == "seeds_itself"
