"""Blocks as practitioners write them; every answer was worked out by hand from the rule."""

from __future__ import annotations

import math
from fractions import Fraction
from inspect import isfunction
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from nnmass.tracing import trace

SHAPE = (3, 8, 8)
ATTENTION = ("attention",)
PRODUCT = ("product of two feature maps",)
NESTED = "nested additions"
SUM_IN_CONCAT = "addition inside a concatenation cell"
CONCAT_IN_SUM = "concatenation inside an addition cell"
PARALLEL = "parallel branches with weight layers"


def is_plain(part):
    return isinstance(part, torch.Tensor) and not isinstance(part, nn.Buffer | nn.Parameter)


class Net(nn.Module):
    """A stem ``a`` of 8 channels, further modules or parameters, and a forward as a function.

    Without a stem of its own, ``forward`` gets what the stem gives.
    """

    def __init__(self, forward, *, stem=None, **parts):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 1) if stem is None else stem
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(part) if is_plain(part) else part)
        self.way = forward

    def forward(self, *inputs):
        return self.way(self, self.a(inputs[0]), *inputs[1:])


class Cell(NamedTuple):
    """What a cell must be: the links as (source, target, channels), ``*`` with a weight layer."""

    kind: str
    widths: tuple[int, ...]
    links: tuple[tuple, ...]
    mass: Fraction | int
    flags: tuple[str, ...] = ()


def add(widths, links, mass, flags=()):
    return Cell("addition", widths, tuple(links), mass, tuple(flags))


def cat(widths, links, mass, flags=()):
    return Cell("concatenation", widths, tuple(links), mass, tuple(flags))


BASIC = add((8, 8, 8), [(0, 2, 8)], 16)
"""Two layers of 8 channels and an identity: 8 / 8 * (8 + 8)."""
MLP = add((8, 32, 8), [(0, 2, 8)], 40)
"""Expansion by 4: 8 / 8 * (8 + 32)."""
SELF_ATTENTION = add((8, 24, 8), [(0, 2, 8)], 32, ATTENTION)
"""Queries, keys and values by one layer: 8 / 8 * (8 + 24)."""


def conv(inputs=8, outputs=8, kernel=1, **options):
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)


def depthwise(channels=8, kernel=3, **options):
    return conv(channels, channels, kernel, groups=channels, **options)


def w(*shape):
    return torch.randn(shape)


def let(value, use):
    return use(value)


def mlp(inputs=8, hidden=32):
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, inputs))


def last(module):
    """Apply a module that wants the channels last."""
    return lambda x: module(x.movedim(1, -1)).movedim(-1, 1)


CASES = {}


def known(name, make, *cells, shape=SHAPE, macs=True):
    """Note a network and what it must give; ``macs``: PyTorch's counter sees all its products."""
    CASES[name] = (make, shape, cells, macs)


def block(name, forward, *cells, macs=True, **parts):
    """A network behind the stem; its parts as modules, tensors, or functions that make them."""

    def make():
        made = {key: p() if isfunction(p) else p for key, p in parts.items()}
        return Net(forward, **made)

    known(name, make, *cells, macs=macs)


def inside(name, change, *cells, **parts):
    """A basic block, something done between its two layers."""
    block(name, lambda n, x: x + n.c(change(n, n.b(x))), *(cells or (BASIC,)), **BC, **parts)


BC = {"b": conv(), "c": conv()}


# --- layers written by hand ----------------------------------------------------------------------


def space_to_depth(n, x):
    y = x.reshape(-1, 8, 4, 2, 4, 2).permute(0, 3, 5, 1, 2, 4).reshape(-1, 32, 4, 4)
    return F.avg_pool2d(x, 2) + n.c(n.b(y))


def standardised(n, x):
    v = n.w - n.w.mean((1, 2, 3), keepdim=True)
    return F.conv2d(x, v / (v.std((1, 2, 3), keepdim=True) + 1e-5), padding=1)


def experts(n, x):
    share = n.fc(x.mean((2, 3))).softmax(1)
    kernels = (share @ n.w.view(4, -1)).view(-1, 8, 3, 3)
    size = x.shape[0]
    y = F.conv2d(x.reshape(1, -1, 8, 8), kernels, padding=1, groups=size)
    return y.view(size, 8, 8, 8)


def unfolded(n, x):
    patches = F.unfold(x, 3, padding=1)
    return (n.w.view(8, -1) @ patches).view(-1, 8, 8, 8)


def unfolded_twice(n, x):
    patches = F.pad(x, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1)
    return torch.einsum("bchwij,ocij->bohw", patches, n.w)


def involution(n, x):
    kernel = n.k(x).view(-1, 1, 9, 8, 8)
    patches = F.unfold(x, 3, padding=1).view(-1, 8, 9, 8, 8)
    return (kernel * patches).sum(2)


