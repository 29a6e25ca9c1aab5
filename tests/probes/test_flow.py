"""Gradient flow against plain autograd, written out anew."""

import copy
import math
from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnmass
from nnmass.probes import gradient_flow


def some(n=12, shape=(3, 10, 10), classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, *shape, generator=generator), torch.arange(n) % classes


def small_cnn():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Conv2d(6, 4, 3, stride=2, bias=False),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(36, 5),
    )


def in_training_order(model):
    """A copy with batch statistics and no dropout."""
    model = copy.deepcopy(model).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
    return model


def outputs_by_hand(model, images, labels):
    """Outputs of the layers with weights, gradients kept, in place of hooks on tensors."""
    kept, x = [], images
    for module in model:
        x = module(x.clone())  # so that nothing overwrites what was kept
        if isinstance(module, nn.Conv2d | nn.Linear):
            x.retain_grad()
            kept.append(x)
    loss = F.cross_entropy(x, labels)
    loss.backward()
    return loss, kept


@pytest.mark.parametrize("batch_norm", ["batch", "running"])
def test_numbers_equal_plain_autograd(batch_norm):
    model, (images, labels) = small_cnn(), some()
    flow = gradient_flow(model, images, labels, batch_norm=batch_norm)
    plain = in_training_order(model) if batch_norm == "batch" else copy.deepcopy(model).eval()
    loss, kept = outputs_by_hand(plain, images, labels)
    (draw,) = flow.draws
    assert [layer.path for layer in draw.layers] == ["0", "4", "7"]
    assert draw.seed is None
    assert draw.loss == pytest.approx(float(loss.detach()), rel=1e-6)
    for layer, out in zip(draw.layers, kept, strict=True):
        module = plain[int(layer.path)]
        numbers, gradient = out.detach().double(), out.grad.double() * len(images)
        assert layer.kind == type(module).__name__
        assert layer.n_units == out[0].numel()
        assert layer.n_weights == module.weight.numel()
        assert layer.variance == pytest.approx(float(numbers.var(correction=0)), rel=1e-5)
        assert layer.mean_square == pytest.approx(float(numbers.square().mean()), rel=1e-5)
        assert layer.gradient_rms == pytest.approx(float(gradient.square().mean().sqrt()), rel=1e-5)
        per_image = gradient.flatten(1).square().sum(1)
        assert layer.gradient_norm == pytest.approx(float(per_image.mean().sqrt()), rel=1e-5)
        norm, of = float(module.weight.grad.norm()), float(module.weight.detach().norm())
        assert layer.weight_norm == pytest.approx(of, rel=1e-5)
        assert layer.weight_gradient == pytest.approx(norm, rel=1e-5)
        assert layer.relative_gradient == pytest.approx(norm / of, rel=1e-5)


def test_steps_are_those_of_plain_sgd():
    model, (images, labels) = small_cnn(), some()
    flow = gradient_flow(model, images, labels, steps=3, lr=0.2)
    plain = in_training_order(model)
    optimiser = torch.optim.SGD(plain.parameters(), lr=0.2)
    losses, norms = [], []
    for _ in range(4):
        optimiser.zero_grad()
        loss = F.cross_entropy(plain(images), labels)
        loss.backward()
        losses.append(float(loss.detach()))
        norms.append([float(plain[i].weight.grad.norm()) for i in (0, 4, 7)])
        optimiser.step()
    (draw,) = flow.draws
    assert draw.losses == pytest.approx(losses, rel=1e-4)
    found = [(layer.weight_gradient, *layer.weight_gradient_after) for layer in draw.layers]
    for one, by_hand in zip(found, zip(*norms, strict=True), strict=True):
        assert one == pytest.approx(by_hand, rel=1e-3)


def test_the_size_of_the_batch_does_not_matter():
    """Images twice over change no number but rounding."""
    model, (images, labels) = small_cnn(), some()
    once = gradient_flow(model, images, labels).draws[0]
    twice = gradient_flow(model, images.repeat(2, 1, 1, 1), labels.repeat(2)).draws[0]
    assert twice.jacobian_norm == pytest.approx(once.jacobian_norm, rel=1e-5)
    for a, b in zip(once.layers, twice.layers, strict=True):
        assert b.gradient_rms == pytest.approx(a.gradient_rms, rel=1e-4)
        assert b.variance == pytest.approx(a.variance, rel=1e-4)
        assert b.weight_gradient == pytest.approx(a.weight_gradient, rel=1e-4)


