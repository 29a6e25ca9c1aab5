from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.errors import SpecError
from nnmass.slim import PSConv2d

KINDS = [
    ("in", 4, None),
    ("in", 2, None),
    ("in", 1, None),
    ("in", 4, 3),
    ("in", 6, None),
    ("same", 2, None),
    ("periodic", 4, None),
    ("periodic", 2, 8),
    ("out", 1, None),
    ("random", 5, 3),
]
PLACES = [  # stride, padding, dilation, height, width
    (1, 1, 1, 7, 6),
    (2, 1, 1, 8, 7),
    (3, 1, 1, 9, 5),
    (1, 0, 1, 6, 6),
    (2, 3, 2, 8, 7),
    ((2, 1), (0, 1), (1, 2), 9, 8),
]


def layer_of(kind, **more):
    assign, kss, period = kind
    return PSConv2d(7, 5, kss=kss, assign=assign, dense_period=period, **more)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_it_is_the_masked_dense_convolution(kind, memory):
    torch.manual_seed(0)
    for (stride, padding, dilation, height, width), offset in product(PLACES, (0, 4)):
        layer = layer_of(
            kind,
            group_offset=offset,
            stride=stride,
            padding=padding,
            dilation=dilation,
            dtype=torch.float64,
        )
        x = torch.randn(2, 7, height, width, dtype=torch.float64).to(memory_format=memory)
        x.requires_grad_()
        weight = (layer.to_dense() * layer.mask()).detach().requires_grad_()
        y, expected = layer(x), F.conv2d(x, weight, layer.bias, stride, padding, dilation)
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
        assert layer.macs(height, width) == weight.ne(0).sum() * y[0, 0].numel()
        ours = torch.autograd.grad(y.sin().sum(), [x, *layer.parameters()])
        theirs = torch.autograd.grad(expected.sin().sum(), [x, weight])
        torch.testing.assert_close(ours[0], theirs[0], rtol=0, atol=1e-12)
        live = torch.cat([grad.flatten() for grad in ours[1:-1]]).sort().values
        torch.testing.assert_close(live, theirs[1][layer.mask()].sort().values, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[3], KINDS[7]])