block("space to depth", space_to_depth, BASIC, b=conv(32), c=conv())
block(
    "einsum convolutions",
    lambda n, x: x + torch.einsum("bchw,oc->bohw", torch.einsum("bchw,oc->bohw", x, n.w), n.v),
    BASIC,
    w=w(8, 8),
    v=w(8, 8),
)
inside("einsum scale", lambda n, x: torch.einsum("bchw,c->bchw", x, n.g), g=w(8), macs=False)
block(
    "weight standardisation",
    lambda n, x: x + n.c(standardised(n, x)),
    BASIC,
    w=w(8, 8, 3, 3),
    c=conv(),
)
block(
    "low rank",
    lambda n, x: x + n.c(F.conv2d(x, (n.u @ n.v)[..., None, None])),
    BASIC,
    u=w(8, 2),
    v=w(2, 8),
    c=conv(),
)
block(
    "spectral norm",
    lambda n, x: x + n.c(n.b(x)),
    BASIC,
    b=lambda: nn.utils.parametrizations.spectral_norm(conv()),
    c=conv(),
    macs=False,
)
block(
    "weight norm",
    lambda n, x: x + n.c(n.b(x)),
    BASIC,
    b=lambda: nn.utils.parametrizations.weight_norm(conv()),
    c=conv(),
)
block(
    "old weight norm",
    lambda n, x: x + n.c(n.b(x)),
    BASIC,
    b=lambda: nn.utils.weight_norm(conv()),
    c=conv(),
)
block(
    "old spectral norm",
    lambda n, x: x + n.c(n.b(x)),
    BASIC,
    b=lambda: nn.utils.spectral_norm(conv()),
    c=conv(),
    macs=False,
)
block(
    "pruned",
    lambda n, x: x + n.c(n.b(x)),
    BASIC,
    b=lambda: __import__("torch.nn.utils.prune").nn.utils.prune.random_unstructured(
        conv(), "weight", 0.5
    ),
    c=conv(),
)
block(
    "conditional convolution",
    lambda n, x: x + n.c(experts(n, x)),
    BASIC,
    fc=nn.Linear(8, 4),
    w=w(4, 8, 8, 3, 3),
    c=conv(),
)
block(
    "unfold and a product", lambda n, x: x + n.c(unfolded(n, x)), BASIC, w=w(8, 8, 3, 3), c=conv()
)
block(
    "unfold twice and einsum",
    lambda n, x: x + n.c(unfolded_twice(n, x)),
    BASIC,
    w=w(8, 8, 3, 3),
    c=conv(),
)
# a kernel for each place, the same for all channels, is a broadcast factor: the channels pass
block(
    "involution", lambda n, x: x + n.c(involution(n, x)), add((8, 8), [], 0), k=conv(8, 9), c=conv()
)
inside(
    "masked weights",
    lambda n, x: F.conv2d(x, n.w * n.m, padding=1),
    add((8, 8, 8, 8), [(0, 3, 8)], 8),
    w=w(8, 8, 3, 3),
    m=nn.Buffer(torch.ones(3, 3)),
)
outside = torch.randn(8, 8, 1, 1, requires_grad=True)
inside(
    "a weight of no module", lambda n, x: F.conv2d(x, outside), add((8, 8, 8, 8), [(0, 3, 8)], 8)
)
inside(
    "a fixed filter bank",
    lambda n, x: F.conv2d(x, torch.ones(8, 8, 1, 1)),
    add((8, 8, 8), [(0, 2, 8)], 16, ["convolution with fixed weights"]),
)
inside(
    "two products by a weight",
    lambda n, x: last(lambda t: t @ n.w @ n.v)(x),
    add((8, 8, 4, 8, 8), [(0, 4, 8)], Fraction(8, 3 * 8 + 2 * 8 + 4) * 28),
    w=w(8, 4),
    v=w(4, 8),
)

# --- gates and attention over channels -----------------------------------------------------------


def eca(n, x):
    y = x.mean((2, 3), keepdim=True).squeeze(-1).transpose(1, 2)
    return x * n.k(y).transpose(1, 2).unsqueeze(-1).sigmoid()


def cbam(n, x):
    x = x * (n.m(x.mean((2, 3))) + n.m(x.amax((2, 3))))[..., None, None].sigmoid()
    return x * n.s(torch.cat([x.mean(1, True), x.max(1, True)[0]], 1)).sigmoid()


def global_context(n, x):
    weights = n.k(x).view(-1, 1, 64).softmax(2).unsqueeze(-1)
    context = torch.matmul(x.view(-1, 1, 8, 64), weights).view(-1, 8, 1, 1)
    return x + n.t(context)


def coordinate_attention(n, x):
    y = torch.cat([x.mean(3, True), x.mean(2, True).transpose(2, 3)], 2)
    high, wide = n.k(y).relu().split([8, 8], 2)
    return x * n.h(high).sigmoid() * n.v(wide.transpose(2, 3)).sigmoid()


def selective_kernel(n, x):
    ways = torch.stack([n.p(x), n.q(x)], 1)
    share = n.fc(ways.sum(1).mean((2, 3))).view(-1, 2, 8, 1, 1).softmax(1)
    return (ways * share).sum(1)


def split_attention(n, x):
    y = n.p(x).view(-1, 2, 8, 8, 8)
    share = n.fc(y.sum(1).mean((2, 3))).view(-1, 2, 8, 1, 1).softmax(1)
    return (y * share).sum(1)


def simam(_, x):
    d = (x - x.mean((2, 3), keepdim=True)).pow(2)
    return x * (d / (4 * (d.sum((2, 3), keepdim=True) / 63 + 1e-4)) + 0.5).sigmoid()


