"""Which modules count as layers, and in which order."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.probes import gradient_flow
from nnmass.probes._weight_layers import _moments

IMAGES, LABELS = torch.randn(6, 8, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3


def flow_of(model, images=IMAGES, **arguments):
    return gradient_flow(model, images, LABELS, **arguments)


def paths(model, images=IMAGES):
    return [layer.path for layer in flow_of(model, images).layers]


def gradients(model, images=IMAGES):
    """Weight gradients from a plain backward pass."""
    F.cross_entropy(model.eval()(images), LABELS).backward()
    return {
        name: 0.0 if parameter.grad is None else float(parameter.grad.norm())
        for name, parameter in model.named_parameters()
    }


class Odd(nn.Module):
    """Layers in another order than they run in, one used twice, one never."""

    def __init__(self):
        super().__init__()
        self.head, self.twice, self.unused = nn.Linear(8, 3), nn.Linear(8, 8), nn.Linear(2, 2)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x):
        return self.head(self.twice(F.relu(self.twice(x))) * self.scale)


def test_order_of_the_forward_pass_and_reuse():
    model = Odd()
    flow = flow_of(model)
    first, second, last = flow.draws[0].layers
    assert [first.path, second.path, last.path] == ["twice", "twice#2", "head"]
    assert flow.unmeasured == ("unused.weight",)
    norm = gradients(model)["twice.weight"]
    assert first.weight_gradient == second.weight_gradient == pytest.approx(norm, rel=1e-5)
    assert first.variance != second.variance


def test_shared_weights_take_one_step():
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 3))
    model[2].weight = model[0].weight
    found = flow_of(model, steps=1, lr=0.5).draws[0]
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    gradients(model)
    optimiser.step()
    optimiser.zero_grad()
    after = gradients(model)["0.weight"]
    assert found.layers[0].weight_gradient_after == pytest.approx((after,), rel=1e-4)
    assert found.layers[1].weight_gradient_after == found.layers[0].weight_gradient_after


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.position = nn.Parameter(torch.randn(4, 2))
        self.attention = nn.MultiheadAttention(2, 1, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = x.view(-1, 4, 2) + self.position
        return self.head(self.attention(x, x, x)[0].flatten(1))


def test_attention_is_one_layer_with_both_of_its_weights():
    model = Attends()
    flow = flow_of(model)
    layer = flow.draws[0].layers[0]
    assert [one.path for one in flow.layers] == ["attention", "head"]
    assert flow.unmeasured == ("position",)
    norms = gradients(model)
    parts = norms["attention.in_proj_weight"], norms["attention.out_proj.weight"]
    assert layer.weight_gradient == pytest.approx((parts[0] ** 2 + parts[1] ** 2) ** 0.5, rel=1e-5)
    assert layer.n_weights == 12 + 4


def test_parametrised_weights_count_with_their_layer():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.utils.parametrizations.weight_norm(model[0])
    flow = flow_of(model)
    layer = flow.draws[0].layers[0]
    assert (layer.path, layer.n_weights) == ("0", 8 + 64)
    assert flow.unmeasured == ()
    norms = [norm for name, norm in gradients(model).items() if "original" in name]
    assert layer.weight_gradient == pytest.approx((norms[0] ** 2 + norms[1] ** 2) ** 0.5, rel=1e-5)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(2, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.lstm(x.view(-1, 4, 2))[0][:, -1])


def test_recurrent_layers_use_the_lent_weights():
    model = Recurrent()
    kept = [id(weight) for weight in model.lstm._flat_weights]
    found = flow_of(model, steps=2, lr=1.0).draws[0].layers[0]
    assert kept == [id(weight) for weight in model.lstm._flat_weights]
    assert all(parameter.grad is None for parameter in model.parameters())
    norms = gradients(model)
    whole = (norms["lstm.weight_ih_l0"] ** 2 + norms["lstm.weight_hh_l0"] ** 2) ** 0.5
    assert found.weight_gradient == pytest.approx(whole, rel=1e-5)
    assert len({found.weight_gradient, *found.weight_gradient_after}) == 3


def test_what_the_loss_does_not_hang_on_has_a_gradient_of_zero():
    class Aside(nn.Module):
        def __init__(self):
            super().__init__()
            self.aside, self.cut, self.head = nn.Linear(8, 2), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x):
            self.aside(x)
            return self.head(self.cut(x).detach())

    aside, cut, head = flow_of(Aside()).draws[0].layers
    assert aside.gradient_rms == aside.weight_gradient == cut.gradient_rms == 0
    assert aside.is_dead
    assert cut.is_dead
    assert head.weight_gradient > 0


def test_large_activations_have_an_exact_variance():
    """Squares of float32 would overflow, and a mean far from zero would cancel."""
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 3))
    with torch.no_grad():
        model[0].weight.mul_(1e25)
        model[1].weight.mul_(1e-25)
    out = (IMAGES @ model[0].weight.detach().T).double()
    found = flow_of(model).draws[0].layers[0].variance
    assert found == pytest.approx(float(out.var(correction=0)), rel=1e-5)
    shifted = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
    nn.init.constant_(shifted[0].bias, 3e4)
    out = shifted[0](IMAGES).detach().double()
    found = flow_of(shifted).draws[0].layers[0].variance
    assert found == pytest.approx(float(out.var(correction=0)), rel=1e-6)
    last = torch.tensor([1.0, 1 + 2**-23])  # whose mean is no float32
    assert _moments(last)[0] == pytest.approx(2**-48, rel=1e-12, abs=0)
    constant = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
    nn.init.zeros_(constant[0].weight)
    nn.init.constant_(constant[0].bias, 0.1)
    assert flow_of(constant).draws[0].layers[0].variance == 0
