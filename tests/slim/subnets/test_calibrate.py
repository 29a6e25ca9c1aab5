"""Statistics of batch norms: each sub-network has its own, and they can be measured afresh."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.errors import SpecError
from nnmass.slim._subnets._calibrate import calibrate
from oracles.tiny_family import TinyFamily, tiny_net


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, 1, 8, 8, generator=generator) + n / 8 for n in (8, 16, 12)]


def buffers(family):
    return {name: value.clone() for name, value in family.named_buffers()}


@pytest.mark.parametrize("index", [0, 2])
def test_calibration_is_the_mean_over_the_batches(batches, index):
    family = TinyFamily(tiny_net(dropout=0.5))
    for name, value in family.named_buffers():
        if name.startswith("statistics"):
            value.fill_(float("nan"))  # what was there must not matter
    n_1, n_2 = family.subnets[index].widths.values()
    calibrate(family, batches, levels=[index])
    expected = [[], []]
    for batch in batches:
        x = F.conv2d(batch.double(), family.model[0].weight[:n_1].double(), stride=2, padding=1)
        expected[0].append((x.mean((0, 2, 3)), x.var((0, 2, 3))))
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        x = F.relu((x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt())
        x = F.conv2d(x, family.model[3].weight[:n_2, :n_1].double(), padding=1)
        expected[1].append((x.mean((0, 2, 3)), x.var((0, 2, 3))))
    for place in (0, 1):
        found = family.statistics[index][place]
        for kind, value in enumerate((found.mean, found.var)):
            mean = torch.stack([pair[kind] for pair in expected[place]]).mean(0)
            torch.testing.assert_close(value.double(), mean, atol=1e-5, rtol=1e-5)


def test_calibration_changes_nothing_else(batches):
    family = TinyFamily(tiny_net(dropout=0.5))
    family.model[1].eval()
    weights = {name: p.detach().clone() for name, p in family.named_parameters()}
    before, modes = buffers(family), [module.training for module in family.modules()]
    state = torch.get_rng_state()
    calibrate(family, ((batch, None) for batch in batches), levels=[1, 3])
    assert torch.equal(torch.get_rng_state(), state)
    assert modes == [module.training for module in family.modules()]
    assert all(torch.equal(p, weights[name]) for name, p in family.named_parameters())
    after = buffers(family)
    moved = {name[:12] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"statistics.1", "statistics.3"}
    assert family.current == 0


def test_so_many_batches_are_read_once(batches):
    read = []

    def reading():
        for batch in batches * 3:
            read.append(len(batch))
            yield batch

    family = TinyFamily()
    calibrate(family, reading(), n_batches=2)
    assert read == [8, 16]
    other = TinyFamily()
    calibrate(other, batches[:2])
    found = buffers(other)
    assert all(torch.equal(value, found[name]) for name, value in buffers(family).items())


@pytest.mark.parametrize(
    ("family", "given", "message"),
    [
        (TinyFamily(), [], "calibration needs at least one batch of images, got none"),
        (TinyFamily(), [torch.zeros(1, 1, 8, 8)], "batches of at least 2 images, got one of 1"),
        (TinyFamily(), torch.zeros(4, 1, 8, 8), "got one tensor of (4, 1, 8, 8): put it in a list"),
        (tiny_net(), [torch.zeros(4, 1, 8, 8)], "got a Sequential: make one of it with nnmass."),
    ],
)
def test_what_cannot_be_calibrated(family, given, message):
    with pytest.raises(SpecError) as caught:
        calibrate(family, given)
    assert message in str(caught.value)


def test_a_network_without_norms():
    class Plain(TinyFamily):
        def forward(self, x):
            return self.model[8](x.flatten(1).repeat(1, 8))

    with pytest.raises(SpecError, match="sub-network 1 has no batch norms with statistics of"):
        calibrate(Plain(), [torch.zeros(4, 1, 8, 8)])


def test_norm_modules_are_found_too(batches):
    class Whole(TinyFamily):
        """Its full network alone, as modules."""

        def forward(self, x):
            return self.model(x)

    family = Whole(ratios=(1.0,))
    calibrate(family, batches[:1])
    norm = family.model[1]
    x = family.model[0](batches[0])
    torch.testing.assert_close(norm.running_mean, x.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, x.var((0, 2, 3)))
    assert isinstance(norm, nn.BatchNorm2d)
