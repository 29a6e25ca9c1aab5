"""Small networks of every family, and what the tests of networks share."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest
import torch

SMALL = {
    "dense-mlp": "dense-mlp(w=4,d=6,t=6,in=12,classes=3)",
    "dense-mlp-legacy": "dense-mlp(w=4,d=5,t=6,in=12,classes=3,act=tanh,wiring=legacy)",
    "dense-cnn": "dense-cnn(wm=1,d=4,t=8/20,image=8)",
    "dense-cnn-dw": "dense-cnn-dw(wm=1,d=4,t=8/20,image=8)",
    "densenet": "densenet(blocks=2/3/1,growth=4,image=8)",
    "densenet-plain": "densenet(blocks=2/2,bottleneck=0,growth=4,stem=imagenet,image=32)",
    "resnet": "resnet(depth=8,image=16)",
    "resnet-50": "resnet(depth=50,wm=0.1,stem=cifar,image=16)",
    "wide-resnet": "wide-resnet(depth=10,widen=2,image=16)",
    "resnext": "resnext(depth=50,groups=4,width=2,stem=cifar,image=16)",
    "mobilenet-v2": "mobilenet-v2(wm=0.35,rows=1:8:1:1/6:8:2:2/6:16:1:1,stem=cifar,image=16)",
    "vgg": "vgg(depth=11,stem=cifar)",
}


@pytest.fixture(params=SMALL.values(), ids=SMALL.keys())
def text(request):
    """The spec string of a small network, one of each family in turn."""
    return request.param


@pytest.fixture(scope="session")
def inputs():
    """``inputs(spec, n)``: n made inputs of a spec, the same ones each time."""

    def make(spec, n=4, *, dtype=torch.float32):
        generator = torch.Generator().manual_seed(n)
        return torch.randn(n, *spec.input_shape, generator=generator, dtype=dtype)

    return make


@pytest.fixture(scope="session")
def same_state():
    """``same_state(a, b)``: do two networks or state dicts hold the same bits?"""

    def compare(a, b):
        a, b = (x.state_dict() if isinstance(x, torch.nn.Module) else x for x in (a, b))
        return a.keys() == b.keys() and all(
            a[key].dtype == b[key].dtype and torch.equal(a[key], b[key]) for key in a
        )

    return compare


def _random_states():
    numbers = np.random.get_state()  # noqa: NPY002 - the global generator is what is watched
    return random.getstate(), numbers[1].tobytes(), numbers[2:], torch.get_rng_state().tolist()


@pytest.fixture(scope="session")
def no_global_randomness():
    """A context in which no global generator may move."""

    @contextlib.contextmanager
    def watch():
        before = _random_states()
        yield
        assert _random_states() == before

    return watch


@pytest.fixture(scope="session")
def logits():
    """``logits(net, x)``: in inference mode, the mode put back afterwards."""

    def call(net, x):
        was = net.training
        with torch.no_grad():
            out = net.eval()(x)
        net.train(was)
        return out

    return call
