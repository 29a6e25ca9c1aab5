"""The dense CNNs against a plain forward that concatenates all earlier features and selects."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

import nnmass
from nnmass.topology import draw_links

TEXTS = [
    "dense-cnn(wm=1,d=6,t=20,image=5,in=1)",
    "dense-cnn(wm=1,d=3/5,t=9/77,image=8)",
    "dense-cnn(wm=1,d=4,t=0/5/999,image=9,classes=4)",
    "dense-cnn-dw(wm=1,d=6,t=20,image=5,in=1)",
    "dense-cnn-dw(wm=1,d=3/5,t=9/77,image=8)",
    "dense-cnn-dw(wm=1,d=4,t=0/5/999,image=9,classes=4)",
]


class Plain:
    """Sections 3.2 and 3.3 of the specification, with the weights of a network."""

    def __init__(self, net, weights, *, training) -> None:
        self.spec, self.seed, self.training = net.spec, net.seed, training
        self.weights = {**dict(net.named_buffers()), **weights}
        self.is_depthwise = net.spec.family == "dense-cnn-dw"

    def norm(self, name, x):
        def shaped(key):
            return self.weights[f"{name}.{key}"].view(1, -1, 1, 1)

        if self.training:
            mean = x.mean((0, 2, 3), keepdim=True)
            variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
        else:
            mean, variance = shaped("running_mean"), shaped("running_var")
        return (x - mean) / (variance + 1e-5).sqrt() * shaped("weight") + shaped("bias")

    def conv(self, name, x, stride, *, plain):
        if plain or not self.is_depthwise:
            return F.conv2d(x, self.weights[f"{name}.weight"], stride=stride, padding=1)
        x = F.conv2d(x, self.weights[f"{name}.expand.weight"])
        x = F.relu(self.norm(f"{name}.norm1", x))
        kernel = self.weights[f"{name}.depthwise.weight"]
        x = F.conv2d(x, kernel, stride=stride, padding=1, groups=len(kernel))
        x = F.relu(self.norm(f"{name}.norm2", x))
        return self.norm(f"{name}.norm3", F.conv2d(x, self.weights[f"{name}.project.weight"]))

    def cell(self, index, cell, x):
        wiring = [torch.from_numpy(w) for w in draw_links(cell, seed=self.seed, cell_index=index)]
        outputs = []
        for layer in range(cell.depth):
            name = f"cells.{index}.layers.{layer}"
            if layer < 2:
                source = outputs[0] if layer else x
                stride = 2 if index and not layer else 1
                is_first = index == layer == 0
                out = self.conv(f"{name}.conv", source, stride, plain=is_first)
                outputs.append(self.norm(f"{name}.norm", out))
                continue
            everything = torch.cat(outputs[:-1], 1)
            x = torch.cat([outputs[-1], everything[:, wiring[layer]]], 1)
            x = F.relu(self.norm(f"{name}.norm", x))
            outputs.append(self.conv(f"{name}.conv", x, 1, plain=False))
        return outputs[-1]

    def __call__(self, x):
        for index, cell in enumerate(self.spec.cells):
            x = self.cell(index, cell, x)
        n, side = len(x), x.shape[-1] // 2 * 2
        x = x[:, :, :side, :side]
        x = (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
        return x.reshape(n, -1) @ self.weights["head.weight"].T + self.weights["head.bias"]


def lived_in(net, x):
    """A copy whose norms have statistics, scales and shifts of their own."""
    net = copy.deepcopy(net)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        net.train()(x)
        for name, tensor in net.named_parameters():
            if "norm" in name:
                tensor.add_(torch.randn(tensor.shape, generator=generator), alpha=0.3)
    return net


# Thirty norms one after the other round float32 a little above 1e-5; float64 tells the truth.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("text", TEXTS)
def test_forward_and_gradients_are_those_of_the_plain_one(text, training, dtype, tolerance, inputs):
    fresh = nnmass.build(text, seed=3)
    net = lived_in(fresh, inputs(fresh.spec, 5)).to(dtype).train(training)
    x = inputs(net.spec, 8, dtype=dtype)
    weights = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
    want = Plain(net, weights, training=training)(x)
    out = net(x)
    torch.testing.assert_close(out, want, rtol=tolerance, atol=tolerance)
    if training and dtype == torch.float32:
        return  # rounding puts a few features on the other side of a ReLU; float64 tells
    want.square().mean().backward()
    out.square().mean().backward()
    for name, parameter in net.named_parameters():
        scale = weights[name].grad.abs().max().item()
        torch.testing.assert_close(
            parameter.grad,
            weights[name].grad,
            rtol=0,
            atol=10 * tolerance * (scale + 0.1),
            msg=name,
        )


@pytest.mark.parametrize("family", ["dense-cnn", "dense-cnn-dw"])
def test_a_layer_without_links_uses_its_norm(family, inputs, logits):
    """Defect 5: where no link comes in, the batch norm was computed and thrown away."""
    net = nnmass.build(f"{family}(wm=1,d=4,t=0/0,image=6)")
    x = inputs(net.spec)
    before = logits(net, x)
    for cell in net.cells:
        for layer in cell.layers:
            with torch.no_grad():
                layer.norm.weight[0] *= 3
            after = logits(net, x)
            assert not torch.equal(after, before)
            before = after


@pytest.mark.parametrize("family", ["dense-cnn", "dense-cnn-dw"])
@pytest.mark.parametrize("n_cells", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("extra", [0, 1, 7])
def test_any_number_of_cells_and_any_image(family, n_cells, extra, inputs):
    """Defect 9: a head made for three cells and 32 pixels."""
    image = 2 ** (n_cells - 1) + 1 + extra
    caps = "/".join(["5"] * n_cells)
    net = nnmass.build(f"{family}(wm=1,d=3,t={caps},image={image},classes=3)")
    out = net(inputs(net.spec, 2))
    assert out.shape == (2, 3)
    out.sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    side = image
    for _ in range(n_cells - 1):
        side = -(-side // 2)
    assert net.forward_features(inputs(net.spec, 2)).shape[-2:] == (side, side)


def test_layers_of_the_depthwise_kind():
    net = nnmass.build("dense-cnn-dw(wm=1,d=4,t=7/7,image=8)")
    assert net.cells[0].layers[0].conv.weight.shape == (16, 3, 3, 3)
    first = net.cells[1].layers[0].conv
    assert first.expand.weight.shape == (32, 16, 1, 1)
    assert (first.depthwise.groups, first.depthwise.stride) == (32, (2, 2))
    assert net.cells[1].layers[3].conv.expand.weight.shape == (32, 39, 1, 1)


@pytest.mark.parametrize("text", TEXTS[1::3])
def test_channels_last(text, inputs, logits):
    net = nnmass.build(text)
    x = inputs(net.spec)
    want = logits(net, x)
    last = net.to(memory_format=torch.channels_last)
    got = logits(last, x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