def test_a_linear_network_in_closed_form():
    """Outputs W2 W1 x; the gradient by the logits is softmax minus one-hot."""
    model = nn.Sequential(nn.Linear(6, 4, bias=False), nn.Linear(4, 3, bias=False)).double()
    images = torch.randn(7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(7) % 3
    w1, w2 = (layer.weight.detach() for layer in model)
    error = (images @ w1.T @ w2.T).softmax(1) - F.one_hot(labels, 3)
    (draw,) = gradient_flow(model, images, labels).draws
    first, last = draw.layers
    assert last.gradient_rms == pytest.approx(float(error.square().mean().sqrt()))
    assert first.gradient_rms == pytest.approx(float((error @ w2).square().mean().sqrt()))
    assert first.weight_gradient == pytest.approx(float(((error @ w2).T @ images / 7).norm()))
    assert last.weight_gradient == pytest.approx(float((error.T @ images @ w1.T / 7).norm()))
    assert draw.jacobian_norm == pytest.approx(float((w2 @ w1).norm()))


def test_specs_are_drawn_from_their_seeds():
    images, labels = some(6, (784,))
    spec, told = nnmass.parse("dense-mlp(w=8,d=6,t=2)"), []
    flow = gradient_flow(spec, images, labels, seeds=[4, 2], on_draw=told.append)
    assert [draw.seed for draw in flow.draws] == [4, 2]
    assert told == list(flow.draws)
    alone = gradient_flow(nnmass.build(spec, seed=2), images, labels)
    assert alone.draws[0].layers == flow.draws[1].layers
    assert len(gradient_flow(str(spec), images, labels).draws) == 5
    first = flow.layers[0]
    values = [draw.layers[0].gradient_rms for draw in flow.draws]
    assert first.gradient_rms.middle == pytest.approx(math.sqrt(math.prod(values)))
    assert (first.gradient_rms.low, first.gradient_rms.high) == (min(values), max(values))


def test_images_may_be_numpy_and_the_result_plain_data():
    import json

    images, labels = some(6, (784,))
    flow = gradient_flow(
        "dense-mlp(w=8,d=6,t=2)", images.numpy(), labels.numpy(), seeds=2, steps=2, device="cpu"
    )
    told = json.loads(json.dumps(flow.to_dict()))
    assert told["network"] == "dense-mlp(w=8,d=6,t=2)"
    assert len(told["layers"]) == 6
    assert len(told["layers"][0]["weight_gradient_after"]) == 2
    assert len(told["draws"][1]["losses"]) == 3
    assert told["environment"]["device"] == "cpu"
    assert told["verdict"] == flow.verdict()


@pytest.mark.parametrize("batch_norm", ["batch", "running"])
def test_the_model_is_given_back_as_it_was(batch_norm):
    model, (images, labels) = small_cnn().train(), some()
    model[4].eval()
    model[7].weight.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    asks = [parameter.requires_grad for parameter in model.parameters()]
    kept, state = images.clone(), torch.get_rng_state()
    gradient_flow(model, images, labels, steps=2, lr=1.0, batch_norm=batch_norm)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(kept, images)
    assert not images.requires_grad
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert asks == [parameter.requires_grad for parameter in model.parameters()]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_it_works_where_gradients_are_off():
    model, (images, labels) = small_cnn(), some()
    expected = gradient_flow(model, images, labels).draws
    with torch.no_grad():
        assert gradient_flow(model, images, labels).draws == expected
    with torch.inference_mode():
        assert gradient_flow(model, images, labels).draws == expected


@pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize(("name", "n"), [("timm:resnet18", 21), ("timm:mobilenetv2_100", 53)])
def test_networks_of_timm(name, n):
    images, labels = some(2, (3, 64, 64))
    flow = gradient_flow(name, images, labels, seeds=1, steps=1)
    assert len(flow.layers) == n
    assert flow.n_outputs == 1000
    assert flow.unmeasured == flow.failures == ()
    assert "No sign that" in flow.verdict()
    assert all(layer.weight_gradient_after[0].low > 0 for layer in flow.layers)
    (draw,) = flow.draws
    assert 0 < draw.jacobian_error < 0.2 * draw.jacobian_norm


@pytest.mark.slow
@pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize("kind", ["resnet50", "vgg11_bn", "densenet121", "dla34", "fbnetc_100"])
def test_usual_networks_are_not_called_bad(kind):
    flow = gradient_flow(f"timm:{kind}", *some(8, (3, 64, 64)), seeds=1, steps=1)
    assert "No sign that" in flow.verdict()


@pytest.mark.gpu
def test_cuda_gives_the_same():
    model, (images, labels) = small_cnn(), some()
    here = gradient_flow(model, images, labels, steps=1).draws[0]
    there = gradient_flow(model, images, labels, steps=1, device="cuda").draws[0]
    assert there.jacobian_norm == pytest.approx(here.jacobian_norm, rel=1e-2)
    for a, b in zip(here.layers, there.layers, strict=True):
        assert b.gradient_rms == pytest.approx(a.gradient_rms, rel=1e-2)
