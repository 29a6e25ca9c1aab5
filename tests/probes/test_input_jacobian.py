"""The norm of the input-output Jacobian against autograd's whole Jacobian."""

import math

import pytest
import torch
from torch import nn

from nnmass.probes import gradient_flow
from nnmass.probes._input_jacobian import FrozenBatchNorm, jacobian_norm


def cnn(classes, seed=0):
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(4)
    nn.init.uniform_(norm.weight, 0.5, 2)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), norm, nn.GELU(), nn.Conv2d(4, 4, 3), norm, nn.Flatten(),
        nn.Linear(16, 12), nn.BatchNorm1d(12, affine=False), nn.Linear(12, classes),
    ).double()  # fmt: skip


def images(n=5):
    shape = (n, 2, 6, 6)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_hand(model, x):
    """Each image alone, with the batch's statistics written into copies of the norms."""
    held = {}

    def frozen(alone):
        z = alone[None]
        for index, module in enumerate(model):
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                mean, variance = held[index]
                shape = (1, -1) + (1,) * (z.ndim - 2)
                z = (z - mean.view(shape)) / (variance.view(shape) + module.eps).sqrt()
                if module.affine:
                    z = z * module.weight.view(shape) + module.bias.view(shape)
            else:
                z = module(z)
        return z[0]

    z = x
    for index, module in enumerate(model):
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            axes = [axis for axis in range(z.ndim) if axis != 1]
            held[index] = z.mean(axes).detach(), z.var(axes, correction=0).detach()
        z = module.train()(z)
    squares = [
        float(torch.autograd.functional.jacobian(frozen, alone).square().sum()) for alone in x
    ]
    return math.sqrt(sum(squares) / len(squares))


def test_exact_with_the_statistics_of_the_batch():
    model, x = cnn(4), images()
    (draw,) = gradient_flow(model, x, torch.arange(5) % 4).draws
    assert draw.jacobian_norm == pytest.approx(by_hand(model, x), rel=1e-9)
    assert draw.jacobian_error == 0


def test_exact_with_running_statistics():
    model, x = cnn(4).eval(), images()
    (draw,) = gradient_flow(model, x, torch.arange(5) % 4, batch_norm="running").draws
    whole = torch.autograd.functional.jacobian(model, x)
    assert draw.jacobian_norm == pytest.approx(math.sqrt(float(whole.square().sum()) / 5), rel=1e-9)


def test_the_estimate_holds_within_its_error():
    """Of 60 intervals of 95 %, about three may miss."""
    model, x = cnn(40).eval(), images()
    whole = torch.autograd.functional.jacobian(model, x)
    exact = math.sqrt(float(whole.square().sum()) / 5)
    found = [jacobian_norm(model, x, seed) for seed in range(60)]
    assert all(0 < one.error < 0.5 * exact for one in found)
    assert sum(abs(one.norm - exact) > one.error for one in found) <= 8
    squares = [one.norm**2 for one in found]
    assert sum(squares) / 60 == pytest.approx(exact**2, rel=0.03)
    assert jacobian_norm(model, x, 7) == found[7]


def test_frozen_norms_give_what_norms_give():
    model, x = cnn(4).train(), images()
    with FrozenBatchNorm():
        frozen = model(x)
    assert torch.allclose(frozen, model(x))
    with FrozenBatchNorm():
        direct = torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False)
    assert torch.allclose(direct, nn.functional.batch_norm(x, None, None, training=True))


def test_an_image_hangs_on_itself_alone_while_norms_are_frozen():
    model, x = cnn(4).train(), images().requires_grad_()
    with FrozenBatchNorm():
        (gradient,) = torch.autograd.grad(model(x)[0].sum(), x)
    assert gradient[0].abs().max() > 0
    assert gradient[1:].abs().max() == 0


def test_logits_that_do_not_hang_on_the_input():
    assert jacobian_norm(lambda x: torch.ones(len(x), 3), images(), 0).norm == 0
