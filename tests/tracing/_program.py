"""Random networks: a program, the module that runs it, and its graph, written down together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Value:
    """What a register holds: where each channel comes from, and the side of the maps.

    A channel is (node, channel), or ``None`` for zeros; ``side`` is ``None`` for features.
    """

    channels: tuple
    side: int | None

    @property
    def width(self):
        return len(self.channels)


class Draft:
    """Writes a program one instruction at a time, with its graph and its cost."""

    def __init__(self, rng, graph, node_class, *, ndim, channels, side):
        self.rng, self.graph, self.node_class, self.ndim = rng, graph, node_class, ndim
        self.code, self.values, self.used = [], [], set()
        self.params = self.macs = 0
        self.shape = (channels,) if side is None else (channels,) + (side,) * ndim
        graph.add(node_class("input", channels, side))
        self.values.append(Value(tuple((0, c) for c in range(channels)), side))

    def emit(self, op, sources, value, **options):
        self.code.append((op, tuple(sources), options))
        self.values.append(value)
        self.used.update(sources)
        return len(self.values) - 1

    def width(self, reg):
        return self.values[reg].width

    def layer(self, source, outputs, *, kernel=3, stride=1, groups=1, norm=True, act="relu"):
        """Convolution or linear layer with norm and activation behind it."""
        value, rng = self.values[source], self.rng
        inputs, side, bias = value.width, value.side, rng.random() < 0.4
        if side is not None:
            side = (side - 1) // stride + 1
        if value.side is None:
            kernel = groups = stride = 1
        positions = 1 if side is None else side**self.ndim
        area = 1 if side is None else kernel**self.ndim
        self.params += outputs * (inputs // groups) * area + outputs * bias + 2 * outputs * norm
        self.macs += outputs * (inputs // groups) * area * positions
        is_module = rng.random() < 0.7
        name = f"steps.{len(self.code)}" + (".0" if is_module else "")
        is_depthwise = groups == inputs == outputs > 1
        node = self.graph.add(
            self.node_class("layer", outputs, side, is_depthwise, name if is_module else ""),
            value.channels,
        )
        return self.emit(
            "layer",
            [source],
            Value(tuple((node, c) for c in range(outputs)), side),
            inputs=inputs,
            outputs=outputs,
            kernel=None if side is None else kernel,
            stride=stride,
            groups=groups,
            bias=bias,
            norm=norm,
            act=act,
            is_module=is_module,
        )

    def unit(self, source, outputs, **options):
        """A layer with random trimmings."""
        rng = self.rng
        options.setdefault("kernel", rng.choice([1, 3]))
        norm, act = rng.random() < 0.6, rng.choice(["relu", "relu_", "none", "gelu"])
        return self.layer(source, outputs, norm=norm, act=act, **options)

    def cat(self, sources):
        if len(sources) == 1:
            return sources[0]
        channels = sum((self.values[s].channels for s in sources), ())
        return self.emit("cat", sources, Value(channels, self.values[sources[0]].side))

    def select(self, source, count):
        """Some of the channels, in one of several manners."""
        value, rng = self.values[source], self.rng
        if count == value.width:
            return source
        how = rng.choice(["index_select", "tensor", "slice", "narrow", "split"])
        if how in ("index_select", "tensor"):
            index = rng.sample(range(value.width), count)
        else:
            first = rng.randrange(value.width - count + 1)
            index = list(range(first, first + count))
        if how == "split" and index[0]:
            how = "slice"
        picked = Value(tuple(value.channels[i] for i in index), value.side)
        return self.emit("select", [source], picked, index=index, how=how)

    def half(self, source, which):
        value = self.values[source]
        size = -(-value.width // 2)
        part = value.channels[:size] if which == 0 else value.channels[size:]
        return self.emit("half", [source], Value(part, value.side), which=which)

    def add(self, a, b):
        one, two = self.values[a], self.values[b]
        how = self.rng.choice(["+", "add", "+=", "swapped"])
        is_fresh = self.code and self.code[a - 1][0] == "layer" and a not in self.used
        if how == "+=" and not (a and is_fresh):
            how = "+"
        if one.channels == two.channels:
            return self.emit("add", [a, b], one, how=how)
        node = self.graph.add(
            self.node_class("join", one.width, one.side), one.channels + two.channels
        )
        joined = Value(tuple((node, c) for c in range(one.width)), one.side)
        if how == "+=":
            self.values[a] = joined  # whoever reads the register from now on reads the sum
        return self.emit("add", [a, b], joined, how=how)

    def pad(self, source, outputs):
        value, extra = self.values[source], outputs - self.width(source)
        before = self.rng.choice([0, extra // 2, extra])
        how = "cat" if self.rng.random() < 0.3 else "pad"
        channels = (None,) * before + value.channels + (None,) * (extra - before)
        return self.emit(
            "pad",
            [source],
            Value(channels, value.side),
            before=before,
            after=extra - before,
            how=how,
        )

    def gate(self, source):
        """Squeeze and excite, or a map of one channel over space."""
        value, rng = self.values[source], self.rng
        if value.side in (None, 1):
            return source
        w = value.width
        how = rng.choice(["linear", "conv", "space"] if w > 1 else ["linear", "conv"])
        inner = max(1, w // 2)
        self.params += w + 1 if how == "space" else 2 * w * inner + w + inner
        self.macs += w * value.side**self.ndim if how == "space" else 2 * w * inner
        return self.emit("gate", [source], value, width=w, inner=inner, how=how)

    def noise(self, source):
        """Something through which channels pass."""
        value, rng = self.values[source], self.rng
        ops = ["relu", "relu_", "norm", "dropout", "identity", "scale", "shift", "times", "clone"]
        op = rng.choice([*ops, "double"])
        if op == "double":
            return self.add(source, self.emit("relu", [source], value))
        if op == "norm":
            self.params += 2 * value.width
        if op in ("scale", "shift"):
            self.params += value.width
        return self.emit(op, [source], value, width=value.width)

    def pool(self, source):
        value = self.values[source]
        if value.side is None or value.side < 4:
            return source
        how = self.rng.choice(["max", "avg", "max-module", "strided"])
        return self.emit("pool", [source], Value(value.channels, value.side // 2), how=how)

    def flatten(self, source):
        """Feature maps to features: each pixel its own, or the mean."""
        value = self.values[source]
        if value.side is None:
            return source
        how = self.rng.choice(["flatten", "mean", "adaptive", "reshape"])
        channels = value.channels
        if how in ("flatten", "reshape"):
            times = value.side**self.ndim
            channels = tuple(c for c in channels for _ in range(times))
        return self.emit("flatten", [source], Value(channels, None), how=how)

    def has_layer(self, reg):
        """Whether a layer stands on some way to this register."""
        todo = {channel[0] for channel in self.values[reg].channels if channel}
        while todo:
            node = todo.pop()
            if self.graph.is_layer(node):
                return True
            todo |= set(self.graph.reads(node))
        return False

    def output(self, reg):
        self.graph.read(-1, self.values[reg].channels)
        self.result = reg


# --- blocks: each takes a register and gives one back -----------------------------------------


def plain(d, x):
    for _ in range(d.rng.randint(1, 2)):
        x = d.unit(x, d.rng.randint(2, 6))
    return d.pool(x) if d.rng.random() < 0.3 else x


def _grouped(d, x):
    """A convolution in groups, depthwise half of the time."""
    w = d.width(x)
    if d.values[x].side is None:
        return d.unit(x, w)
    groups = w if d.rng.random() < 0.6 else d.rng.choice([g for g in range(1, w + 1) if not w % g])
    outputs = w if d.rng.random() < 0.8 else groups * 2
    return d.unit(x, outputs, groups=groups, kernel=3)


def residual(d, x):
    rng, w = d.rng, d.width(x)
    outputs = w if rng.random() < 0.6 else w + rng.randint(1, 3)
    branch = x
    for _ in range(rng.randint(0, 2)):
        branch = d.unit(branch, rng.randint(2, 8)) if rng.random() < 0.6 else _grouped(d, branch)
    branch = d.unit(branch, outputs)
    if rng.random() < 0.3:
        branch = d.gate(branch)
    way = d.noise(x) if rng.random() < 0.3 else x
    if outputs != w:
        way = d.unit(way, outputs, kernel=1) if rng.random() < 0.5 else d.pad(way, outputs)
    elif rng.random() < 0.2:
        way = d.unit(way, outputs, kernel=1)
    out = d.add(branch, way)
    return d.noise(out) if rng.random() < 0.5 else out


def inverted(d, x):
    """An inverted residual, with and without its expansion."""
    w = d.width(x)
    if d.values[x].side is None or w < 2:
        return residual(d, x)
    z = d.unit(x, 2 * w, kernel=1) if d.rng.random() < 0.5 else x
    z = d.unit(z, d.width(z), groups=d.width(z), kernel=3)
    return d.add(d.unit(z, w, kernel=1), x)


def dense(d, x):
    """Each layer reads the last one and some channels of the earlier ones."""
    rng, w = d.rng, d.rng.randint(2, 4)
    is_depthwise = rng.random() < 0.3 and d.values[x].side is not None
    outs, z = [], x
    for i in range(rng.randint(3, 5)):
        if i >= 2:
            earlier = [o for o in outs[:-1] if rng.random() < 0.6]
            z = d.cat([z, *(d.select(o, rng.randint(1, d.width(o))) for o in earlier)])
        z = d.unit(z, w if rng.random() < 0.8 else w + 1)
        if is_depthwise:
            z = d.unit(z, d.width(z), groups=d.width(z))
            z = d.unit(z, w, kernel=1) if rng.random() < 0.7 else z
        outs.append(z)
    return z


def branches(d, x):
    """Parallel ways, appended or added."""
    rng, ends = d.rng, []
    for _ in range(rng.randint(2, 3)):
        z = x
        for _ in range(rng.randint(0, 2)):
            z = d.unit(z, rng.randint(2, 4))
        ends.append(z)
    z = d.cat(ends)
    return d.unit(z, rng.randint(2, 5)) if rng.random() < 0.7 else z


def split(d, x):
    """Halves: one goes on, one waits."""
    if d.width(x) < 2:
        return plain(d, x)
    one, two = d.half(x, 0), d.half(x, 1)
    for _ in range(d.rng.randint(1, 2)):
        one = d.unit(one, d.rng.randint(2, 3))
    ends = [one, two]
    d.rng.shuffle(ends)
    z = d.cat(ends)
    return d.unit(z, d.rng.randint(2, 5)) if d.rng.random() < 0.7 else z


def free(d, x):
    """Anything that fits, several times."""
    rng, pool = d.rng, [x]
    for _ in range(rng.randint(3, 7)):
        z = rng.choice(pool[-3:])
        kind = rng.choice(["layer", "layer", "join", "cat", "noise", "select", "gate"])
        if kind == "layer":
            z = d.unit(z, rng.choice([3, 3, 4]))
        elif kind == "join":
            other = rng.choice(pool)
            if d.width(other) > d.width(z):
                z, other = other, z
            if d.width(other) < d.width(z):
                other = d.pad(other, d.width(z))
            z = d.add(z, other)
        elif kind == "cat":
            some = rng.sample(pool, min(len(pool), 2))
            z = d.unit(d.cat([d.select(s, rng.randint(1, d.width(s))) for s in some]), 3)
        elif kind == "select":
            z = d.select(z, rng.randint(1, d.width(z)))
        else:
            z = d.gate(z) if kind == "gate" else d.noise(z)
        pool.append(z)
    z = d.cat(rng.sample(pool, min(len(pool), 2)))
    return d.unit(z, rng.randint(2, 4)) if rng.random() < 0.7 else z


BLOCKS = (plain, residual, residual, inverted, dense, dense, branches, split, free, free)


def write(rng, graph, node_class, n_blocks):
    """A random program of ``n_blocks`` blocks."""
    is_mlp = rng.random() < 0.25
    d = Draft(
        rng,
        graph,
        node_class,
        ndim=rng.choice([2, 2, 2, 1]),
        channels=rng.randint(1, 4),
        side=None if is_mlp else rng.choice([4, 5, 8]),
    )
    x = 0 if rng.random() < 0.3 else d.unit(0, rng.randint(2, 6))
    for _ in range(n_blocks):
        x = rng.choice(BLOCKS)(d, x)
        x = d.pool(x) if rng.random() < 0.2 else x
        if rng.random() < 0.15 and d.values[x].side not in (None, 1):
            x = d.unit(x, rng.randint(2, 5), kernel=3, stride=2)
    if rng.random() < 0.7:
        x = d.flatten(x)
        for _ in range(rng.randint(0, 2)):
            x = dense(d, x) if rng.random() < 0.3 else d.unit(x, rng.randint(2, 5))
    d.output(x if d.has_layer(x) else d.unit(x, rng.randint(2, 5)))
    return d


# --- the module --------------------------------------------------------------------------------

ACTS = {"relu": nn.ReLU, "relu_": lambda: nn.ReLU(inplace=True), "gelu": nn.GELU}


class Weight(nn.Module):
    """A layer called through ``torch.nn.functional``."""

    def __init__(self, ndim, o):
        super().__init__()
        self.o, self.ndim = o, ndim
        area = () if o["kernel"] is None else (o["kernel"],) * ndim
        self.weight = nn.Parameter(torch.randn(o["outputs"], o["inputs"] // o["groups"], *area))
        self.bias = nn.Parameter(torch.randn(o["outputs"])) if o["bias"] else None

    def forward(self, x):
        o = self.o
        if o["kernel"] is None:
            return F.linear(x, self.weight, self.bias)
        conv = getattr(F, f"conv{self.ndim}d")
        return conv(x, self.weight, self.bias, o["stride"], o["kernel"] // 2, 1, o["groups"])


def _layer(ndim, o, is_flat):
    if not o["is_module"]:
        first = Weight(ndim, o)
    elif is_flat:
        first = nn.Linear(o["inputs"], o["outputs"], o["bias"])
    else:
        conv = getattr(nn, f"Conv{ndim}d")
        first = conv(
            o["inputs"],
            o["outputs"],
            o["kernel"],
            o["stride"],
            o["kernel"] // 2,
            groups=o["groups"],
            bias=o["bias"],
        )
    parts = [first]
    if o["norm"]:
        parts.append(nn.BatchNorm1d(o["outputs"]) if is_flat else _norm(ndim, o["outputs"]))
    if o["act"] in ACTS:
        parts.append(ACTS[o["act"]]())
    return nn.Sequential(*parts)


def _norm(ndim, width):
    return getattr(nn, f"BatchNorm{ndim}d")(width)


class Gate(nn.Module):
    """A factor from the map itself, broadcast over it."""

    def __init__(self, ndim, o):
        super().__init__()
        self.how, self.ndim = o["how"], ndim
        conv = getattr(nn, f"Conv{ndim}d")
        if self.how == "space":
            self.one = conv(o["width"], 1, 1)
        elif self.how == "conv":
            self.one, self.two = conv(o["width"], o["inner"], 1), conv(o["inner"], o["width"], 1)
        else:
            self.one, self.two = (
                nn.Linear(o["width"], o["inner"]),
                nn.Linear(o["inner"], o["width"]),
            )

    def forward(self, x):
        space = tuple(range(2, 2 + self.ndim))
        if self.how == "space":
            return x * torch.sigmoid(self.one(x))
        if self.how == "conv":
            mean = x.mean(space, keepdim=True)
            return x * self.two(F.relu(self.one(mean))).sigmoid()
        factor = torch.sigmoid(self.two(F.relu(self.one(x.mean(space)))))
        return x * factor.reshape(*factor.shape, *(1,) * self.ndim)


class Vector(nn.Module):
    """One number for each channel, multiplied or added."""

    def __init__(self, op, shape):
        super().__init__()
        self.op = op
        self.vector = nn.Parameter(torch.ones(shape))

    def forward(self, x):
        return x * self.vector if self.op == "scale" else x + self.vector


class Index(nn.Module):
    """Some channels, their numbers in a buffer."""

    def __init__(self, index):
        super().__init__()
        self.register_buffer("index", torch.tensor(index))

    def forward(self, x):
        return x.index_select(1, self.index)


class ProgramNet(nn.Module):
    """Runs a program, one instruction after the other."""

    def __init__(self, draft):
        super().__init__()
        self.code, self.ndim, self.result = draft.code, draft.ndim, draft.result
        self.steps = nn.ModuleList(
            self.part(op, o, draft.values[i + 1].side is None)
            for i, (op, _, o) in enumerate(draft.code)
        )

    def part(self, op, o, is_flat):
        ndim = self.ndim
        if op == "layer":
            return _layer(ndim, o, is_flat)
        if op == "norm":
            return nn.BatchNorm1d(o["width"]) if is_flat else _norm(ndim, o["width"])
        if op == "gate":
            return Gate(ndim, o)
        if op == "select" and o["how"] == "index_select":
            return Index(o["index"])
        if op in ("scale", "shift"):
            return Vector(op, (o["width"],) + (() if is_flat else (1,) * ndim))
        if op == "dropout":
            return nn.Dropout(0.5)
        if op == "pool" and o["how"] == "max-module":
            return getattr(nn, f"MaxPool{ndim}d")(2)
        if op == "flatten" and o["how"] == "adaptive":
            pool = getattr(nn, f"AdaptiveAvgPool{ndim}d")(1)
            return nn.Sequential(pool, nn.Flatten())
        return nn.Identity()

    def forward(self, x):
        regs = [x]
        for (op, sources, o), step in zip(self.code, self.steps, strict=True):
            regs.append(self.run(op, [regs[s] for s in sources], o, step))
        return regs[self.result]

    def run(self, op, xs, o, step):
        x = xs[0]
        if op == "relu":
            return torch.relu(x)
        if op == "relu_":
            return F.relu(x.clone(), inplace=True)
        if op == "clone":
            return x.clone()
        if op == "times":
            return 0.5 * x
        if op == "cat":
            return torch.cat(xs, 1)
        if op == "half":
            return x.chunk(2, 1)[o["which"]]
        if op == "add":
            return self.added(*xs, o["how"])
        if op == "select":
            return self.selected(x, o, step)
        if op == "pad":
            return self.padded(x, o)
        if op == "pool":
            return self.pooled(x, o["how"], step)
        if op == "flatten":
            return self.flat(x, o["how"], step)
        return step(x)

    def added(self, a, b, how):
        if how == "+=":
            a += b
            return a
        return {"+": lambda: a + b, "add": lambda: torch.add(a, b), "swapped": lambda: b + a}[how]()

    def selected(self, x, o, step):
        index, how = o["index"], o["how"]
        if how == "index_select":
            return step(x)
        if how == "tensor":
            return x[:, torch.tensor(index)]
        if how == "narrow":
            return x.narrow(1, index[0], len(index))
        if how == "split":
            return torch.split(x, [len(index), x.shape[1] - len(index)], 1)[0]
        return x[:, index[0] : index[0] + len(index)]

    def padded(self, x, o):
        if o["how"] == "pad":
            return F.pad(x, (0, 0) * (x.ndim - 2) + (o["before"], o["after"]))
        zeros = [
            torch.zeros(len(x), n, *x.shape[2:], device=x.device) for n in (o["before"], o["after"])
        ]
        return torch.cat([zeros[0], x, zeros[1]], 1)

    def pooled(self, x, how, step):
        if how == "max-module":
            return step(x)
        if how == "strided":
            even = x.shape[2] // 2 * 2
            return x[(slice(None),) * 2 + (slice(0, even, 2),) * self.ndim]
        return getattr(F, f"{how}_pool{self.ndim}d")(x, 2)

    def flat(self, x, how, step):
        if how == "adaptive":
            return step(x)
        if how == "mean":
            return x.mean(tuple(range(2, x.ndim)))
        return x.flatten(1) if how == "flatten" else x.reshape(x.shape[0], -1)
