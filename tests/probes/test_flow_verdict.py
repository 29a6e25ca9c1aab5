"""What networks with a known illness are told."""

import math

import pytest
import torch
from torch import nn

from nnmass.probes import gradient_flow
from nnmass.probes._flow_spread import Spread

IMAGES = torch.randn(16, 20, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(16) % 10


def chain(gain, *, depth=12, bias=0.0, width=32):
    """A function that makes a ReLU network; a gain of sqrt(2) keeps variances."""

    def make():
        layers = []
        for index in range(depth):
            layer = nn.Linear(20 if index == 0 else width, 10 if index == depth - 1 else width)
            nn.init.normal_(layer.weight, 0, gain / math.sqrt(layer.in_features))
            nn.init.constant_(layer.bias, bias)
            layers += [layer, nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    return make


def verdict(network, **arguments):
    return gradient_flow(network, IMAGES, LABELS, **arguments).verdict()


def test_a_good_start_gives_no_sign():
    assert "No sign that" in verdict(chain(math.sqrt(2)))
    assert "one layer with weights" in verdict(nn.Linear(20, 10))


def test_vanishing_and_exploding():
    assert "will train badly: gradients vanish on the way back" in verdict(chain(0.3))
    assert "will train badly: gradients explode on the way back" in verdict(chain(20))


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (1e-4, "will train badly: activations fade on the way through"),
        (1e-2, "No sign that"),  # variances, which are squares, may change by the square
        (1e4, "will train badly: activations explode on the way through"),
    ],
)
def test_activations_alone(scale, told):
    """Scales taken out on the way forward, and put back on the way back by a hand-made gradient."""

    class Fade(torch.autograd.Function):
        @staticmethod
        def forward(_context, x):
            return x * scale

        @staticmethod
        def backward(_context, gradient):
            return gradient

    class Faded(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(20, 20, bias=False), nn.Linear(20, 10, bias=False)

        def forward(self, x):
            return self.b(Fade.apply(self.a(x)))

    assert told in verdict(Faded())


def test_dead_units():
    flow = gradient_flow(chain(1.0, bias=-30.0), IMAGES, LABELS, seeds=3)
    told = flow.verdict()
    assert "will train badly: 12 of 12 layers (the first is 0) get a gradient of exactly" in told
    assert "in 3 of 3 initialisations" in told
    assert "The logits do not hang on the images at all" in told
    assert flow.jacobian_norm.values == (0.0,) * 3
    assert all(layer.gradient_rms.middle == 0 for layer in flow.layers[:-1])
    assert flow.layers[-1].gradient_rms.low > 0
    assert all(layer.is_dead for draw in flow.draws for layer in draw.layers)


def test_dead_in_some_draws_only():
    def make():
        return chain(1.0, bias=-30.0 if torch.rand(()) < 0.5 else 0.0)()

    flow = gradient_flow(make, IMAGES, LABELS, seeds=6, steps=1)
    n_dead = flow.layers[0].gradient_rms.n_zero
    assert 0 < n_dead < 6
    assert f"after 1 step in {n_dead} of 6 initialisations" in flow.verdict()


def test_exploding_beyond_all_numbers():
    flow = gradient_flow(chain(1e5), IMAGES, LABELS, steps=2)
    told = flow.verdict()
    assert "will not train: numbers are not finite in 5 of 5 initialisations" in told
    assert "its output holds NaN or infinity; before it the activations' variance goes from" in told
    assert "layer 8 of 12 (14)" in told
    layers = flow.layers
    assert layers[6].variance.middle > 1e60
    assert layers[7].variance.middle is layers[7].variance.low is layers[7].mean_square.high is None
    assert all(layer.weight_gradient.n_failed == 5 for layer in layers)
    assert layers[0].reason == "the gradient that reaches it holds NaN or infinity"
    assert flow.draws[0].losses == (None, None, None)
    assert flow.draws[0].jacobian_norm is flow.draws[0].jacobian_error is None
    assert len(flow.failures) == 12


def test_weights_that_are_no_numbers():
    model = chain(1.0)()
    with torch.no_grad():
        model[4].weight[0, 0] = math.nan
    told = verdict(model)
    assert "It shows at layer 3 of 12 (4): its weights hold NaN or infinity" in told


def test_steps_that_are_too_long():
    told = verdict(chain(math.sqrt(2)), steps=4, lr=1e4)
    assert "will train badly at lr 10000: in 4 steps the loss goes from" in told
    assert "no finite number in 5 of 5 initialisations" in told


def test_layers_that_wait_for_the_first_step():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.branch = nn.Linear(20, 20), nn.Linear(20, 20)
            self.norm = nn.LayerNorm(20)
            self.head = nn.Linear(20, 10)
            nn.init.zeros_(self.norm.weight)

        def forward(self, x):
            x = self.stem(x)
            return self.head(x + self.norm(self.branch(x)))

    at_start = verdict(Residual)
    assert "No sign that" in at_start
    assert "1 of 3 layers get no gradient at the start: something behind" in at_start
    assert "but do in the steps after it" in verdict(Residual, steps=1)

    def zero_head():
        model = Residual()
        nn.init.zeros_(model.head.weight)
        return model

    assert "No sign that" in verdict(zero_head, steps=2)
    assert "steps=1 tells which" in verdict(zero_head)


def test_a_spread_keeps_zeros_and_failures_apart():
    spread = Spread((4.0, 0.0, None, 1.0))
    assert (spread.middle, spread.low, spread.high) == (None, None, None)
    assert (spread.n_zero, spread.n_failed) == (1, 1)
    assert spread.positive.middle == pytest.approx(2.0)
    assert Spread((0.0, 2.0)).to_dict() == {
        "values": [0.0, 2.0], "middle": 0.0, "low": 0.0, "high": 2.0, "n_zero": 1, "n_failed": 0,
    }  # fmt: skip
    assert Spread(()).middle is None
