"""The layers of a spec: their costs, and what the built network really runs."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

import nnmass
from nnmass.errors import SpecError
from nnmass.probes._layer_run import layer_call
from nnmass.specs import Cost, Layer, LayerKind, layers_of

NETWORKS = [
    "dense-cnn(wm=1,d=5,t=7/20,image=9)",
    "dense-cnn(wm=1,d=4,t=0/0,image=8,in=1)",
    "dense-cnn-dw(wm=1,d=5,t=7/20,image=9)",
    "resnet(depth=20,image=16)",
    "resnet(depth=18,image=33,wm=0.25)",
    "resnet(depth=50,image=32,wm=0.25,classes=7)",
    "wide-resnet(depth=16,widen=2,image=17)",
    "resnext(depth=50,groups=2,width=4,image=32)",
    "resnet(block=basic,blocks=1/3/1/2,image=33,wm=0.25)",
    "resnet(block=bottleneck,blocks=2/1/1/3,image=32,wm=0.25)",
    "resnet(block=bottleneck,blocks=1/3/2,image=17)",
    "wide-resnet(widen=2,blocks=1/3/2,image=17)",
    "wide-resnet(widen=3,blocks=1/1/2/1,image=33)",
    "resnext(blocks=1/2/1/1,groups=2,width=4,image=32)",
    "mobilenet-v2(wm=0.35,image=64)",
    "mobilenet-v2(rows=1:16:2:2/6:24:2:1,stem=cifar,image=21)",
    "vgg(depth=11,bn=true,image=37,stem=cifar)",
    "vgg(depth=11,image=32)",
    "densenet(blocks=2/3/2/2,image=67)",
    "densenet(depth=40,bottleneck=0,growth=4,compression=0.7)",
]
ALIKE = {
    "relu_": "relu",
    "_native_batch_norm_legit_no_training": "norm",
    "native_batch_norm": "norm",
}
WATCHED = {
    "relu",
    "hardtanh",
    "norm",
    "index_select",
    "cat",
    "add",
    "mean",
    "avg_pool2d",
    "max_pool2d_with_indices",
    "_adaptive_avg_pool2d",
    "constant_pad_nd",
}


class Watch(TorchDispatchMode):
    """Counts what is run: convolutions and linear maps with shapes, the others by name."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        name = ALIKE.get(name, name)
        if name == "convolution":
            x, weight, _, stride, padding, *_, groups = args
            shapes = (tuple(x.shape), tuple(weight.shape))
            self.found[name, *shapes, tuple(stride), tuple(padding), groups] += 1
        elif name == "addmm":
            self.found[name, tuple(args[1].shape), tuple(args[2].shape)] += 1
        elif name in WATCHED:
            shape = tuple(args[0].shape) if name in ("relu", "norm", "hardtanh", "add") else ()
            self.found[name, shape] += 1
        return func(*args, **(kwargs or {}))


def runs_of(calls):
    with torch.no_grad(), Watch() as watch:
        for call in calls:
            call()
    return watch.found


@pytest.mark.parametrize("text", NETWORKS)
def test_single_layers_run_what_the_network_runs(text):
    """The same operations on the same shapes, as often; only who reads which link differs."""
    net = nnmass.build(text).eval()
    image = torch.zeros(1, *net.spec.input_shape)
    whole = runs_of([lambda: net(image)])
    where = {"batch_size": 1, "device": torch.device("cpu"), "dtype": torch.float32}
    single = runs_of(layer_call(layer, **where) for layer in layers_of(net.spec))
    if "dense-cnn" in text:  # a source gathers for all its readers, a layer for itself
        for found in (whole, single):
            del found["index_select", ()]
    assert single == whole


@pytest.mark.parametrize("text", NETWORKS)
def test_costs_sum_up(text):
    spec = nnmass.parse(text)
    assert sum((layer.cost for layer in layers_of(spec)), Cost()) == spec.cost


@settings(max_examples=40)
@given(
    st.sampled_from(["dense-cnn", "dense-cnn-dw"]),
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(3, 12), st.integers(0, 300)), min_size=1, max_size=3),
    st.integers(5, 40),
)
def test_costs_of_dense_cnns_sum_up(family, wm, cells, image):
    depths, caps = ("/".join(map(str, part)) for part in zip(*cells, strict=True))
    spec = nnmass.parse(f"{family}(wm={wm},d={depths},t={caps},image={image})")
    assert sum((layer.cost for layer in layers_of(spec)), Cost()) == spec.cost


def test_a_family_without_rule_says_so():
    with pytest.raises(SpecError, match="no layer rule is known for the family 'dense-mlp'"):
        layers_of(nnmass.parse("dense-mlp(w=8,d=6,t=2)"))


def test_kinds_are_plain_data():
    for text in NETWORKS:
        for layer in layers_of(nnmass.parse(text)):
            assert LayerKind.from_dict(layer.kind.to_dict()) == layer.kind
            assert str(layer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"op": "convolve"}, "op must be one of 'conv'"),
        ({"size": 0}, "size must be a whole number of at least 1"),
        ({"size": True}, "size must be"),
        ({"kernel": 3.0}, "kernel must be"),
        ({"after": "gelu"}, "after must be one of"),
        ({"bias": 1}, "bias must be true or false"),
        ({"colour": "red"}, "colour"),
        ({"linked": -1}, "linked must be"),
    ],
)
def test_other_data_are_no_kind(change, said):
    values = {**LayerKind(op="conv", size=8).to_dict(), **change}
    with pytest.raises(SpecError, match=said):
        LayerKind.from_dict(values)
    with pytest.raises(SpecError):
        LayerKind.from_dict(None)


def test_words():
    kind = LayerKind(op="conv", size=8, kernel=3, stride=2, groups=0, after="norm-relu")
    assert str(Layer(kind, 16, 16)) == (
        "conv 3x3 stride 2 depthwise at 8 px, norm-relu after, 16 channels"
    )