inside(
    "squeeze and excite",
    lambda n, x: x * n.m(x.mean((2, 3), True).flatten(1)).sigmoid()[..., None, None],
    m=mlp(8, 2),
)
inside("ECA", eca, k=nn.Conv1d(1, 1, 3, padding=1))
inside("CBAM", cbam, m=mlp(8, 2), s=conv(2, 1, 7))
inside(
    "global context",
    global_context,
    k=conv(8, 1),
    t=nn.Sequential(conv(8, 2), nn.ReLU(), conv(2, 8)),
)
inside("coordinate attention", coordinate_attention, k=conv(8, 4), h=conv(4, 8), v=conv(4, 8))
inside("SimAM", simam)
inside("gate without parameters", lambda n, x: x * x.mean(1, keepdim=True).sigmoid())
inside(
    "FiLM",
    lambda n, x: (
        x * n.f(x.mean((2, 3)))[:, :8, None, None] + n.f(x.mean((2, 3)))[:, 8:, None, None]
    ),
    f=nn.Linear(8, 16),
)
# two layers beside each other, summed up: no link can reach over one layer
block(
    "selective kernels",
    lambda n, x: n.c(selective_kernel(n, x)),
    add((8, 8), [], 0),
    p=conv(kernel=3),
    q=conv(kernel=3),
    fc=nn.Linear(8, 16),
    c=conv(),
)
# a; p (16) whose halves are added (8); c
block(
    "split attention",
    lambda n, x: x + n.c(split_attention(n, x)),
    add((8, 8, 8), [(0, 2, 8)], 16, [NESTED]),
    p=conv(8, 16, 3, groups=2),
    fc=nn.Linear(8, 16),
    c=conv(),
)

# --- residual blocks -----------------------------------------------------------------------------


def pre_activation(n, x):
    return x + n.c(F.relu(n.o(n.b(F.relu(n.n(x))))))


def antialiased(n, x):
    y = F.conv2d(
        F.pad(n.c(n.b(x)), (1, 1, 1, 1), "reflect"), n.blur.expand(4, 1, 3, 3), stride=2, groups=4
    )
    return n.d(y) + n.s(F.avg_pool2d(x, 2))


def option_a(n, x):
    return n.c(n.b(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4))


def in_place(n, x):
    y = n.c(n.b(x).relu_())
    x += y
    x.mul_(0.5).clamp_(min=0)
    return x


def drop_path(n, x):
    keep = x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(0.8).div_(0.8)
    return x + keep * n.c(n.b(x))


def ghost(n, x):
    def module(first, second, x):
        y = first(x)
        return torch.cat([y, second(y)], 1)

    return x + module(n.p2, n.d2, module(n.p1, n.d1, x))


def res2net(n, x):
    parts = n.b(x).chunk(4, 1)
    out = [parts[0], n.k2(parts[1])]
    out.append(n.k3(parts[2] + out[-1]))
    out.append(n.k4(parts[3] + out[-1]))
    return x + n.c(torch.cat(out, 1))


