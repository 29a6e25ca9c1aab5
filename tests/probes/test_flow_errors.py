"""What gradient flow refuses, and what it says."""

import math

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from nnmass.errors import DeviceError, NNMassError, ProbeError, SpecError
from nnmass.probes import gradient_flow

IMAGES, LABELS = torch.zeros(4, 6), torch.tensor([0, 1, 2, 0])


class Gives(nn.Module):
    """A linear map whose output is dressed up."""

    def __init__(self, dress):
        super().__init__()
        self.map, self.dress = nn.Linear(6, 3), dress

    def forward(self, x):
        return self.dress(self.map(x))


class Fickle:
    """Another number of layers at every call."""

    def __init__(self):
        self.n = 0

    def __call__(self):
        self.n += 1
        return nn.Sequential(*(nn.Linear(6, 6) for _ in range(self.n)))


def net():
    return nn.Linear(6, 3)


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.map = nn.Linear(6, 3)

    def forward(self, x):
        return checkpoint(self.map, x + self.map.bias.sum(), use_reentrant=True)


CASES = {
    "reentrant checkpoints": (
        lambda: gradient_flow(Checkpointed(), IMAGES, LABELS),
        "the gradients of Checkpointed cannot be computed: .*heckpoint",
    ),
    "labels beyond the outputs": (
        lambda: gradient_flow(net(), IMAGES, LABELS + 1),
        r"labels must lie in 0 \.\.\. 2, since Linear has 3 outputs, got 3",
    ),
    "negative labels": (lambda: gradient_flow(net(), IMAGES, LABELS - 1), "at least 0, got -1"),
    "labels too few": (lambda: gradient_flow(net(), IMAGES, LABELS[:2]), r"shape \(4,\)"),
    "no images": (lambda: gradient_flow(net(), IMAGES[:0], LABELS[:0]), "at least one"),
    "NaN images": (lambda: gradient_flow(net(), IMAGES * math.nan, LABELS), "4 of 4 hold NaN"),
    "bytes": (lambda: gradient_flow(net(), IMAGES.byte(), LABELS), "got a torch.uint8 tensor"),
    "wrong shape": (
        lambda: gradient_flow(net(), torch.zeros(4, 7), LABELS),
        r"Linear cannot be run on images of shape \(4, 7\) and torch.float32: RuntimeError: mat1",
    ),
    "a tuple": (
        lambda: gradient_flow(Gives(lambda x: (x, x)), IMAGES, LABELS),
        r"Gives must give one floating-point tensor of logits \(N, classes\), got a tuple of 2",
    ),
    "a dict": (
        lambda: gradient_flow(Gives(lambda x: {"out": x}), IMAGES, LABELS),
        r"got a dict with the keys \['out'\]",
    ),
    "indices": (lambda: gradient_flow(Gives(lambda x: x.argmax(1)), IMAGES, LABELS), "int64"),
    "maps": (
        lambda: gradient_flow(Gives(lambda x: x[..., None]), IMAGES, LABELS),
        r"logits of shape \(4, classes\), two classes at least, got \(4, 3, 1\)",
    ),
    "one output": (
        lambda: gradient_flow(nn.Linear(6, 1), IMAGES, LABELS * 0),
        r"two classes at least, got \(4, 1\)",
    ),
    "no weights": (lambda: gradient_flow(nn.Flatten(), IMAGES, LABELS), "calls no layer with weig"),
    "meta": (
        lambda: gradient_flow(nn.Linear(6, 3, device="meta"), IMAGES, LABELS),
        "has no values",
    ),
    "compiled": (
        lambda: gradient_flow(torch.jit.script(net()), IMAGES, LABELS),
        "the network is compiled by torch.jit",
    ),
    "batch norm of one": (
        lambda: gradient_flow(
            nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)), IMAGES[:1], LABELS[:1]
        ),
        "Expected more than 1 value per channel",
    ),
    "seeds for a module": (
        lambda: gradient_flow(net(), IMAGES, LABELS, seeds=3),
        "leave seeds out",
    ),
    "other layers": (
        lambda: gradient_flow(Fickle(), IMAGES, LABELS, seeds=2),
        "other layers in seed 1 than in seed 0",
    ),
    "batch_norm": (
        lambda: gradient_flow(net(), IMAGES, LABELS, batch_norm="train"),
        "'batch' or 'running', got 'train'",
    ),
    "no network": (lambda: gradient_flow(7, IMAGES, LABELS), "got 7"),
}


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_measured_is_refused(name):
    call, message = CASES[name]
    with pytest.raises(ProbeError, match=message):
        call()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": -1}, "steps must be at least 0, got -1"),
        ({"steps": 1.5}, "steps must be a whole number"),
        ({"lr": 0}, "lr must be a finite number above 0, got 0"),
        ({"lr": math.nan}, "got nan"),
        ({"lr": "fast"}, "got 'fast'"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(SpecError, match=message):
        gradient_flow(net(), IMAGES, LABELS, **wrong)


@pytest.mark.parametrize("device", ["tpu", "meta", 3.5])
def test_unknown_devices(device):
    with pytest.raises(DeviceError, match="device must be cpu, cuda or cuda:N"):
        gradient_flow(net(), IMAGES, LABELS, device=device)


def test_unknown_names():
    with pytest.raises(NNMassError, match="unknown family"):
        gradient_flow("resnett(depth=50)", IMAGES, LABELS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_no_cuda():
    with pytest.raises(DeviceError, match="'cuda' is not on this machine"):
        gradient_flow(net(), IMAGES, LABELS, device="cuda")
