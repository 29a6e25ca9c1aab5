"""The dense MLP against a plain forward that concatenates all earlier features and selects."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import nnmass
from nnmass.topology import draw_links

ACTIVATIONS = {"elu": F.elu, "relu": F.relu, "tanh": torch.tanh}
SIZES = ["w=8,d=16,t=20,in=20,classes=3", "w=5,d=3,t=2,in=7", "w=3,d=6,t=0", "w=6,d=9,t=999,in=4"]


def plain_forward(net, weights, x, act, *, legacy):
    """Section 3.1 of the specification, word for word in ``legacy``; uniform otherwise."""
    cell = net.spec.cells[0]
    wiring = [torch.from_numpy(links) for links in draw_links(cell, seed=net.seed)]

    def fc(layer, z):
        return z @ weights[f"layers.{layer}.weight"].T + weights[f"layers.{layer}.bias"]

    first = fc(0, x.reshape(len(x), -1))
    stored = [act(first) if legacy else first]
    stored.append(fc(1, stored[0] if legacy else act(stored[0])))
    for layer in range(2, cell.depth):
        everything = torch.cat(stored[:-1], 1)
        z = torch.cat([stored[-1], everything[:, wiring[layer]]], 1)
        is_last = layer == cell.depth - 1
        stored.append(fc(layer, z if legacy and is_last else act(z)))
    return stored[-1]


def with_gradients(net, call):
    """Result and gradients of ``call(weights)``, on weights that are leaves of their own."""
    weights = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
    out = call(weights)
    out.square().sum().backward()
    return out.detach(), {name: w.grad for name, w in weights.items()}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("wiring", ["uniform", "legacy"])
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_forward_and_gradients_are_those_of_the_plain_one(
    size, name, wiring, dtype, tolerance, inputs
):
    net = nnmass.build(f"dense-mlp({size},act={name},wiring={wiring})", seed=7).to(dtype)
    x = inputs(net.spec, 6, dtype=dtype)
    want, gradients = with_gradients(
        net,
        lambda w: plain_forward(net, w, x, ACTIVATIONS[name], legacy=wiring == "legacy"),
    )
    out = net(x)
    out.square().sum().backward()
    torch.testing.assert_close(out.detach(), want, rtol=tolerance, atol=tolerance)
    for key, parameter in net.named_parameters():
        torch.testing.assert_close(
            parameter.grad, gradients[key], rtol=tolerance, atol=tolerance, msg=key
        )
    assert torch.equal(net.eval()(x), out)


def test_layer_0_is_not_activated_twice(inputs):
    """Defect 12: uniform and legacy wiring differ where layer 0 is read through a link."""
    both = [nnmass.build(f"dense-mlp(w=4,d=4,t=4,in=3,wiring={w})") for w in ("uniform", "legacy")]
    x = inputs(both[0].spec)
    seen = {}
    for net in both:
        net.layers[2].register_forward_pre_hook(lambda _m, z, net=net: seen.update({net: z[0]}))
        net(x)
    first = x @ both[0].layers[0].weight.T + both[0].layers[0].bias
    assert (first < 0).any()
    torch.testing.assert_close(seen[both[0]][:, 4:], F.elu(first))
    torch.testing.assert_close(seen[both[1]][:, 4:], F.elu(F.elu(first)))


def test_the_classifier_reads_activated_features_unless_legacy(inputs):
    """Defect 13: the last two layers of the released network compose linearly."""
    lowest = {}
    for wiring in ("uniform", "legacy"):
        net = nnmass.build(f"dense-mlp(w=8,d=5,t=9,in=6,act=relu,wiring={wiring})")
        net.layers[-1].register_forward_pre_hook(
            lambda _m, z, wiring=wiring: lowest.update({wiring: z[0].min().item()})
        )
        net(inputs(net.spec))
    assert lowest["uniform"] == 0 > lowest["legacy"]


def test_images_are_flattened(inputs):
    net = nnmass.build("dense-mlp(w=4,d=4,t=3,in=12)")
    x = inputs(net.spec)
    assert torch.equal(net(x), net(x.reshape(-1, 3, 2, 2)))


def test_no_batch_norm_and_no_unused_layer():
    """Defect 14: 7758 parameters by torch's count where 7492 are used."""
    net = nnmass.build("dense-mlp(w=8,d=16,t=1)")
    assert sum(p.numel() for p in net.parameters()) == 7492
    assert len(net.layers) == 16
    assert {type(m).__name__ for m in net.layers} == {"Linear"}
