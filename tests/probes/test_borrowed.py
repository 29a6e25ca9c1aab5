"""A model lent to a probe."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from nnmass.errors import ProbeError
from nnmass.probes._borrowed import borrowed

CPU = torch.device("cpu")


def make():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5),
            nn.Flatten(), nn.Linear(16, 3),
        )  # fmt: skip
    model[3].eval()
    model[0].weight.requires_grad_(False)
    return model


class Watch:
    """What a model and the global generators were."""

    def __init__(self, model):
        self.model = model
        self.state = copy.deepcopy(model.state_dict())
        self.parameters = list(model.parameters())
        self.flags = [(m.training) for m in model.modules()]
        self.grads = [(p.requires_grad, p.grad) for p in self.parameters]
        self.generators = self.drawn()

    @staticmethod
    def drawn():
        numbers = np.random.get_state()  # noqa: NPY002
        return random.getstate(), numbers[1].tolist(), torch.get_rng_state().tolist()

    def check(self):
        model = self.model
        assert model.state_dict().keys() == self.state.keys()
        assert all(torch.equal(v, self.state[k]) for k, v in model.state_dict().items())
        assert all(a is b for a, b in zip(model.parameters(), self.parameters, strict=True))
        assert [m.training for m in model.modules()] == self.flags
        assert [(p.requires_grad, p.grad) for p in model.parameters()] == self.grads
        assert self.drawn() == self.generators


@pytest.mark.parametrize("batch_norm", ["batch", "running"])
def test_model_is_given_back(batch_norm):
    model = make()
    watch = Watch(model)
    with borrowed(model, CPU, batch_norm=batch_norm, requires_grad=True) as lent:
        model(torch.randn(8, 3, 4, 4)).square().sum().backward()
        with torch.no_grad():
            for tensor in lent:
                tensor.sub_(tensor.grad)
        torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002
        assert (int(model[1].num_batches_tracked) > 0) == (batch_norm == "batch")
    watch.check()


def test_an_exception_inside_comes_out_and_the_model_is_given_back():
    model = make()
    watch = Watch(model)
    with pytest.raises(ZeroDivisionError), borrowed(model, CPU):
        model(torch.randn(8, 3, 4, 4))
        model[5].weight.zero_()
        raise ZeroDivisionError
    watch.check()


def test_batch_norm_uses_what_was_asked_for():
    model, x = make(), torch.randn(8, 3, 4, 4) * 5 + 2
    with borrowed(model, CPU, batch_norm="running"):
        normed = model[1](model[0](x))
        assert torch.allclose(normed, model[0](x), rtol=1e-4)  # mean 0, variance 1
    with borrowed(model, CPU):
        normed = model[1](model[0](x))
        assert normed.mean((0, 2, 3)).abs().max() < 1e-5
        assert not model[3].training and not model[0].training


def test_gradients_only_if_asked():
    model = make()
    with borrowed(model, CPU) as lent:
        assert not any(p.requires_grad for p in lent)
    with borrowed(model, CPU, requires_grad=True) as lent:
        assert all(p.requires_grad for p in lent)


def test_inside_inference_mode():
    model = make()
    with torch.inference_mode(), borrowed(model, CPU, requires_grad=True) as lent:
        with torch.enable_grad():
            model(torch.randn(2, 3, 4, 4)).sum().backward()
        assert lent[0].grad is not None


def test_recurrent_layers_use_what_was_lent():
    layer = nn.LSTM(3, 4)
    x = torch.ones(2, 1, 3)
    with borrowed(layer, CPU) as lent:
        with torch.no_grad():
            for tensor in lent:
                tensor.zero_()
        assert float(layer(x)[0].abs().sum()) == 0
    assert float(layer(x)[0].abs().sum().detach()) > 0


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (make, {"batch_norm": "eval"}, "batch_norm must be 'batch' or 'running', got 'eval'"),
        (make, {"batch_norm": None}, "batch_norm must be 'batch' or 'running', got None"),
        (lambda: make().to("meta"), {}, r"Sequential: 0.weight has no values \(it is on the meta"),
        (lambda: nn.Sequential(nn.LazyLinear(3)), {}, "Sequential: 0.weight has no shape, and a"),
        (nn.LazyBatchNorm1d, {}, "LazyBatchNorm1d: weight has no shape"),
    ],
)
def test_what_cannot_be_lent(model, options, message):
    with pytest.raises(ProbeError, match=message), borrowed(model(), CPU, **options):
        pass
