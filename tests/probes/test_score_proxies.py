"""Scoring networks: seeds, failures, networks of others, nothing changed, bad input."""

from __future__ import annotations

import copy
import importlib.util
import json
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import DeviceError, NNMassError, ProbeError, SpecError
from nnmass.probes import PROXIES, score_proxies

SPEC = "dense-cnn(wm=1,d=5,t=4/4/4,in=1,image=8)"
SAMPLED = [name for name, proxy in PROXIES.items() if proxy.is_random]


def batch(*shape, count=6, classes=10, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (count,), generator=generator)
    return torch.randn(count, *shape, generator=generator), labels


def small():
    """Functions and modules in place, dropout, a norm, a module that is used twice."""

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(1, 4, 3, padding=1)
            self.again = nn.Conv2d(4, 4, 3, padding=1)
            self.norm, self.act = nn.BatchNorm2d(4), nn.ReLU(inplace=True)
            self.drop, self.head = nn.Dropout(0.5), nn.Linear(4, 10)
            self.n_calls = 0
            self.seen = []

        def forward(self, x):
            self.n_calls += 1
            self.seen.append(x.shape)
            x = self.act(self.stem(x))
            x = self.act(self.norm(self.again(x)))
            x = nn.functional.relu_(self.norm(self.again(x)))
            return self.head(self.drop(x.mean((2, 3))))

    return Small()


def outcomes(scores):
    return {score.proxy: (score.status, score.reason) for score in scores}


def test_each_proxy_says_what_it_is():
    assert list(PROXIES)[:2] == ["params", "macs"]
    assert len(PROXIES) == 10
    for name, proxy in PROXIES.items():
        assert proxy.name == name
        assert proxy.summary
        assert proxy.source
        assert proxy.higher_is_better
        assert "Source:" in proxy.compute.__doc__
        assert "is better" in proxy.compute.__doc__
        assert proxy.is_random == (proxy.batch_norm is not None)
    with pytest.raises(TypeError):
        PROXIES["more"] = PROXIES["snip"]


def test_all_of_them_with_seeds():
    images, labels = batch(1, 8, 8)
    told = []
    scores = score_proxies(SPEC, images, labels, seeds=3, on_score=told.append)
    assert tuple(told) == scores
    assert [score.proxy for score in scores] == list(PROXIES)
    spec = nnmass.parse(SPEC)
    for score in scores:
        assert (score.status, score.reason, score.network) == ("measured", "", SPEC)
        is_random = PROXIES[score.proxy].is_random
        assert score.seeds == ((0, 1, 2) if is_random else (None,))
        assert len(score.values) == len(score.seeds)
        if is_random:
            assert score.value == pytest.approx(np.mean(score.values))
            assert score.spread == pytest.approx(np.std(score.values, ddof=1))
            half = 4.302653 * score.spread / 3**0.5  # Student's t, two degrees of freedom
            low, high = score.interval
            assert (low, high) == pytest.approx((score.value - half, score.value + half), rel=1e-5)
        else:
            assert (score.spread, score.interval) == (None, None)
        assert json.loads(json.dumps(score.to_dict()))["value"] == score.value
    assert (scores[0].value, scores[1].value) == (spec.params, spec.macs)
    again = score_proxies(SPEC, images, labels, seeds=[2], proxies=SAMPLED)
    assert [score.values[0] for score in again] == [score.values[2] for score in scores[2:]]


def test_a_model_as_it_is_and_a_factory_agree():
    images, labels = batch(1, 8, 8)
    torch.manual_seed(7)
    model = small()
    given = score_proxies(model, images, labels)
    drawn = score_proxies(small, images, labels, seeds=[7])
    assert [score.value for score in given] == [score.value for score in drawn]
    assert [score.network for score in (given[0], drawn[0])] == ["Small", "small"]
    assert {score.seeds for score in given} == {(None,)}


def test_images_as_arrays_and_double_precision_agree():
    images, labels = batch(1, 8, 8)
    torch.manual_seed(0)
    model = small()
    first = score_proxies(model, images.numpy(), labels.numpy())
    second = score_proxies(copy.deepcopy(model).double(), images.double(), labels)
    for a, b in zip(first, second, strict=True):
        assert a.value == pytest.approx(b.value, rel=2e-3), a.proxy
    half = score_proxies(copy.deepcopy(model).half(), images, labels, proxies=["grad_norm"])
    assert half[0].value == pytest.approx(first[2].value, rel=0.05)


