"""NN-Mass, multiply-adds and parameters of any widths, against networks built by hand."""

import numpy as np
import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import TraceError
from nnmass.slim._subnets._choose import choose_levels
from nnmass.slim._subnets._costs import WidthCosts
from nnmass.slim._subnets._find_groups import find_groups
from nnmass.slim._subnets._mass import WidthMass
from nnmass.slim._subnets._narrow import resized
from nnmass.slim._subnets._prices import WidthPrices


class Net(nn.Module):
    """Two residual blocks, the second with a projection, then a dense block; any widths."""

    def __init__(self, a, b, c, d, e, f):
        super().__init__()
        self.stem = nn.Conv2d(3, a, 3, padding=1)
        self.in1, self.out1 = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, a, 3, padding=1)
        self.in2, self.out2 = nn.Conv2d(a, c, 3, padding=1), nn.Conv2d(c, d, 3, padding=1)
        self.short, self.norm = nn.Conv2d(a, d, 1), nn.BatchNorm2d(d)
        self.dense1, self.dense2 = nn.Conv2d(d, e, 3, padding=1), nn.Conv2d(d + e, f, 3, padding=1)
        self.head = nn.Linear((d + e + f) * 16, 10)

    def forward(self, x):
        x = self.stem(x).relu()
        x = (x + self.out1(self.in1(x).relu())).relu()
        x = self.norm(self.out2(self.in2(x).relu()) + self.short(x)).relu()
        x = torch.cat([x, self.dense1(x).relu()], 1)
        x = torch.cat([x, self.dense2(x).relu()], 1)
        return self.head(x.flatten(1))


FULL = (8, 6, 9, 12, 7, 5)
NAMES = ("stem", "in1", "in2", "out2", "dense1", "dense2")
SHAPE = (3, 4, 4)


def rows_of(groups, widths):
    """Counts of every group for each tuple of widths."""
    number = {group.name: n for n, group in enumerate(groups.groups)}
    rows = np.array([[group.channels for group in groups.groups]] * len(widths))
    for row, some in zip(rows, widths, strict=True):
        for name, width in zip(NAMES, some, strict=True):
            row[number[name]] = width
    return rows


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    return [tuple(int(rng.integers(1, c + 1)) for c in FULL) for _ in range(12)]


def test_all_three_are_those_of_the_network_built_with_these_widths(drawn):
    net = Net(*FULL)
    groups = find_groups(net, SHAPE)
    rows = rows_of(groups, drawn)
    mass, prices = WidthMass(net, groups, SHAPE), WidthPrices(groups)
    assert mass.is_closed
    for row, widths in zip(rows, drawn, strict=True):
        built = nnmass.trace(Net(*widths), SHAPE)
        assert mass(row[None])[0] == pytest.approx(built.mass, rel=1e-12)
        assert prices.macs(row[None])[0] == built.macs
        assert prices.params(row[None])[0] == built.params
        narrow = nnmass.trace(resized(net, groups, row), SHAPE)
        assert (narrow.mass, narrow.macs, narrow.params) == (built.mass, built.macs, built.params)
    assert mass.n_traces == 2
    np.testing.assert_array_equal(prices.macs(rows), [prices.macs(row[None])[0] for row in rows])


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("resnet(depth=18,classes=10,stem=cifar)", (3, 32, 32)),
        ("resnet(depth=50)", (3, 64, 64)),
        ("mobilenet-v2()", (3, 64, 64)),
        ("vgg(depth=11)", (3, 224, 224)),
    ],
)
def test_families_at_random_widths(text, shape):
    net = nnmass.build(text, device="meta")
    groups = find_groups(net, shape)
    full = np.array([group.channels for group in groups.groups])
    mass, prices, costs = WidthMass(net, groups, shape), WidthPrices(groups), WidthCosts(groups)
    rng = np.random.default_rng(1)
    for _ in range(3):
        row = full.copy()
        for number, group in enumerate(groups.groups):
            row[number] = full[number] if group.whole else rng.integers(1, full[number] + 1)
        narrow = nnmass.trace(resized(net, groups, row), shape)
        assert mass(row[None])[0] == pytest.approx(narrow.mass, rel=1e-12)
        free = {g.name: int(n) for g, n in zip(groups.groups, row, strict=True) if not g.whole}
        assert prices.macs(row[None])[0] == costs.macs(free) == narrow.macs
        assert prices.params(row[None])[0] == costs.params(free) == narrow.params


def test_on_residual_networks_the_mass_is_the_sum_of_the_widths_that_blocks_read():
    net = nnmass.build("resnet(depth=18,classes=10,stem=cifar)", device="meta")
    groups = find_groups(net, (3, 32, 32))
    mass = WidthMass(net, groups, (3, 32, 32))
    full = np.array([group.channels for group in groups.groups])
    for number, group in enumerate(groups.groups):
        if group.whole:
            continue
        row = full.copy()
        row[number] -= 8
        # A stage's width is read by each of its blocks and the first of the next; the last by one.
        n_blocks = {"stem": 3, "blocks.2.conv2": 2, "blocks.4.conv2": 2, "blocks.6.conv2": 1}
        lost = mass(full[None])[0] - mass(row[None])[0]
        assert lost == 8 * n_blocks.get(group.name, 1), group.name


def test_a_network_whose_shortcut_pads_is_traced_where_the_closed_form_fails():
    net = nnmass.build("resnet(depth=20,classes=10,stem=cifar)", device="meta")
    groups = find_groups(net, (3, 32, 32))
    mass = WidthMass(net, groups, (3, 32, 32))
    row = np.array([group.channels for group in groups.groups])
    assert mass(row[None])[0] == nnmass.trace(net, (3, 32, 32)).mass == 624
    mass.is_closed = False
    before = mass.n_traces
    assert mass(np.array([row, row])).tolist() == [624, 624]
    assert mass.n_traces == before + 2


def test_the_model_is_left_as_it_was():
    net = Net(*FULL)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    groups = find_groups(net, SHAPE)
    narrow = resized(net, groups, rows_of(groups, [(1, 1, 1, 1, 1, 1)])[0])
    assert all(tensor.is_meta for tensor in narrow.state_dict().values())
    assert (net.stem.out_channels, narrow.stem.out_channels) == (8, 1)
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name])


@torch.library.custom_op("nnmass_level_tests::odd", mutates_args=())
def odd(x: torch.Tensor) -> torch.Tensor:
    return x * 1.0


@odd.register_fake
def _(x):
    return torch.empty_like(x)


class Unread(nn.Module):
    """A free group, then a cell with an operation of which nothing is known."""

    def __init__(self):
        super().__init__()
        self.stem, self.one = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1)
        self.two, self.three = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.one(self.stem(x).relu())
        return (x + self.three(odd(self.two(x)))).flatten(1)


def test_a_network_that_has_no_mass_says_so():
    net = Unread()
    with pytest.raises(
        TraceError, match=r"Unread has no NN-Mass: .* by another method than 'mass'"
    ):
        WidthMass(net, find_groups(net, SHAPE), SHAPE)
    levels = choose_levels(net, SHAPE, widths=(0.5,), divisor=2)
    assert levels.widths[1] == {"stem": 4}
    assert levels.to_dict()["levels"][0]["mass"] is None
