"""Peak activation memory: the closed form against a count of references over what really runs."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

import nnmass
from nnmass.nets._link_plan import Links
from nnmass.specs import DenseCNN
from nnmass.specs._dense_memory import kept_channels, most_kept_channels
from nnmass.topology import Cell

WRITES = {
    "convolution",
    "addmm",
    "mean",
    "avg_pool2d",
    "max_pool2d_with_indices",
    "_adaptive_avg_pool2d",
}
PASSES = {
    "_native_batch_norm_legit_no_training",
    "native_batch_norm",
    "cudnn_batch_norm",
    "relu",
    "relu_",
    "hardtanh",
    "elu",
    "tanh",
    "view",
    "_unsafe_view",
    "slice",
    "constant_pad_nd",
    "clone",
    "t",
    "add",
    "alias",
    "detach",
}


class References(TorchDispatchMode):
    """Follows channels: which layer wrote each, and which reads it last.

    Channels that are passed on, selected or concatenated stay what they were; a norm, an
    activation or an addition works in place.
    """

    def __init__(self, image):
        super().__init__()
        self.channels, self.kept = {}, [image]
        self.size, self.written, self.read = [], [], []
        self.now = -1
        self.write(image)

    def write(self, tensor):
        self.now += 1
        count = tensor.shape[1]
        labels = range(len(self.size), len(self.size) + count)
        self.size += [math.prod(tensor.shape[2:])] * count
        self.written += [self.now] * count
        self.read += [self.now] * count
        self.channels[id(tensor)] = list(labels)

    def see(self, tensor):
        for channel in self.channels[id(tensor)]:
            self.read[channel] = self.now + 1

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        first = out[0] if isinstance(out, tuple | list) else out
        self.kept += [out, *args]
        flat = [a for arg in args for a in (arg if isinstance(arg, list | tuple) else [arg])]
        known = [a for a in flat if id(a) in self.channels and isinstance(a, torch.Tensor)]
        if not known:
            return out
        if name in WRITES:
            for tensor in known:
                self.see(tensor)
            self.write(first)
        elif name == "cat":
            self.channels[id(out)] = [c for t in known for c in self.channels[id(t)]]
        elif name == "index_select":
            mine = self.channels[id(args[0])]
            self.channels[id(out)] = [mine[i] for i in args[2].tolist()]
        elif name in ("split_with_sizes", "split"):
            mine = iter(self.channels[id(args[0])])
            for piece in out:
                self.channels[id(piece)] = list(itertools.islice(mine, piece.shape[1]))
        elif name in PASSES:
            if name == "add":  # into the first; the other must be there until now
                for channel in self.channels[id(args[1])]:
                    self.read[channel] = self.now
                for other, mine in itertools.product(known[1:], [known[0]]):
                    assert other.shape == mine.shape
            self.channels[id(first)] = list(self.channels[id(known[0])])
        else:
            raise AssertionError(f"the count does not know {name}")
        return out

    @property
    def peak(self):
        alive = np.zeros(self.now + 2, dtype=int)
        for size, written, read in zip(self.size, self.written, self.read, strict=True):
            alive[written] += size
            alive[read + 1] -= size
        return 4 * int(np.cumsum(alive).max())


def counted_peak(net):
    net.eval()
    image = torch.zeros(1, *net.spec.input_shape)
    with torch.no_grad(), References(image) as references:
        net(image)
    return references.peak


PLAIN = [
    "resnet(depth=18,image=64,classes=7)",
    "resnet(depth=18,image=33,stem=cifar,wm=0.25)",
    "resnet(depth=20,image=16)",
    "resnet(depth=20,image=15,wm=0.5,shortcut=projection)",
    "resnet(depth=50,image=64,wm=0.25)",
    "resnet(depth=50,image=9,wm=0.25,stem=cifar,shortcut=pad)",
    "wide-resnet(depth=16,widen=2,image=17)",
    "wide-resnet(depth=10,widen=1)",
    "resnext(depth=50,groups=2,width=4,image=32)",
    "resnet(block=basic,blocks=1/3/1/2,image=33,wm=0.25)",
    "resnet(block=bottleneck,blocks=2/1/1/3,image=32,wm=0.25,stem=cifar)",
    "resnet(block=bottleneck,blocks=1/1/1,image=17)",
    "resnet(block=bottleneck,blocks=1/3/2,image=16,shortcut=projection)",
    "wide-resnet(widen=2,blocks=1/3/2,image=17)",
    "wide-resnet(widen=3,blocks=1/1/2/1,image=33)",
    "resnext(blocks=1/2/1/1,groups=2,width=4,image=32)",
    "mobilenet-v2(wm=0.35,image=64)",
    "mobilenet-v2(rows=1:16:2:2/6:24:2:1,stem=cifar,image=21)",
    "mobilenet-v2(rows=1:8:1:1,stem=mnist,image=9,wm=2)",
    "vgg(depth=11,image=37,stem=cifar)",
    "vgg(depth=11,image=32,bn=true)",
    "densenet(blocks=2/3/2/2,image=67)",
    "densenet(depth=40,bottleneck=0,growth=4)",
    "densenet(depth=40,growth=4,image=19,compression=0.7)",
    "densenet(blocks=1,growth=4,stem=cifar,image=5)",
]


@pytest.mark.parametrize("text", PLAIN)
def test_families_without_drawn_links(text):
    net = nnmass.build(text)
    assert net.spec.peak_activation_bytes == counted_peak(net)


DENSE = [
    ("dense-cnn", "image=8,in=1,wm=1,d=6"),
    ("dense-cnn-dw", "image=9,in=3,wm=1,d=5"),
    ("dense-cnn-dw", "image=32,in=3,wm=1,d=3"),
]


@pytest.mark.parametrize(("family", "rest"), DENSE)
@pytest.mark.parametrize("caps", ["0/0", "9999/9999", "0/9999"])
def test_dense_cells_without_choice_are_exact(family, rest, caps):
    net = nnmass.build(f"{family}({rest},t={caps})")
    assert net.spec.peak_activation_bytes == counted_peak(net)


@pytest.mark.parametrize("text", ["dense-mlp(w=6,d=7,t=0,in=5)", "dense-mlp(w=6,d=7,t=99,in=5)"])
@pytest.mark.parametrize("more", ["", ",wiring=legacy", ",act=relu", ",classes=90", ",in=400"])
def test_dense_mlp_is_exact_without_choice(text, more):
    more = more if ",in=" not in more else ""
    text = text.removesuffix(")") + more + ")"
    net = nnmass.build(text)
    assert net.spec.peak_activation_bytes == counted_peak(net)


@pytest.mark.parametrize("family", ["dense-cnn", "dense-cnn-dw"])
@pytest.mark.parametrize("caps", ["3/5", "16/20", "30/2", "64/70"])
def test_no_draw_needs_more(family, caps):
    spec = nnmass.parse(f"{family}(image=8,in=1,wm=1,d=6,t={caps})")
    found = [counted_peak(nnmass.build(spec, seed=seed)) for seed in range(3)]
    assert max(found) <= spec.peak_activation_bytes


def worst_wiring(cell, moment):
    """Links so that at ``moment`` as many earlier channels as possible are still to be read."""
    candidates, taken = cell.width * (moment - 1), 0
    layers = []
    for layer in range(cell.depth):
        count, limit = cell.links_into(layer), cell.width * max(layer - 1, 0)
        if layer < moment:
            layers.append(np.arange(count))
            continue
        fresh = [(taken + k) % candidates for k in range(min(count, candidates))]
        taken += len(fresh)
        others = [c for c in range(limit) if c not in set(fresh)]
        layers.append(np.sort(np.array([*fresh, *others[: count - len(fresh)]])))
    return tuple(layer.astype(np.int64) for layer in layers)


@pytest.mark.parametrize("family", ["dense-cnn", "dense-cnn-dw", "dense-mlp"])
@pytest.mark.parametrize("cap", [1, 3, 7, 20, 33, 47])
def test_some_links_need_as_much(family, cap):
    """Of all moments the worst one, with links made for it, needs what the closed form says."""
    text = f"(image=8,in=1,wm=1,d=7,t={cap})" if "cnn" in family else f"(w=9,d=7,t={cap},in=2)"
    net = nnmass.build(family + text)
    cell = net.spec.cells[0]
    (links,) = [m for m in net.modules() if isinstance(m, Links)]
    peaks = []
    for moment in range(2, cell.depth):
        links.rewire(worst_wiring(cell, moment))
        peaks.append(counted_peak(net))
    assert max(peaks) == net.spec.peak_activation_bytes


@given(st.integers(1, 40), st.integers(3, 30), st.integers(0, 200))
def test_the_most_kept_is_that_of_some_layer(width, depth, cap):
    cell = Cell(width, depth, cap)
    each = [kept_channels(cell, layer) for layer in range(1, depth)]
    assert most_kept_channels(width, depth, cap) == max(each)
    last = most_kept_channels(width, depth, cap, last=max(1, depth - 2))
    assert last == max(each[: max(1, depth - 2)])


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(3, 12), st.booleans(), st.integers(8, 40))
def test_arrays_of_link_caps_agree_and_never_fall(wm, depth, is_separable, image):
    family = "dense-cnn-dw" if is_separable else "dense-cnn"
    spec = nnmass.parse(f"{family}(wm={wm},d={depth},t=5/6,image={image})")
    for plan in spec.plans:
        caps = np.arange(plan.cell.width * (depth - 2) + 5)
        found = plan.alive(caps)
        assert found.tolist() == [plan.alive(int(cap)) for cap in caps]
        assert (np.diff(found) >= 0).all()


def test_by_hand():
    # cell of 16 channels, 8x8, 4 layers: layer 2 reads layer 1 (16) and 5 of layer 0, of which
    # layer 3 may read 5 others: 10 + 16 + 16 channels; more than the image and layer 0 (1 + 16).
    assert DenseCNN(
        width_multiplier=1, depths=(4,), link_caps=(5,), in_channels=1, image=8
    ).peak_activation_bytes == 4 * 64 * (10 + 16 + 16)
    # MobileNetV2: 96 channels of 112x112 go into the stride, 96 of 56x56 come out.
    assert nnmass.parse("mobilenet-v2").peak_activation_bytes == 4 * 96 * (112**2 + 56**2)