block("pre-activation", pre_activation, BASIC, **BC, n=nn.BatchNorm2d(8), o=nn.BatchNorm2d(8))
block("norm after the sum", lambda n, x: n.n(x + n.c(n.b(x))), BASIC, **BC, n=nn.BatchNorm2d(8))
# ResNet-D shortcut: the projection carries the 8 channels it starts from; 8 / (2 * 8 + 4) * 16
block(
    "blur pool and a pooled projection",
    antialiased,
    add((8, 4, 4, 16), [(0, 3, 8, "*")], Fraction(32, 5)),
    b=conv(8, 4),
    c=conv(4, 4, 3),
    d=conv(4, 16),
    s=conv(8, 16),
    blur=nn.Buffer(torch.ones(1, 1, 3, 3)),
)
block(
    "shortcut of option A",
    option_a,
    add((8, 16, 16), [(0, 2, 8)], 24),
    b=conv(8, 16, 3, stride=2),
    c=conv(16, 16),
)
block("written in place", in_place, BASIC, **BC)
block("stochastic depth by hand", drop_path, BASIC, **BC)
block("layer scale", lambda n, x: torch.addcmul(x, n.g, n.c(n.b(x))), BASIC, **BC, g=w(8, 1, 1))
block("layer scale, times first", lambda n, x: x + n.g * n.c(n.b(x)), BASIC, **BC, g=w(8, 1, 1))
block(
    "skip weight that is learned",
    lambda n, x: torch.lerp(x, n.c(n.b(x)), n.g.sigmoid()),
    BASIC,
    **BC,
    g=w(1),
)
block("lerp of a number", lambda n, x: torch.lerp(x, n.c(n.b(x)), 0.3), BASIC, **BC)
# the gate t is a side way: 8 / 8 * (8 + 8)
block(
    "highway",
    lambda n, x: n.c(n.b(x)) * n.t(x).sigmoid() + x * (1 - n.t(x).sigmoid()),
    BASIC,
    **BC,
    t=conv(),
)
block(
    "highway by lerp",
    lambda n, x: torch.lerp(x, n.c(n.b(x)), n.t(x).sigmoid()),
    BASIC,
    **BC,
    t=conv(),
)
block(
    "highway by addcmul",
    lambda n, x: torch.addcmul(x, n.t(x).sigmoid(), n.c(n.b(x))),
    BASIC,
    **BC,
    t=conv(),
)
block("difference", lambda n, x: n.c(n.b(x)) - x, BASIC, **BC)
block(
    "weighted sum of a stack",
    lambda n, x: (torch.stack([x, n.c(n.b(x))]) * n.g.softmax(0).view(2, 1, 1, 1, 1)).sum(0),
    BASIC,
    **BC,
    g=w(2),
)
block("mean of a list", lambda n, x: torch.mean(torch.stack([x, n.c(n.b(x))]), 0), BASIC, **BC)
block("sum()", lambda n, x: sum([x, n.c(n.b(x))]), BASIC, **BC)
block("torch.add with alpha", lambda n, x: torch.add(x, n.c(n.b(x)), alpha=0.1), BASIC, **BC)
# 8 / (2 * 8 + 32) * (8 + 32 + 32)
block(
    "inverted residual",
    lambda n, x: x + n.d(n.c(n.b(x))),
    add((8, 32, 32, 8), [(0, 3, 8)], 12),
    b=conv(8, 32),
    c=depthwise(32),
    d=conv(32, 8),
)
# scored as if it had its expansion: nodes 8, 8, 8, 8
block(
    "inverted residual of ratio 1",
    lambda n, x: x + n.d(n.c(x)),
    add((8, 8, 8), [(0, 2, 8)], 8),
    c=depthwise(),
    d=conv(),
)
block(
    "ConvNeXt",
    lambda n, x: x + n.g * last(n.m)(last(n.n)(n.b(x))),
    add((8, 8, 32, 8), [(0, 3, 8)], 16),
    b=depthwise(8, 7),
    n=nn.LayerNorm(8),
    m=mlp(),
    g=w(8, 1, 1),
)
block("ConvMixer", lambda n, x: n.c(x + n.b(x).relu()), add((8, 8), [], 0), b=depthwise(), c=conv())
block(
    "PoolFormer",
    lambda n, x: let(x + n.g * (F.avg_pool2d(x, 3, 1, 1) - x), lambda x: x + last(n.m)(x)),
    MLP,
    m=mlp(),
    g=w(8, 1, 1),
)
block(
    "RepVGG in training form",
    lambda n, x: n.d((n.b(x) + n.c(x) + n.n(x)).relu()),
    add((8, 8), [], 0),
    b=conv(kernel=3),
    c=conv(),
    d=conv(),
    n=nn.BatchNorm2d(8),
)
# p2 reads p1 (8), the sum a (8): 16 / (3 * 8 + 2 * 8 + 8) * (8 + 8 + 8 + 4)
block(
    "ghost bottleneck",
    ghost,
    add((8, 8, 8, 4, 8), [(1, 3, 8), (0, 4, 8)], Fraction(28, 3), [CONCAT_IN_SUM]),
    p1=conv(),
    d1=depthwise(),
    p2=conv(16, 4),
    d2=depthwise(4),
)
block(
    "Res2Net",
    res2net,
    add(
        (8, 8, 2, 2, 2, 8),
        [(1, 3, 2), (0, 5, 8), (1, 5, 2), (2, 5, 2), (3, 5, 2)],
        Fraction(16 * 22, 62),
        [NESTED, CONCAT_IN_SUM],
    ),
    b=conv(),
    k2=conv(2, 2),
    k3=conv(2, 2),
    k4=conv(2, 2),
    c=conv(),
)
block(
    "one block three times",
    lambda n, x: let(lambda x: x + n.c(n.b(x)), lambda f: f(f(f(x)))),
    BASIC,
    BASIC,
    BASIC,
    **BC,
)
block(
    "as long as it is large",
    lambda n, x: let(
        lambda f, x: x if x.shape[-1] <= 2 else f(f, F.max_pool2d(x + n.c(n.b(x)), 2)),
        lambda f: f(f, x),
    ),
    BASIC,
    BASIC,
    **BC,
)
block(
    "checkpoint",
    lambda n, x: x + checkpoint(lambda t: n.c(n.b(t)), x, use_reentrant=False),
    BASIC,
    **BC,
)
block(
    "reentrant checkpoint",
    lambda n, x: x + checkpoint(lambda t: n.c(n.b(t)), x, use_reentrant=True),
    BASIC,
    **BC,
)
block(
    "leaky by where",
    lambda n, x: x + n.c(let(n.b(x), lambda y: torch.where(y > 0, y, 0.1 * y))),
    BASIC,
    **BC,
)
block("clamped by max", lambda n, x: x + n.c(torch.maximum(n.b(x), torch.zeros(1))), BASIC, **BC)
block(
    "stubs",
    lambda n, x: n.e(n.q(x) + n.c(n.b(x))),
    BASIC,
    **BC,
    q=torch.ao.quantization.QuantStub(),
    e=torch.ao.quantization.DeQuantStub(),
)
block(
    "fake quantisation",
    lambda n, x: n.q(x) + n.c(n.q(n.b(x))),
    BASIC,
    **BC,
    q=torch.ao.quantization.FakeQuantize(),
)
block("group norm", lambda n, x: x + n.c(n.n(n.b(x))), BASIC, **BC, n=nn.GroupNorm(2, 8))
block(
    "instance norm",
    lambda n, x: x + n.c(n.n(n.b(x))),
    BASIC,
    **BC,
    n=nn.InstanceNorm2d(8, affine=True),
)
block(
    "local response norm", lambda n, x: x + n.c(n.n(n.b(x))), BASIC, **BC, n=nn.LocalResponseNorm(5)
)
block(
    "response norm of ConvNeXt V2",
    lambda n, x: (
        x
        + n.c(
            let(
                n.b(x),
                lambda y: (
                    y
                    * (
                        y.norm(dim=(2, 3), keepdim=True)
                        / (y.norm(dim=(2, 3), keepdim=True).mean(1, keepdim=True) + 1e-6)
                    )
                    + y
                ),
            )
        )
    ),
    BASIC,
    **BC,
)
block(
    "norms written by hand",
    lambda n, x: (
        x
        + n.c(
            let(
                n.b(x),
                lambda y: (y - y.mean(1, keepdim=True)) / (y.var(1, keepdim=True) + 1e-6).sqrt(),
            )
        )
    ),
    BASIC,
    **BC,
)
block("unit length", lambda n, x: x + n.c(F.normalize(n.b(x), dim=1)), BASIC, **BC)
block("PReLU", lambda n, x: x + n.c(n.p(n.b(x))), BASIC, **BC, p=nn.PReLU(8))
block(
    "power pooling", lambda n, x: F.avg_pool2d(x, 2) + n.c(F.lp_pool2d(n.b(x), 2, 2)), BASIC, **BC
)
block(
    "GeM pooling",
    lambda n, x: (
        n.c(n.b(x).clamp(min=1e-6).pow(n.p).mean((2, 3), True).pow(1 / n.p)) + x.mean((2, 3), True)
    ),
    BASIC,
    **BC,
    p=w(1),
)

