"""Fisher, Jacobian covariance and NASWOT beside what they are defined as."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.probes import score_proxies

LABELS = torch.tensor([0, 1, 2, 2, 1])


def score(model, images, proxy, labels=LABELS, **options):
    (found,) = score_proxies(model, images, labels, proxies=[proxy], **options)
    assert found.reason == ""
    return found.value


def images(*shape, seed=0):
    return torch.randn(
        5, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def conv_net(*, inplace):
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2),
        nn.ReLU(inplace=inplace),
        nn.Conv2d(4, 3, 2),
        nn.BatchNorm2d(3),
        nn.ReLU6(inplace=inplace),
        nn.Flatten(),
        nn.Linear(27, 3),
    ).double()


@pytest.mark.parametrize("inplace", [False, True])
def test_fisher_by_scaling_each_channel(inplace):
    """a_c * dL/da_c is the derivative of the loss by a factor on channel c, which is one here."""
    model, x = conv_net(inplace=inplace), images(2, 4, 4)
    plain = conv_net(inplace=False).train()

    def loss_of_each_image(layer, factors):
        handle = plain[layer].register_forward_hook(
            lambda _, __, out: out * factors.view(*factors.shape, *(1,) * (out.ndim - 2))
        )
        loss = F.cross_entropy(plain(x), LABELS)
        handle.remove()
        return loss

    expected = 0.0
    for layer, channels in ((0, 4), (2, 3), (6, 3)):
        weights = plain[layer].weight[0].numel()
        factors = torch.ones(5, channels, dtype=torch.float64)  # one for each image and channel
        for image in range(5):
            for channel in range(channels):
                both = []
                for step in (1e-6, -1e-6):
                    moved = factors.clone()
                    moved[image, channel] += step
                    both.append(float(loss_of_each_image(layer, moved).detach()))
                slope = (both[0] - both[1]) / 2e-6
                expected += weights * 0.5 * slope**2 / 5
    assert score(model, x, "fisher") == pytest.approx(expected, rel=1e-6)


def test_fisher_of_a_layer_that_is_used_twice_counts_both():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3, bias=False).double()

        def forward(self, x):
            return self.layer(self.layer(x))

    torch.manual_seed(0)
    model, x = Twice(), images(3)
    first = model.layer(x).detach().requires_grad_()
    second = model.layer(first)
    second.retain_grad()
    F.cross_entropy(second, LABELS).backward()
    parts = (0.5 * (z.detach() * z.grad).square().mean(0).sum() * 3 for z in (first, second))
    assert score(model, x, "fisher") == pytest.approx(float(sum(parts)), rel=1e-12)


def test_jacobian_covariance_with_numpy():
    model, x = conv_net(inplace=True), images(2, 4, 4)
    rows = []
    for image in x:  # running statistics: image by image
        jacobian = torch.autograd.functional.jacobian(
            lambda one: conv_net(inplace=False).eval()(one[None]).sum(), image
        )
        rows.append(jacobian.flatten().numpy())
    values = np.linalg.eigvals(np.corrcoef(np.array(rows))).real
    expected = -np.sum(np.log(values + 1e-5) + 1 / (values + 1e-5))
    found = score(model, x, "jacob_cov", labels=None, batch_norm="running")
    assert found == pytest.approx(expected, rel=1e-8)
    assert found != pytest.approx(score(model, x, "jacob_cov"), rel=1e-3)  # batch statistics


def test_jacobian_covariance_of_uncorrelated_and_equal_rows():
    class Squares(nn.Module):  # its gradient at x is x
        def forward(self, x):
            return (x * x / 2).sum(1, keepdim=True)

    class Holder(nn.Sequential):
        def __init__(self):
            super().__init__(Squares(), nn.Linear(1, 1, bias=False).double())
            nn.init.ones_(self[1].weight)

    basis = torch.tensor([[1.0, -1, 1, -1], [1, 1, -1, -1]], dtype=torch.float64)
    free = -2 * (math.log(1 + 1e-5) + 1 / (1 + 1e-5))
    assert score(Holder(), basis, "jacob_cov", labels=None) == pytest.approx(free, rel=1e-12)
    same = torch.stack([basis[0], 2 * basis[0]])  # eigenvalues 2 and 0
    bound = -(math.log(2 + 1e-5) + 1 / (2 + 1e-5) + math.log(1e-5) + 1e5)
    assert score(Holder(), same, "jacob_cov", labels=None) == pytest.approx(bound, rel=1e-9)


@pytest.mark.parametrize("inplace", [False, True])
def test_naswot_against_hamming_distances(inplace):
    model, x = conv_net(inplace=inplace), images(2, 4, 4)
    plain = conv_net(inplace=False).train()
    first = plain[0](x)
    second = plain[3](plain[2](plain[1](first)))
    codes = np.concatenate([(z > 0).flatten(1).numpy() for z in (first, second)], 1)
    kernel = np.array(
        [[codes.shape[1] - sum(a != b for a, b in zip(p, q, strict=True)) for q in codes]
         for p in codes], float
    )  # fmt: skip
    found = score(model, x, "naswot", labels=None)
    assert found == pytest.approx(math.log(np.linalg.det(kernel)), rel=1e-10)


def test_naswot_sees_functions_and_modules_that_are_used_again():
    class Functions(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.relu = nn.Linear(6, 6).double(), nn.ReLU()

        def forward(self, x):
            x = self.relu(self.layer(x))
            x = torch.relu(self.layer(self.relu(self.layer(x)) - 0.5))
            return F.leaky_relu(self.layer(x).relu_() - 0.1)

    class Modules(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer
            self.acts = nn.ModuleList([*(nn.ReLU() for _ in range(4)), nn.LeakyReLU()])

        def forward(self, x):
            a = self.acts
            x = a[0](self.layer(x))
            x = a[2](self.layer(a[1](self.layer(x)) - 0.5))
            return a[4](a[3](self.layer(x)) - 0.1)

    torch.manual_seed(0)
    model, x = Functions(), images(6)
    assert score(model, x, "naswot") == score(Modules(model.layer), x, "naswot")


def test_a_unit_that_reads_zero_is_off():
    """A second rectifier reads the zeros of the first, and switches as it did."""

    def twice(times):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 40), *(nn.ReLU() for _ in range(times)), nn.Linear(40, 3))

    x = images(6).float()
    once, both = (score(twice(times), x, "naswot", labels=None) for times in (1, 2))
    assert both == pytest.approx(once + 5 * math.log(2))  # 2 K of 5 images
