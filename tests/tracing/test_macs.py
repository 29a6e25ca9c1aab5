"""Multiply-adds against PyTorch's own counter on a real run, and against hand counts."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nnmass.tracing import trace


class Own(nn.Module):
    """A module with parameters and a forward given as a function."""

    def __init__(self, forward, **shapes):
        super().__init__()
        self._forward = forward
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape)))

    def forward(self, x):
        return self._forward(self, x)


def project(net, x):
    return torch.einsum("bnc,chd->bhnd", x, net.w)


def attend(net, x):
    q, k, v = (x @ net.w).chunk(3, -1)
    return F.scaled_dot_product_attention(q, k, v)


CASES = {
    "conv1d": (lambda: nn.Conv1d(6, 8, 5, stride=2), (6, 21)),
    "conv2d grouped": (lambda: nn.Conv2d(6, 8, 3, groups=2, dilation=2), (6, 11, 9)),
    "depthwise": (lambda: nn.Conv2d(6, 12, 3, groups=6), (6, 11, 9)),
    "conv3d": (lambda: nn.Conv3d(2, 3, (1, 2, 3)), (2, 4, 5, 6)),
    "transposed": (lambda: nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2), (6, 5, 7)),
    "transposed 1d": (lambda: nn.ConvTranspose1d(6, 4, 4, stride=2), (6, 5)),
    "linear": (lambda: nn.Linear(6, 5), (6,)),
    "linear on tokens": (lambda: nn.Linear(6, 5, bias=False), (7, 6)),
    "linear on maps": (lambda: nn.Linear(6, 5), (3, 4, 6)),
    "matmul": (lambda: Own(lambda net, x: x @ net.w, w=(6, 3)), (7, 6)),
    "einsum": (lambda: Own(project, w=(6, 2, 3)), (7, 6)),
    "products of activations": (lambda: Own(lambda net, x: (x @ net.w) @ x.mT, w=(6, 6)), (7, 6)),
    "attention": (lambda: Own(attend, w=(6, 18)), (7, 6)),
    "multi-head": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (5, 8)),
    "two weights first": (lambda: Own(lambda n, x: x @ (n.a @ n.b), a=(6, 4), b=(4, 3)), (7, 6)),
}


def half_of_torch(model, shape):
    model = model.eval()
    # Grad mode and this kernel keep attention in its parts: it does not count the fused forms.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(torch.randn(1, *shape))
    total = counter.get_total_flops()
    assert total % 2 == 0
    return total // 2


@pytest.mark.parametrize("name", CASES)
def test_half_of_what_torch_counts(name):
    make, shape = CASES[name]
    model = make()
    assert trace(model, shape).macs == half_of_torch(model, shape) > 0


def test_the_headline_is_split_by_kind():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

        def forward(self, x):
            x = self.conv(x).flatten(2)
            return self.fc((x @ x.mT).mean(-1))

    count = trace(Net(), (3, 6, 6)).count
    assert count.by_kind == {"convolution": 9 * 3 * 4 * 16, "linear": 20, "matmul": 4 * 16 * 4}
    assert count.by_module == {"conv": 9 * 3 * 4 * 16, "": 4 * 16 * 4, "fc": 20}
    assert count.under("conv") == 9 * 3 * 4 * 16
    assert count.under("") == count.macs
    assert count.flops == 2 * count.macs


def test_modules_add_up_and_nest():
    block = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.Conv2d(3, 3, 3, padding=1)))
    count = trace(nn.Sequential(block, nn.Conv2d(3, 3, 1), block), (3, 4, 4)).count
    assert count.under("0") == 2 * (9 + 81) * 16, "a module called twice counts twice"
    assert count.under("0.1") == 2 * 81 * 16
    assert count.under("0.1.0") == count.by_module["0.1.0"]
    assert sum(count.by_module.values()) == count.macs


def test_other_operations_are_listed_by_kind_and_never_in_the_headline():
    model = nn.Sequential(
        *(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Upsample(scale_factor=2), nn.Flatten(), nn.Softmax(1), nn.Linear(64, 2)),
    )
    count = trace(model, (3, 4, 4)).count
    assert count.macs == 12 * 16 + 128
    assert count.other == {
        "activation": 64 + 64,
        "normalisation": 64,
        "pooling": 16,
        "resampling": 64,
    }
    assert count.uncounted == {}


def test_a_sum_of_maps_and_a_mean_are_listed():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return (self.a(x) + self.b(x)).mean((2, 3))

    assert trace(Net(), (3, 4, 4)).count.other == {"elementwise": 64, "reduction": 4}


def test_a_parameter_used_twice_is_counted_once_and_its_macs_twice():
    conv = nn.Conv2d(4, 4, 1, bias=False)
    tied = nn.Conv2d(4, 4, 1, bias=False)
    tied.weight = conv.weight
    topology = trace(nn.Sequential(conv, tied, conv), (4, 2, 2))
    assert (topology.params, topology.macs, topology.depth) == (16, 3 * 16 * 4, 3)
