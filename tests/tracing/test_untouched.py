"""Tracing leaves the caller's network as it found it, bit for bit and object for object."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from nnmass.tracing import trace

SHAPE = (3, 8, 8)


class Block(nn.Module):
    """Batch norm, dropout and an in-place ReLU around a residual."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 4, 3, 1, 1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, 1, 1), nn.BatchNorm2d(4)
        self.drop, self.act = nn.Dropout2d(0.5), nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.act(self.norm1(self.conv1(x)))
        z = self.drop(self.norm2(self.conv2(x)))
        z += x
        return self.act(z)


class Caching(Block):
    """Keeps what it computes, in old attributes and in new ones."""

    def __init__(self):
        super().__init__()
        self.last, self.calls, self.log = None, 0, []

    def forward(self, x):
        self.last = super().forward(x)
        self.fresh = self.last.mean()
        self.calls += 1
        self.log.append(tuple(x.shape))
        return self.last


class Counting(Block):
    """Updates buffers in its forward, in place and by assignment."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("later", None)

    def forward(self, x):
        x = super().forward(x)
        self.seen += len(x)
        self.mean = 0.9 * self.mean + 0.1 * x.mean((0, 2, 3))
        self.later = x
        return x


class Tied(nn.Module):
    """One weight in two modules, one module under two names, one called twice."""

    def __init__(self):
        super().__init__()
        self.stem, self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.b.weight = self.a.weight
        self.again = self.a

    def forward(self, x):
        x = self.stem(x)
        return x + self.again(self.b(self.a(x)))


class WithHooks(Block):
    """Hooks of every kind, which count their calls on the module."""

    def __init__(self):
        super().__init__()
        self.conv1.register_forward_hook(lambda *_: None)
        self.conv2.register_forward_pre_hook(lambda *_: None)
        self.conv2.register_full_backward_hook(lambda *_: None)


class Parametrized(nn.Module):
    """Weight norm, old and new, and spectral norm (whose buffers move while training)."""

    def __init__(self):
        super().__init__()
        self.a = parametrizations.weight_norm(nn.Conv2d(3, 4, 1))
        self.b = parametrizations.spectral_norm(nn.Conv2d(4, 4, 1))
        self.c = nn.Conv2d(4, 4, 1)
        parametrize.register_parametrization(self.c, "weight", nn.Identity())

    def forward(self, x):
        x = self.a(x)
        return x + self.c(self.b(x))


class OldWeightNorm(nn.Module):
    """The hook-based weight norm, which assigns a plain attribute before each call."""

    def __init__(self):
        super().__init__()
        with pytest.warns(FutureWarning, match="weight_norm"):
            self.conv = nn.utils.weight_norm(nn.Conv2d(3, 4, 1))

    def forward(self, x):
        return self.conv(x)


class Random(Block):
    """Draws numbers from three generators."""

    def forward(self, x):
        x = super().forward(x)
        x = x + torch.randn(x.shape, device=x.device) * random.random()
        return F.dropout(x * float(np.random.rand()), 0.3)  # noqa: NPY002


class ChannelsLast(Block):
    """Wants another memory format."""

    def forward(self, x):
        return super().forward(x.contiguous(memory_format=torch.channels_last))


class InPlace(nn.Module):
    """Writes into whatever it can."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, 1, 1)
        self.scale = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, x):
        x.mul_(2)
        z = self.conv(x)
        z.add_(x).relu_()
        with torch.no_grad():
            self.scale.add_(1)
        return z * self.scale


class Mixed(Block):
    """Some parts in training, some not; some frozen, some not."""

    def __init__(self):
        super().__init__()
        self.norm1.eval()
        self.drop.eval()
        self.conv1.requires_grad_(False)
        self.norm2.weight.requires_grad_(False)


class Graded(Block):
    """Has gradients, one of them shared."""

    def __init__(self):
        super().__init__()
        self(torch.ones(2, *SHAPE)).sum().backward()


class TurnsModes(Block):
    """Changes its own mode while it runs."""

    def forward(self, x):
        self.drop.eval()
        self.norm2.requires_grad_(False)
        return super().forward(x)


MODULES = [
    Block,
    Caching,
    Counting,
    Tied,
    WithHooks,
    Parametrized,
    OldWeightNorm,
    Random,
    ChannelsLast,
    InPlace,
    Mixed,
    Graded,
    TurnsModes,
]


def frozen(value):
    """A value to compare with later: tensors by their bits, containers by what is in them."""
    if isinstance(value, torch.Tensor):
        bits = None if value.is_meta else value.detach().clone()
        return (
            "tensor",
            id(value),
            value.device,
            value.dtype,
            value.stride(),
            value._version,
            bits,
        )
    if isinstance(value, dict):
        return ("dict", id(value), [(key, frozen(v)) for key, v in value.items()])
    if isinstance(value, list | tuple):
        return (type(value), id(value), [frozen(v) for v in value])
    if isinstance(value, set):
        return ("set", id(value), sorted(map(str, value)))
    return ("object", id(value), value if isinstance(value, int | float | str) else None)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return a == b


def state(net):
    """Everything that a trace could touch."""
    modules = [
        (name, id(module), type(module), frozen({**module.__dict__}))
        for name, module in net.named_modules(remove_duplicate=False)
    ]
    tensors = [*net.named_parameters(remove_duplicate=False), *net.named_buffers()]
    grads = [(name, t.requires_grad, t.is_leaf, frozen(t.grad)) for name, t in tensors]
    return [skip_ids(modules), skip_ids(grads), random_states()]