@pytest.mark.parametrize("mode", ["as it is", "training", "no grad", "frozen", "inference"])
def test_nothing_is_changed(mode):
    images, labels = batch(1, 8, 8)
    model = small()
    model.train(mode == "training")
    model.requires_grad_(mode != "frozen")
    model.norm.eval()
    model.stem.weight.grad = torch.ones_like(model.stem.weight)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    tensors = [id(x) for x in (*model.parameters(), *model.buffers())]
    flags = [module.training for module in model.modules()]
    asks = [parameter.requires_grad for parameter in model.parameters()]
    hooks = [len(module._forward_hooks) for module in model.modules()]
    copies = images.clone(), labels.clone()
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    context = {"no grad": torch.no_grad, "inference": torch.inference_mode}.get(mode)
    with context() if context else warnings.catch_warnings():
        scores = score_proxies(model, images, labels)
        assert torch.is_grad_enabled() == (context is None)
    assert {score.status for score in scores} == {"measured"}
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert tensors == [id(x) for x in (*model.parameters(), *model.buffers())]
    assert flags == [module.training for module in model.modules()]
    assert asks == [parameter.requires_grad for parameter in model.parameters()]
    assert hooks == [len(module._forward_hooks) for module in model.modules()]
    assert bool((model.stem.weight.grad == 1).all())
    assert model.head.weight.grad is None
    assert (model.n_calls, model.seen) == (0, [])
    assert torch.equal(copies[0], images)
    assert not images.requires_grad


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100", "densenet121"])
def test_networks_of_timm(name):
    images, labels = batch(3, 32, 32, count=4)
    scores = score_proxies(f"timm:{name}(num_classes=10)", images, labels, seeds=1)
    assert {score.status for score in scores} == {"measured"}, outcomes(scores)
    by_name = {score.proxy: score for score in scores}
    assert by_name["synflow"].batch_norm == "off"
    assert by_name["snip"].batch_norm == "batch"
    assert by_name["params"].batch_norm is None


def test_networks_that_draw_while_they_run_draw_the_same():
    class Noisy(nn.Linear):
        def forward(self, x):
            factor = 1 + random.random() + np.random.rand()  # noqa: NPY002
            return super().forward(x + factor * torch.rand_like(x))

    model, (images, labels) = Noisy(4, 10), batch(4)
    found = set()
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        found.add(score_proxies(model, images, labels, proxies=["snip"])[0].value)
    assert len(found) == 1


def test_batch_norm_modes():
    images, labels = batch(1, 8, 8)
    values = set()
    for mode in ("batch", "running", "off"):
        (score,) = score_proxies(
            SPEC, images, labels, proxies=["grad_norm"], seeds=1, batch_norm=mode
        )
        assert score.batch_norm == mode
        values.add(score.value)
    assert len(values) == 3


def test_norms_that_are_off_are_as_if_not_there():
    torch.manual_seed(0)
    layers = [nn.Linear(5, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)]
    nn.init.normal_(layers[1].weight)
    images, labels = batch(5, classes=3)
    pairs = [
        score_proxies(model, images, labels, batch_norm="off", proxies=SAMPLED)
        for model in (nn.Sequential(*layers), nn.Sequential(layers[0], *layers[2:]))
    ]
    assert [s.value for s in pairs[0]] == [s.value for s in pairs[1]]


# --- failures


def failure(model, proxy, images, labels, **options):
    (score,) = score_proxies(model, images, labels, proxies=[proxy], **options)
    assert (score.status, score.value, score.spread, score.interval) == ("failed",) + (None,) * 3
    assert score.values == (None,)
    return score.reason


@pytest.mark.parametrize("proxy", ["grad_norm", "snip", "grasp", "fisher", "zico"])
def test_labels_beyond_the_outputs(proxy):
    images, _ = batch(1, 8, 8)
    reason = failure(small(), proxy, images, torch.full((6,), 10))
    assert "labels must be below 10, the number of outputs, got 10" in reason


def test_naswot_without_rectifiers_says_what_it_found():
    model = nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4), nn.Tanh(), nn.Hardtanh())
    reason = failure(model, "naswot", *batch(4))
    assert "needs rectifiers" in reason
    assert "gelu, tanh, hardtanh" in reason
    assert "none that is known" in failure(nn.Linear(4, 2), "naswot", *batch(4))


def test_values_that_are_not_finite():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 10))
    nn.init.constant_(model[0].weight, float("nan"))
    images, labels = batch(4)
    for proxy in SAMPLED:
        assert failure(model, proxy, images, labels)


def test_what_the_network_raises_is_the_reason():
    class Broken(nn.Linear):
        def forward(self, x):
            raise KeyError("no such thing")

    for proxy in SAMPLED:
        reason = failure(Broken(4, 10), proxy, *batch(4))
        assert reason == "the network raised KeyError: 'no such thing'"
    images, labels = batch(3, 8, 8)  # three channels where one is expected
    assert "expected input" in failure(small(), "snip", images, labels)


def test_one_seed_that_fails_fails_the_score_and_is_named():
    def sometimes():
        layer = nn.Linear(4, 10)
        if torch.initial_seed() == 1:
            nn.init.constant_(layer.weight, float("inf"))
        return layer

    images, labels = batch(4)
    (score,) = score_proxies(sometimes, images, labels, proxies=["snip"], seeds=3)
    assert score.status == "failed"
    assert score.reason.startswith("seed 1: ")
    assert [value is None for value in score.values] == [False, True, False]
    assert (score.value, score.spread, score.interval) == (None, None, None)