# --- tokens --------------------------------------------------------------------------------------


def tokens(x):
    return x.flatten(2).transpose(1, 2)


def attend(n, x, heads=2):
    size, length, channels = x.shape
    q, k, v = n.qkv(x).reshape(size, length, 3, heads, channels // heads).permute(2, 0, 3, 1, 4)
    y = ((q @ k.transpose(-2, -1)) * 0.5).softmax(-1) @ v
    return n.proj(y.transpose(1, 2).reshape(size, length, channels))


def vision_transformer(n, x):
    x = torch.cat([n.cls.expand(x.shape[0], -1, -1), tokens(x)], 1) + n.pos
    x = x + attend(n, n.n1(x))
    x = x + n.m(n.n2(x))
    return n.head(x[:, 0])


def swin(n, x, shift=0):
    x = x.permute(0, 2, 3, 1)
    y = torch.roll(x, (-shift, -shift), (1, 2)) if shift else x
    y = y.view(-1, 2, 4, 2, 4, 8).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, 8)
    y = attend(n, y).view(-1, 2, 2, 4, 4, 8).permute(0, 1, 3, 2, 4, 5).reshape(-1, 8, 8, 8)
    y = torch.roll(y, (shift, shift), (1, 2)) if shift else y
    x = x + y
    return x + n.m(x)


def mixer(n, x):
    x = tokens(x)
    x = x + n.t(x.transpose(1, 2)).transpose(1, 2)
    return x + n.m(x)


def gated_mlp(n, x):
    x = tokens(x)
    u, v = F.gelu(n.f(x)).chunk(2, -1)
    return x + n.g(u * n.s(v.transpose(1, 2)).transpose(1, 2))


def fused(n, x):
    x = tokens(x)
    q, k, v = (t.view(-1, 64, 2, 4).transpose(1, 2) for t in n.qkv(x).chunk(3, -1))
    return x + n.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, 64, 8))


def by_einsum(n, x):
    x = tokens(x)
    q, k, v = (t.reshape(-1, 64, 2, 4) for t in n.qkv(x).chunk(3, -1))
    share = torch.einsum("bihd,bjhd->bhij", q, k).softmax(-1)
    return x + n.proj(torch.einsum("bhij,bjhd->bihd", share, v).reshape(-1, 64, 8))


def fourier_mixer(n, x):
    x = tokens(x)
    x = x + torch.fft.fft2(x, dim=(-1, -2)).real
    return x + n.m(x)


def global_filter(n, x):
    y = torch.fft.rfft2(x, norm="ortho") * torch.view_as_complex(n.w)
    return x + last(n.m)(torch.fft.irfft2(y, s=x.shape[2:], norm="ortho"))


def swiglu(n, x):
    return x + last(lambda t: n.o(F.silu(n.f(t)) * n.g(t)))(x)


