"""The weight layers one by one: their shapes add up to what is counted elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nnmass
from nnmass.tracing import trace, trace_layers

SPECS = [
    "resnet(depth=50,image=64)",
    "resnext(depth=50,image=40)",
    "mobilenet-v2(image=48)",
    "vgg(depth=11,image=32)",
    "densenet(depth=121,image=64)",
    "dense-cnn(wm=1,d=5,t=8/20,image=9)",
    "dense-cnn-dw(wm=1,d=5,t=8/20,image=9)",
    "dense-mlp(w=8,d=6,t=9)",
]


def norm_params(model):
    kinds = (nn.BatchNorm2d,)
    norms = [m for m in model.modules() if isinstance(m, kinds)]
    return sum(p.numel() for m in norms for p in m.parameters())


@pytest.mark.parametrize("text", SPECS)
def test_they_add_up(text):
    """Multiply-adds are weights times places; parameters are weights, biases and norms."""
    model = nnmass.build(text, device="meta")
    got = trace_layers(model, model.spec.input_shape)
    assert got.topology == trace(model, model.spec.input_shape)
    assert sum(layer.weights * layer.places for layer in got.layers) == model.spec.macs
    weights = sum(
        layer.weights + layer.shape.outputs * layer.shape.has_bias for layer in got.layers
    )
    assert weights + norm_params(model) == model.spec.params
    assert not any(layer.is_side for layer in got.layers)
    assert not got.unused


@pytest.mark.parametrize("text", SPECS)
def test_they_are_the_modules_in_their_order(text):
    """Against hooks on a run with values."""
    model = nnmass.build(text)
    seen, handles = [], []
    paths = {module: path for path, module in model.named_modules()}
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            handles.append(
                module.register_forward_hook(
                    lambda m, given, out: seen.append((paths[m], m, given[0].shape[1], out.shape))
                )
            )
    with torch.no_grad():
        model.eval()(torch.zeros(1, *model.spec.input_shape))
    for handle in handles:
        handle.remove()
    got = trace_layers(model, model.spec.input_shape).layers
    assert [layer.path for layer in got] == [path for path, *_ in seen]
    for layer, (_, module, inputs, shape) in zip(got, seen, strict=True):
        assert (layer.shape.inputs, layer.shape.outputs) == (inputs, shape[1])
        assert layer.size == tuple(shape[2:])
        assert layer.shape.has_bias == (module.bias is not None)
        if isinstance(module, nn.Conv2d):
            assert layer.shape.kind == "convolution"
            assert layer.shape.kernel == module.kernel_size
            assert layer.shape.stride == module.stride
            assert layer.shape.groups == module.groups
        else:
            assert (layer.shape.kind, layer.shape.kernel) == ("linear", ())


class Gated(nn.Module):
    """A gate beside the way, a transposed convolution, tokens, a weight that nothing reads."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, (3, 5), (2, 1), groups=1)
        self.gate = nn.Conv2d(8, 8, 1)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2, bias=False)
        self.tokens = nn.Linear(4, 6, bias=False)
        self.head = nn.Linear(6, 2)
        self.idle = nn.Linear(2, 3)

    def forward(self, x):
        x = self.conv(x).relu()
        x = x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()
        x = self.up(x)
        return self.head(self.tokens(x.flatten(2).mT).mean(1))


def test_other_layers():
    got = trace_layers(Gated(), (3, 9, 12))
    assert [str(layer) for layer in got.layers] == [
        "3x5 convolution 3 -> 8 of stride 2",
        "1x1 convolution 8 -> 8",
        "2x2 transposed convolution 8 -> 4 of stride 2",
        "linear layer 4 -> 6",
        "linear layer 6 -> 2",
    ]
    assert [layer.path for layer in got.layers if layer.is_side] == ["gate"]
    assert [layer.shape.has_bias for layer in got.layers] == [True, True, False, False, True]
    assert got.unused == {"idle": 9}
    assert got.calls == {"relu": 1, "sigmoid": 1}


def test_a_layer_used_twice_and_one_of_no_told_shape():
    conv = nn.Conv2d(4, 4, 3, padding=1, groups=4)
    got = trace_layers(nn.Sequential(conv, conv), (4, 5, 5))
    assert [layer.path for layer in got.layers] == ["0", "0#2"]
    assert all(layer.is_depthwise for layer in got.layers)

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 5, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0][:, -1]

    (layer,) = trace_layers(Last(), (7, 3)).layers
    assert (layer.shape.kind, layer.path) == ("other", "lstm")