@pytest.mark.parametrize(
    ("model", "proxy", "word"),
    [
        (nn.Sequential(nn.Flatten(), nn.ReLU()), "snip", "no convolution and no linear layer"),
        (nn.Conv2d(1, 10, 3), "snip", "must give numbers of shape"),
        (nn.utils.parametrizations.weight_norm(nn.Linear(4, 10)), "snip", "weight norm"),
        (nn.Sequential(nn.Linear(4, 10), nn.Identity()), "jacob_cov", "correlat"),
    ],
)
def test_networks_that_cannot_be_measured(model, proxy, word):
    images, labels = batch(1, 8, 8) if isinstance(model, nn.Conv2d) else batch(4)
    if proxy == "jacob_cov":
        nn.init.constant_(model[0].weight, 1.0)  # the gradient is constant
    assert word in failure(model, proxy, images, labels)


def test_outputs_without_gradient():
    class NoGrad(nn.Linear):
        def forward(self, x):
            return super().forward(x).detach()

    for proxy in ("snip", "grasp", "fisher", "synflow", "jacob_cov"):
        assert "no gradient" in failure(NoGrad(4, 10), proxy, *batch(4))


def test_equal_images_and_few_images():
    images, labels = batch(1, 8, 8)
    same = images[:1].expand(6, -1, -1, -1)
    assert "singular" in failure(small(), "naswot", same, labels)
    assert "the same" in failure(small(), "zico", same, labels[:1].expand(6))
    assert "at least 4 images" in failure(small(), "zico", images[:3], labels[:3])
    assert "at least 2" in failure(small(), "jacob_cov", images[:1], labels[:1])


def test_the_head_among_several_outputs():
    class Several(nn.Linear):
        def forward(self, x):
            return {"features": x[:, None], "logits": super().forward(x)}

    torch.manual_seed(0)
    several, one = Several(4, 10), nn.Linear(4, 10)
    one.load_state_dict(several.state_dict())
    found = [score_proxies(m, *batch(4), proxies=["snip"])[0].value for m in (several, one)]
    assert found[0] == found[1]


# --- bad input

IMAGES, LABELS = batch(4)


@pytest.mark.parametrize(
    ("error", "words", "change"),
    [
        (ProbeError, "images must be at least one", {"images": torch.zeros(0, 4)}),
        (ProbeError, "must be finite", {"images": torch.full((6, 4), float("nan"))}),
        (ProbeError, "floating-point", {"images": torch.zeros(6, 4, dtype=torch.uint8)}),
        (ProbeError, "floating-point", {"images": [[1.0]]}),
        (ProbeError, "one for each image", {"labels": torch.zeros(5, dtype=torch.int64)}),
        (ProbeError, "whole numbers", {"labels": torch.zeros(6)}),
        (ProbeError, "at least 0", {"labels": torch.full((6,), -1)}),
        (ProbeError, "grad_norm, snip, grasp, fisher, zico read labels", {"labels": None}),
        (SpecError, "Did you mean 'grasp'", {"proxies": ["gras"]}),
        (SpecError, "each once", {"proxies": ["snip", "snip"]}),
        (SpecError, "each once", {"proxies": []}),
        (SpecError, "in a list or tuple", {"proxies": "snip"}),
        (SpecError, "in a list or tuple", {"proxies": 3}),
        (SpecError, "unknown proxy None", {"proxies": [None]}),
        (ProbeError, "seeds", {"seeds": 3}),
        (ProbeError, "batch_norm must be one of", {"batch_norm": "eval"}),
        (DeviceError, "device must be", {"device": "tpu"}),
        (DeviceError, "device must be", {"device": 1.5}),
        (ProbeError, "a network must be", {"network": 7}),
        (NNMassError, "resnet", {"network": "resnet(depth=7)"}),
        (ProbeError, "must return a torch.nn.Module", {"network": lambda: 3}),
    ],
)
def test_bad_input(error, words, change):
    given = {"network": nn.Linear(4, 10), "images": IMAGES, "labels": LABELS, **change}
    with pytest.raises(error, match=words):
        score_proxies(**given)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_compiled_parts_are_refused_and_left_alone():
    inner = torch.jit.script(nn.Linear(4, 10))
    before = inner.weight.detach().clone()
    for proxy in SAMPLED:
        assert "torch.jit" in failure(nn.Sequential(nn.ReLU(), inner), proxy, IMAGES, LABELS)
    assert torch.equal(inner.weight, before)


def test_missing_device():
    name = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(DeviceError, match="not on this machine"):
        score_proxies(nn.Linear(4, 10), IMAGES, LABELS, device=name)


def test_a_model_without_weights_has_its_costs_only():
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 10))
    scores = score_proxies(model, IMAGES, LABELS)
    assert [score.status for score in scores] == ["measured"] * 2 + ["failed"] * 8
    assert "meta device" in scores[2].reason


@pytest.mark.gpu
def test_cuda_gives_the_same():
    images, labels = batch(1, 8, 8)
    cpu = score_proxies(SPEC, images, labels, seeds=1)
    cuda = score_proxies(SPEC, images, labels, seeds=1, device="cuda")
    for a, b in zip(cpu, cuda, strict=True):
        assert a.value == pytest.approx(b.value, rel=1e-2), a.proxy