def test_gradients_of_first_and_second_order(kind):
    layer = layer_of(kind, stride=2, padding=1, dtype=torch.float64)
    x = torch.randn(1, 7, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


def test_a_large_image_takes_the_same_way():
    layer = layer_of(("in", 4, None), padding=1)
    x = torch.randn(4, 7, 80, 80)
    expected = F.conv2d(x, layer.to_dense(), layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_all_taps_are_the_dense_layer_bit_for_bit():
    dense = nn.Conv2d(6, 4, 3, stride=2, padding=1)
    layer = PSConv2d(6, 4, kss=9, stride=2, padding=1)
    layer.from_dense(dense.weight, dense.bias)
    x = torch.randn(2, 6, 9, 9)
    assert torch.equal(layer(x), dense(x))


def test_one_tap_is_a_shift_and_a_1x1_convolution():
    layer = PSConv2d(9, 4, kss=1, padding=1, bias=False)
    x = torch.randn(2, 9, 6, 7)
    padded = F.pad(x, (1, 1, 1, 1))
    shifted = [padded[:, j, j // 3 : j // 3 + 6, j % 3 : j % 3 + 7] for j in range(9)]
    torch.testing.assert_close(layer(x), F.conv2d(torch.stack(shifted, 1), layer.weight))


OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, 0.01),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01),
}


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("kind", [KINDS[3], KINDS[6]])
def test_dead_taps_stay_zero(optimiser, kind):
    layer = layer_of(kind, padding=1)
    step = OPTIMISERS[optimiser](layer.parameters())
    x, start = torch.randn(4, 7, 6, 6), layer.to_dense().detach().clone()
    for _ in range(50):
        step.zero_grad()
        (layer(x) - 1).square().mean().backward()
        step.step()
    dense = layer.to_dense()
    assert (dense[~layer.mask()] == 0).all()
    assert (dense != start)[layer.mask()].all()
    n_weights = sum(p.numel() for p in layer.parameters()) - 5
    assert n_weights == layer.pattern.live_taps == layer.mask().sum()


@pytest.mark.parametrize("kss", [9, 4, 2, 1])
def test_the_start_keeps_the_variance(kss):
    layer = PSConv2d(64, 256, kss=kss, padding=1, bias=False)
    x = torch.randn(4, 64, 18, 18, generator=torch.Generator().manual_seed(0))
    inside = layer(x)[..., 1:-1, 1:-1].var().item()
    assert inside == pytest.approx(2, rel=0.1)
    masked = nn.init.kaiming_normal_(torch.empty(256, 64, 3, 3)) * layer.mask()
    uncorrected = F.conv2d(x, masked, padding=1)[..., 1:-1, 1:-1].var().item()
    assert uncorrected / 2 == pytest.approx(kss / 9, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_dense_weights_there_and_back(kind):
    layer, weight = layer_of(kind), torch.randn(5, 7, 3, 3)
    layer.from_dense(weight)
    assert torch.equal(layer.to_dense(), weight * layer.mask())


def test_a_checkpoint_carries_the_supports_and_little_more():
    layer = PSConv2d(64, 32, assign="periodic", kss=4, dense_period=8)
    state = layer.state_dict()
    assert set(state) == {"weight", "bias", "supports"}
    assert state["supports"].numel() * 8 == 8 * 9
    other = PSConv2d(64, 32, assign="periodic", kss=4, dense_period=8, seed=1)
    other.load_state_dict(state)
    assert torch.equal(other.to_dense(), layer.to_dense())


def test_weights_of_other_random_taps_are_refused():
    layer, other = (PSConv2d(8, 8, kss=2, assign="random", seed=seed) for seed in (0, 1))
    before = other.to_dense().detach().clone()
    with pytest.raises(RuntimeError, match="belong to other taps"):
        other.load_state_dict(layer.state_dict())
    assert torch.equal(other.to_dense(), before)


def test_it_runs_under_vmap_and_on_the_meta_device():
    layer = layer_of(("in", 4, None), padding=1)
    x = torch.randn(3, 7, 6, 6)
    each = torch.vmap(torch.func.grad(lambda one: layer(one).square().sum()))(x)
    torch.testing.assert_close(each[1], torch.func.grad(lambda o: layer(o).square().sum())(x[1]))
    assert PSConv2d(7, 5, device="meta")(x.to("meta")).shape == (3, 5, 4, 4)


def test_same_padding_and_an_image_without_batch():
    layer = PSConv2d(4, 6, 5, kss=4, padding="same")
    assert layer(torch.randn(4, 9, 8)).shape == (6, 9, 8)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"groups": 4}, "groups must be 1, got 4"),
        ({"padding_mode": "circular"}, "padding_mode must be 'zeros', got 'circular'"),
        ({"padding": "full"}, "'valid' or 'same', got 'full'"),
        ({"padding": "same", "stride": 2}, "needs stride 1"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"kernel_size": (3, 1)}, "must be square, got 3x1"),
        ({"dilation": (1, 2, 3)}, "one whole number or two"),
    ],
)
def test_what_is_refused(more, words):
    with pytest.raises(SpecError, match=words):
        PSConv2d(4, 4, **more)


def test_another_number_of_channels_is_refused():
    with pytest.raises(SpecError, match=r"reads \(N, 4, H, W\), got \(1, 3, 8, 8\)"):
        PSConv2d(4, 4)(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("use", [lambda c: c(torch.zeros(1, 4, 2, 9)), lambda c: c.macs(2, 9)])
def test_an_image_smaller_than_the_kernel_is_refused(use):
    with pytest.raises(SpecError, match="an image of 2x9 is too small for a 3x3 kernel"):
        use(PSConv2d(4, 4))