QKV = {"qkv": nn.Linear(8, 24), "proj": nn.Linear(8, 8)}
block(
    "vision transformer",
    vision_transformer,
    SELF_ATTENTION,
    MLP,
    **QKV,
    m=mlp(),
    n1=nn.LayerNorm(8),
    n2=nn.LayerNorm(8),
    head=nn.Linear(8, 5),
    cls=w(1, 1, 8),
    pos=w(1, 65, 8),
)
block("windows", swin, SELF_ATTENTION, MLP, **QKV, m=mlp())
block("shifted windows", lambda n, x: swin(n, x, 2), SELF_ATTENTION, MLP, **QKV, m=mlp())
block("fused attention", fused, SELF_ATTENTION, **QKV)
block("attention by einsum", by_einsum, SELF_ATTENTION, **QKV)
block(
    "nn.MultiheadAttention",
    lambda n, x: let(tokens(x), lambda t: t + n.m(t, t, t, need_weights=False)[0]),
    SELF_ATTENTION,
    m=lambda: nn.MultiheadAttention(8, 2, batch_first=True),
)
block(
    "nn.MultiheadAttention, weights wanted",
    lambda n, x: let(tokens(x).transpose(0, 1), lambda t: t + n.m(t, t, t)[0]),
    SELF_ATTENTION,
    m=lambda: nn.MultiheadAttention(8, 2),
)
# channels of a mixer's token layers are made each from itself: 8 / 8 * (8 + 8)
block("MLP-Mixer", mixer, BASIC, MLP, t=mlp(64, 16), m=mlp())
# a, f (32), s over tokens (16), g: 8 / (2 * 8 + 32) * (8 + 32 + 16)
block(
    "gMLP",
    gated_mlp,
    add((8, 32, 16, 8), [(0, 3, 8)], Fraction(28, 3), PRODUCT),
    f=nn.Linear(8, 32),
    s=nn.Linear(64, 64),
    g=nn.Linear(16, 8),
)
block("FNet", fourier_mixer, add((8,), [], 0, ["Fourier transform over channels"]), MLP, m=mlp())
block("GFNet", global_filter, MLP, m=mlp(), w=w(8, 8, 5, 2))
block(
    "SwiGLU",
    swiglu,
    add((8, 16, 8), [(0, 2, 8)], 24, PRODUCT),
    f=nn.Linear(8, 16),
    g=nn.Linear(8, 16),
    o=nn.Linear(16, 8),
)
block("F.glu", lambda n, x: x + n.c(F.glu(n.b(x), 1)), MLP, b=conv(8, 32), c=conv(16, 8))
block(
    "glu by hand",
    lambda n, x: x + n.c(let(n.b(x), lambda y: y[:, :16] * y[:, 16:].sigmoid())),
    MLP,
    b=conv(8, 32),
    c=conv(16, 8),
)
block(
    "GEGLU",
    lambda n, x: x + n.c(let(n.b(x), lambda y: y[:, :16] * F.gelu(y[:, 16:]))),
    add((8, 32, 8), [(0, 2, 8)], 40, PRODUCT),
    b=conv(8, 32),
    c=conv(16, 8),
)
block(
    "maxout",
    lambda n, x: x + n.c(n.b(x).view(-1, 8, 2, 8, 8).max(2)[0]),
    add((8, 16, 8), [(0, 2, 8)], 24, ["max over channels"]),
    b=conv(8, 16),
    c=conv(),
)
block(
    "max feature map",
    lambda n, x: x + n.c(torch.max(*n.b(x).chunk(2, 1))),
    add((8, 16, 8), [(0, 2, 8)], 24, ["maximum of two feature maps"]),
    b=conv(8, 16),
    c=conv(),
)

# --- concatenations ------------------------------------------------------------------------------


def shuffle_unit(n, x):
    one, two = x.chunk(2, 1)
    y = torch.cat([one, n.p2(n.d(n.p1(two)))], 1)
    return n.c(y.view(-1, 2, 4, 8, 8).transpose(1, 2).reshape(-1, 8, 8, 8))


def csp(n, x):
    y = n.c2(x)
    return n.c3(torch.cat([n.c1(x), y + n.m2(n.m1(y))], 1))


def one_shot(n, x):
    y = [x]
    for layer in (n.b, n.c, n.d):
        y.append(layer(y[-1]))
    return n.e(torch.cat(y, 1))


def harmonic(n, x):
    one = n.l1(x)
    two = n.l2(torch.cat([one, x], 1))
    three = n.l3(two)
    four = n.l4(torch.cat([three, two, x], 1))
    return n.out(torch.cat([one, three, four], 1))


def aggregation(n, x):
    one = x + n.c(n.b(x))
    two = one + n.e(n.d(one))
    return n.root(torch.cat([two, one], 1))


def dual_path(n, x):
    y = n.c(n.b(x))
    return n.d(torch.cat([x[:, :8] + y[:, :8], x[:, 8:], y[:, 8:]], 1))


def unet(n, x):
    y = n.up(n.b(F.max_pool2d(x, 2)))
    return n.c(torch.cat([x, y], 1))


def pyramid(n, x):
    return n.out(n.l3(x) + F.interpolate(n.l4(n.t(x)), scale_factor=2))


def high_resolution(n, x):
    one, two = n.c1(x), n.c2(x)
    high = one + F.interpolate(n.u(two), scale_factor=2)
    low = two + n.s(one)
    return n.h(torch.cat([high, F.interpolate(low, scale_factor=2)], 1))


def reversible(n, x):
    one, two = x.chunk(2, 1)
    one = one + n.f(two)
    two = two + n.g(one)
    return n.c(torch.cat([one, two], 1))


