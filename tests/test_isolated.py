"""A model lent out with stand-ins, and what it is afterwards: bit for bit, object for object."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from nnmass._isolated import copied, isolated, meta_tensor


class Rich(nn.Module):
    """Every kind of thing that a module may hold."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)
        self.again = self.conv  # one module under two names
        self.tied = nn.Linear(3, 3)
        self.tied.weight = nn.Parameter(torch.ones(3, 3))
        self.other = nn.Linear(3, 3)
        self.other.weight = self.tied.weight
        self.drop = nn.Dropout(0.5)
        self.ints = nn.Parameter(torch.arange(3), requires_grad=False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.register_buffer("nothing", None)
        self.plain = torch.zeros(3)
        self.alias = self.norm._buffers["running_mean"]
        self.log, self.cache, self.names = [], {}, {"a"}

    def forward(self, x):
        z = self.norm(self.conv(x))
        z = self.drop(z).mean((2, 3))
        self.seen += 1
        self.plain += 1
        self.alias += 1
        self.log.append(len(x))
        self.cache["last"] = z
        self.names.add("b")
        self.fresh = z
        return self.other(self.tied(z))


def everything(model):
    """All attributes by identity, and all tensors by value."""
    told = {}
    for path, module in model.named_modules():
        own = module.__dict__
        told[path] = {key: id(value) for key, value in own.items()}
        told[path, "order"] = list(own)
        for key, value in own.items():
            if isinstance(value, dict):
                told[path, key] = {k: id(v) for k, v in value.items()}
            elif isinstance(value, list | set):
                told[path, key] = list(value)
        told[path, "training"] = module.training
    tensors = [*model.named_parameters(), *model.named_buffers()]
    tensors += [(k, v) for k, v in model.__dict__.items() if isinstance(v, torch.Tensor)]
    told["values"] = {name: tensor.detach().clone().tolist() for name, tensor in tensors}
    told["versions"] = {name: tensor._version for name, tensor in tensors}
    told["grads"] = {name: (p.requires_grad, p.grad) for name, p in model.named_parameters()}
    return told


def generators():
    numbers = np.random.get_state()  # noqa: NPY002
    return random.getstate(), numbers[1].tolist(), numbers[2:], torch.get_rng_state().tolist()


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Rich()
    made.train()
    made.drop.eval()
    return made


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("batch_statistics", [False, True])
def test_everything_is_given_back(model, requires_grad, batch_statistics):
    before, drawn = everything(model), generators()
    with isolated(
        model, copied, requires_grad=requires_grad, batch_statistics=batch_statistics
    ) as lent:
        model(torch.randn(4, 2, 5, 5))
        for tensor in lent:
            tensor.data.zero_()
        model.conv.weight = nn.Parameter(torch.zeros(1))
        model.extra = nn.Linear(2, 2)
        del model.drop
        model.norm.register_buffer("more", torch.ones(2))
        model.train(not model.training)
        model.register_forward_hook(lambda *_: None)
        model.conv.requires_grad_(False)
        random.random(), np.random.rand(), torch.rand(3)  # noqa: NPY002
    assert everything(model) == before
    assert generators() == drawn


def test_it_is_given_back_after_an_error(model):
    before, drawn = everything(model), generators()
    with pytest.raises(KeyboardInterrupt), isolated(model, copied):
        model(torch.randn(4, 2, 5, 5))
        raise KeyboardInterrupt
    assert everything(model) == before
    assert generators() == drawn


def test_it_is_given_back_if_the_lending_fails(model):
    before = everything(model)
    count = iter(range(100))

    def fails(tensor):
        if next(count) == 3:
            raise MemoryError
        return tensor.clone()

    with pytest.raises(MemoryError), isolated(model, fails):
        pass
    assert everything(model) == before


def test_lending_within_lending(model):
    before = everything(model)
    with isolated(model, copied):
        outer = everything(model)
        with isolated(model, copied, requires_grad=True):
            model(torch.randn(4, 2, 5, 5))
        assert everything(model) == outer
    assert everything(model) == before


def test_stand_ins_have_the_values_and_none_of_the_memory(model):
    own = {id(p) for p in model.parameters()}
    memory = {p.data_ptr() for p in model.parameters()}
    values = [p.detach().clone() for p in model.parameters()]
    with isolated(model, copied) as lent:
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), values, strict=True))
        assert not own & {id(p) for p in model.parameters()}
        assert not memory & {p.data_ptr() for p in model.parameters()}
        assert {id(p) for p in lent} == {id(p) for p in model.parameters()}
        assert all(isinstance(p, nn.Parameter) for p in lent)
        assert model.tied.weight is model.other.weight
        assert model.alias is model.norm.running_mean
        assert model.again is model.conv


def test_requires_grad(model):
    model.conv.weight.requires_grad_(False)
    with isolated(model, copied) as lent:
        assert not any(p.requires_grad for p in lent)
    with isolated(model, copied, requires_grad=True) as lent:
        # Frozen ones too: a probe measures all weights. Whole numbers have no gradients.
        assert all(p.requires_grad == p.is_floating_point() for p in lent)
        model.conv(torch.randn(4, 2, 5, 5)).sum().backward()
        assert model.conv.weight.grad is not None
    assert model.conv.weight.grad is None
    assert not model.conv.weight.requires_grad


def test_modes(model):
    x = torch.randn(16, 2, 5, 5) * 3 + 7
    with isolated(model, copied):
        assert not any(module.training for module in model.modules())
        model(x)
        assert model.norm.running_var.tolist() == [1, 1, 1]
    with isolated(model, copied, batch_statistics=True):
        assert [m for m in model.modules() if m.training] == [model.norm]
        z = model.norm(model.conv(x))
        assert z.mean((0, 2, 3)).abs().max() < 1e-5  # the statistics of the batch
        assert model.norm.running_var.tolist() != [1, 1, 1]
    assert model.norm.running_var.tolist() == [1, 1, 1]


def test_meta_stand_ins(model):
    model.conv = model.conv.to(memory_format=torch.channels_last)
    strides = model.conv.weight.stride()
    with isolated(model, meta_tensor):
        assert model.conv.weight.is_meta
        assert model.conv.weight.stride() == strides
        assert model.ints.tolist() == [0, 1, 2]  # which channels are chosen stays known
        assert not model.plain.is_meta
    assert not model.conv.weight.is_meta
    sparse = torch.eye(3).to_sparse()
    assert meta_tensor(sparse).is_meta and meta_tensor(sparse).shape == (3, 3)


def test_parametrised_modules():
    with torch.random.fork_rng():
        layer = nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 4)))
    before = everything(layer)
    with isolated(layer, copied, requires_grad=True):
        layer.train()
        layer(torch.ones(2, 4))  # turns the vectors of the power iteration
    assert everything(layer) == before


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_compiled_modules_keep_mode_and_statistics():
    compiled = torch.jit.script(nn.Sequential(nn.BatchNorm1d(3)))
    before = [b.clone() for b in compiled.buffers()]
    with isolated(compiled, copied):
        assert not compiled.training
        compiled.train()
        compiled(torch.randn(8, 3) + 5)
    assert compiled.training
    assert all(torch.equal(a, b) for a, b in zip(compiled.buffers(), before, strict=True))