def skip_ids(value):
    """Leaves out the number of the copied outer dict alone."""
    return [(*entry[:-1], entry[-1][2]) if entry[-1][0] == "dict" else entry for entry in value]


def random_states():
    numbers = np.random.get_state()  # noqa: NPY002 - the global generator is what is watched
    return [random.getstate(), numbers[1].tobytes(), numbers[2:], torch.get_rng_state().tolist()]


@contextlib.contextmanager
def untouched(net):
    torch.manual_seed(5)
    kept = {id(module): {**module.__dict__} for module in net.modules()}  # keeps objects alive
    before = state(net)
    yield
    after = state(net)
    for one, two in zip(before[0], after[0], strict=True):
        assert same(one, two), f"module {one[0]!r} changed"
    assert same(before[1], after[1])
    assert same(before[2], after[2])
    assert kept.keys() == {id(module) for module in net.modules()}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("make", MODULES)
def test_nothing_is_touched(make, training):
    net = make()
    if make is not Mixed:
        net.train(training)
    with untouched(net):
        trace(net, SHAPE)


@pytest.mark.parametrize("make", [Block, Tied, Counting])
def test_a_network_on_meta_stays_there(make):
    with torch.device("meta"):
        net = make()
    with untouched(net):
        trace(net, SHAPE)
    assert {t.device.type for t in net.parameters()} == {"meta"}


@pytest.mark.parametrize("make", MODULES)
def test_the_network_still_works(make):
    net, twin = make(), make()
    twin.load_state_dict(net.state_dict())
    trace(net, SHAPE)
    outs = []
    for each in (net, twin):
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        outs.append(each(torch.ones(2, *SHAPE)))
    assert torch.equal(*outs)
    outs[0].sum().backward()


class BoomError(RuntimeError):
    """What the networks below raise."""


class Breaking(nn.Module):
    """Raises in the middle, after it has changed what it could."""

    def __init__(self, make):
        super().__init__()
        self.body = make()
        self.count = 0

    def forward(self, x):
        self.count += 1
        x = self.body(x)
        self.extra = x
        raise BoomError("in the middle")


@pytest.mark.parametrize("make", MODULES)
def test_nothing_is_touched_when_the_forward_raises(make):
    net = Breaking(make)
    with untouched(net), pytest.raises(Exception, match="in the middle"):
        trace(net, SHAPE)


class DeepFailure(Block):
    """A shape that does not fit, deep inside."""

    def forward(self, x):
        return self.conv1(super().forward(x))


def test_nothing_is_touched_when_shapes_do_not_fit():
    net = DeepFailure()
    with untouched(net), pytest.raises(Exception, match="channels"):
        trace(net, SHAPE)


class AskingForValues(nn.Module):
    """A scripted part within a forward pass that is run on the real weights."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, x):
        x = self.part(x)
        return x if x.mean() > -1e9 else 2 * x


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("wrap", [nn.Sequential, AskingForValues])
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_scripted_parts_are_left_as_they_were(wrap, is_training):
    part = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 2, 1))
    net = wrap(torch.jit.script(part)).train(is_training)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    count = trace(net, SHAPE).count
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert {module.training for module in net.modules()} == {is_training}
    # In training mode dropout would draw, and scale 256 values.
    assert count.other.get("elementwise", 0) <= 1  # the comparison of the mean


def test_module_methods_are_as_before():
    """No patched call or function stays behind, also after a failure."""
    watched = [(nn.Module, "__call__"), (nn.Module, "_call_impl"), (torch, "cat"), (F, "relu")]
    watched += [(F, "conv2d"), (F, "linear"), (nn.Conv2d, "forward"), (torch.Tensor, "add_")]
    before = [getattr(owner, name) for owner, name in watched]
    trace(Block(), SHAPE)
    with pytest.raises(Exception, match="in the middle"):
        trace(Breaking(Block), SHAPE)
    assert all(getattr(o, n) is old for (o, n), old in zip(watched, before, strict=True))


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_gradient_mode_stays(is_enabled):
    with torch.set_grad_enabled(is_enabled):
        trace(Block(), SHAPE)
        assert torch.is_grad_enabled() is is_enabled


def test_the_default_device_and_dtype_stay():
    trace(Block(), SHAPE)
    assert torch.get_default_device() == torch.device("cpu")
    assert torch.get_default_dtype() is torch.float32
    assert torch.empty(0).device.type == "cpu"


def test_this_watch_can_fail():
    """The watch notices each kind of change."""
    changes = [
        lambda net: net.conv1.weight.data.mul_(1.5),
        lambda net: net.drop.eval(),
        lambda net: setattr(net, "new", 1),
        lambda net: net.norm1.running_mean.add_(1),
        lambda net: net.conv1.register_forward_hook(lambda *_: None),
        lambda net: net.conv1.requires_grad_(False),
        lambda net: setattr(net, "act", nn.ReLU(inplace=True)),
        lambda net: net.norm1.register_buffer("running_var", net.norm1.running_var.clone()),
        lambda _: torch.rand(1),
        lambda _: random.random(),
    ]
    for change in changes:
        net = Block()
        with pytest.raises(AssertionError), untouched(net):
            change(net)