def coordinates(n, x):
    rows = (
        torch.linspace(-1, 1, x.shape[2], device=x.device)
        .view(1, 1, -1, 1)
        .expand(x.shape[0], 1, 8, 8)
    )
    grid = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")[1].float()[None, None]
    return x + n.c(n.b(torch.cat([x, rows, grid.to(x.device).expand(x.shape[0], -1, -1, -1)], 1)))


# 4 channels jump over the branch, whose depthwise convolution makes one layer of its neighbours
# and itself: nodes a, branch, c: 4 / 8 * 3 * (8 + 4) / 2
block(
    "ShuffleNet V2 unit",
    shuffle_unit,
    cat((8, 4, 8), [(0, 2, 4)], 9),
    p1=conv(4, 4),
    d=depthwise(4),
    p2=conv(4, 4),
    c=conv(),
)
block(
    "CSP",
    csp,
    cat((8, 4, 4, 4, 8), [(1, 3, 4)], Fraction(25, 9), [SUM_IN_CONCAT, PARALLEL]),
    c1=conv(8, 4),
    c2=conv(8, 4),
    m1=conv(4, 4),
    m2=conv(4, 4),
    c3=conv(),
)
block(
    "VoVNet",
    one_shot,
    cat((8,) * 5, [(0, 4, 8), (1, 4, 8), (2, 4, 8)], 20),
    **BC,
    d=conv(),
    e=conv(32),
)
block(
    "HarDNet",
    harmonic,
    cat((8,) * 6, [(0, 2, 8), (0, 4, 8), (2, 4, 8), (1, 5, 8), (3, 5, 8)], 24),
    l1=conv(),
    l2=conv(16),
    l3=conv(),
    l4=conv(24),
    out=conv(24),
)
block(
    "DLA node",
    aggregation,
    BASIC,
    cat((8,) * 4, [(0, 2, 8), (0, 3, 8)], Fraction(64, 3), [SUM_IN_CONCAT]),
    **BC,
    d=conv(),
    e=conv(),
    root=conv(16),
)
block(
    "DPN",
    dual_path,
    cat((12, 8, 8, 8), [(0, 2, 8), (0, 3, 4)], 14, [SUM_IN_CONCAT]),
    stem=conv(3, 12),
    b=conv(12),
    c=conv(8, 12),
    d=conv(16),
)
block(
    "U-Net",
    unet,
    cat((8, 16, 8, 8), [(0, 3, 8)], Fraction(32, 3)),
    b=conv(8, 16),
    up=nn.ConvTranspose2d(16, 8, 2, 2),
    c=conv(16),
)
block(
    "FPN",
    pyramid,
    add((8, 16, 8), [(0, 2, 8, "*")], 24),
    t=conv(8, 16, 3, stride=2),
    l3=conv(),
    l4=conv(16),
    out=conv(),
)
block(
    "HRNet",
    high_resolution,
    cat((8, 16, 8, 8), [(0, 2, 8, "*")], Fraction(32, 3), [SUM_IN_CONCAT, PARALLEL]),
    c1=conv(),
    c2=conv(8, 16, 3, stride=2),
    u=conv(16),
    s=conv(8, 16, 3, stride=2),
    h=conv(24),
)
block(
    "reversible",
    reversible,
    cat((8, 4, 4, 8), [(0, 2, 4), (1, 3, 4)], Fraction(128, 15), [SUM_IN_CONCAT]),
    f=conv(4, 4),
    g=conv(4, 4),
    c=conv(),
)
block("coordinates appended", coordinates, BASIC, b=conv(10), c=conv())
block(
    "concatenated downsampling",
    lambda n, x: n.c(torch.cat([n.b(x), F.max_pool2d(x, 2)], 1)),
    cat((8, 8, 8), [(0, 2, 8)], 24),
    b=conv(8, 8, 3, stride=2),
    c=conv(16),
)
block(
    "fire module",
    lambda n, x: n.d(torch.cat([n.b(n.s(x)), n.c(n.s(x))], 1)),
    cat((8, 4, 8, 4), [], 0, [PARALLEL]),
    s=conv(8, 4),
    b=conv(4),
    c=conv(4),
    d=conv(16, 4),
)
block(
    "YOLO focus",
    lambda n, x: (
        n.c(n.b(torch.cat([x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)], 1)))
        + F.max_pool2d(x, 2)
    ),
    BASIC,
    b=conv(32),
    c=conv(),
)


class SuperResolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = conv(3, 8), conv(8, 12), conv(3, 3)

    def forward(self, x):
        y = self.c(F.pixel_shuffle(self.b(self.a(x).relu()), 2))
        return y + F.interpolate(x, scale_factor=2, mode="bicubic")


known("super-resolution", SuperResolution, add((3, 8, 12, 3), [(0, 3, 3)], Fraction(69, 14)))


# --- recurrent layers, tokens as input, what is written by values ---------------------------------


class Own(Net):
    """The same without a stem."""

    def __init__(self, forward, **parts):
        super().__init__(forward, stem=nn.Identity(), **parts)


def last_state(n, x):
    _, (hidden, _) = n.r(x.mean(2).transpose(1, 2))
    return n.f(torch.cat([hidden[-2], hidden[-1]], 1))


def capped(n, x):
    y = n.c(n.b(x))
    y = y.masked_fill(y < 0, 0.0)
    y[y > 6] = 6.0
    return x + y


def into_a_buffer(n, x):
    out = torch.empty_like(x)
    torch.add(x, n.c(n.b(x)), out=out)
    return out


# a recurrent layer is one layer: a, r (8), sum: nothing can reach over one layer
RECURRENT = {"r": nn.LSTM(8, 8, 2, batch_first=True), "f": nn.Linear(8, 5)}
block(
    "LSTM with a skip",
    lambda n, x: let(tokens(x), lambda t: n.f(t + n.r(t)[0])),
    add((8, 8), [], 0),
    **RECURRENT,
    macs=False,
)
# two of them are two: 8 / 8 * (8 + 8)
block(
    "two recurrent layers with a skip",
    lambda n, x: let(tokens(x), lambda t: t + n.q(n.r(t)[0])[0]),
    BASIC,
    r=nn.GRU(8, 8, batch_first=True),
    q=nn.RNN(8, 8, batch_first=True),
    macs=False,
)
block(
    "last states",
    last_state,
    r=nn.LSTM(8, 4, 2, bidirectional=True, batch_first=True),
    f=nn.Linear(8, 5),
    macs=False,
)
block("capped by values", capped, BASIC, **BC)
block("written to a buffer", into_a_buffer, BASIC, **BC, macs=False)
block(
    "expanded gate", lambda n, x: x + n.c(n.b(x) * n.k(x).expand_as(x)), BASIC, **BC, k=conv(8, 1)
)
block(
    "expanded bias",
    lambda n, x: x + n.c(n.b(x) + n.k(x).mean((2, 3), True).expand_as(x)),
    BASIC,
    **BC,
    k=conv(),
)
known(
    "tokens",
    lambda: Own(lambda n, x: x + n.m(x), m=mlp(6, 8)),
    add((6, 8, 6), [(0, 2, 6)], 14),
    shape=(9, 6),
)
known(
    "encoder of tokens",
    lambda: nn.TransformerEncoderLayer(6, 2, 16, batch_first=True),
    add((6, 18, 6), [(0, 2, 6)], 24, ATTENTION),
    add((6, 16, 6), [(0, 2, 6)], 22),
    shape=(9, 6),
)
known(
    "causal convolutions",
    lambda: Net(
        lambda n, x: x + n.c(F.pad(n.b(F.pad(x, (2, 0))), (4, 0))),
        stem=nn.Conv1d(3, 8, 1),
        b=nn.Conv1d(8, 8, 3),
        c=nn.Conv1d(8, 8, 3, dilation=2),
    ),
    BASIC,
    shape=(3, 16),
)
known(
    "volumes",
    lambda: Net(
        lambda n, x: x + n.c(n.b(x)),
        stem=nn.Conv3d(3, 8, 1),
        b=nn.Conv3d(8, 8, 3, padding=1),
        c=nn.Conv3d(8, 8, 1),
    ),
    BASIC,
    shape=(3, 4, 6, 6),
)
known(
    "one channel",
    lambda: Own(lambda n, x: n.d(x + n.c(n.b(x))), b=conv(1, 8), c=conv(8, 1), d=conv(1, 8)),
    add((1, 8, 1), [(0, 2, 1)], 9),
    shape=(1, 8, 8),
)
known(
    "plain linear layers",
    lambda: Own(
        lambda n, x: n.c(torch.cat([x, n.b(n.a2(x))], 1)),
        a2=nn.Linear(6, 8),
        b=nn.Linear(8, 8),
        c=nn.Linear(14, 8),
    ),
    cat((6, 8, 8, 8), [(0, 3, 6)], Fraction(44, 5)),
    shape=(6,),
)


# --- the tests -----------------------------------------------------------------------------------


def described(cell):
    links = [(link.source, link.target, link.channels, link.has_layer) for link in cell.link_list]
    shown = tuple((*link, "*") if has_layer else tuple(link) for *link, has_layer in links)
    mass = math.nan if cell.unread else cell.exact_mass
    return Cell(cell.kind, cell.widths, shown, mass, cell.flags)


def half_of_torch(model, shape):
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model.eval()(torch.randn(1, *shape))
    return counter.get_total_flops() / 2


@pytest.mark.filterwarnings("ignore:.*(deprecated|quantization|requires_grad).*")
@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_that_of_the_rule(name):
    make, shape, cells, is_seen_by_torch = CASES[name]
    model = make()
    got = trace(model, shape)
    assert tuple(map(described, got.cells)) == cells
    assert got.mass == pytest.approx(float(sum(cell.mass for cell in cells)), rel=1e-12, abs=0)
    assert not any("not followed" in note for note in got.notes)
    if is_seen_by_torch:
        assert got.macs == half_of_torch(model, shape)


def test_a_recurrent_layer_counts_its_weights_once_a_step():
    """Two layers, two directions, 8 steps: 4 gates of 4 from 8 inputs and 4 states."""
    count = trace(CASES["last states"][0](), SHAPE).count
    assert count.by_module["r"] == 8 * 2 * 2 * 4 * 4 * (8 + 4)
    assert count.uncounted == {}
