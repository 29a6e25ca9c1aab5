"""Latency: what is counted, what is stated, what is left as it was. No time is asserted."""

import json
import statistics

import pytest
import torch
from torch import nn

import nnmass
from nnmass.errors import DeviceError, NNMassError, ProbeError, SpecError
from nnmass.probes import latency
from nnmass.probes._latency_result import BatchLatency
from nnmass.probes._machine import threads


class Clock:
    """A stopwatch with made times, that makes the calls."""

    def __init__(self, times):
        self.times, self.n_calls = times, 0

    def __call__(self, call):
        call()
        self.n_calls += 1
        return self.times(self.n_calls) if callable(self.times) else self.times


class Watched(nn.Module):
    """Says how it was called."""

    def __init__(self):
        super().__init__()
        self.map, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        w = self.map.weight
        layouts = [t.is_contiguous(memory_format=torch.channels_last) for t in (x, w)]
        how = torch.get_num_threads(), torch.is_inference_mode_enabled()
        modes = self.training or self.norm.training
        LOG.append((tuple(x.shape), x.dtype, w.dtype, layouts, *how, modes))
        return self.norm(self.map(x))


LOG = []


@pytest.fixture(autouse=True)
def empty_log():
    LOG.clear()


def test_runs_are_counted_and_the_warm_up_is_not():
    clock = Clock(float)
    found = latency(Watched(), (3, 8, 8), n_repeats=20, warm_up=3, stopwatch=clock)
    assert clock.n_calls == len(LOG) == 23
    (one,) = found.batches
    assert one.times_ms == tuple(float(n) for n in range(4, 24))
    assert one.n_runs == 20
    assert one.median_ms == found.median_ms == statistics.median(one.times_ms)
    assert one.p95_ms == 22.0  # 19 of 20 took no longer
    assert (one.min_ms, one.mean_ms) == (4.0, 13.5)
    assert one.images_per_second == pytest.approx(1000 / 13.5)


@pytest.mark.parametrize(
    ("each_ms", "n_runs", "n_warm"), [(1, 50, 10), (400, 25, 10), (3000, 5, 4), (20_000, 5, 1)]
)
def test_it_stops_in_time_but_not_below_five_runs(each_ms, n_runs, n_warm):
    clock = Clock(float(each_ms))
    found = latency(nn.Linear(3, 2), (3,), max_seconds=10, stopwatch=clock)
    assert found.batches[0].n_runs == n_runs
    assert clock.n_calls == n_runs + n_warm


def test_every_size_of_batch():
    found = latency(
        Watched(), (3, 8, 8), batch_sizes=[4, 1], n_repeats=5, warm_up=0, stopwatch=Clock(2.0)
    )
    assert [shape[0] for shape, *_ in LOG] == [4] * 5 + [1] * 5
    assert [(b.batch_size, b.images_per_second) for b in found.batches] == [(4, 2000), (1, 500)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_how_the_network_is_run(dtype, channels_last):
    model, before = Watched().train(), torch.get_num_threads()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    found = latency(
        model, (3, 8, 8), n_repeats=5, warm_up=0, threads=2, dtype=dtype,
        channels_last=channels_last, stopwatch=Clock(1.0),
    )  # fmt: skip
    number = getattr(torch, dtype)
    expected = ((1, 3, 8, 8), number, number, [channels_last] * 2, 2, True, False)
    assert set(map(str, LOG)) == {str(expected)}
    assert (found.threads, found.dtype, found.channels_last) == (2, dtype, channels_last)
    assert (found.device, found.torch) == ("cpu", torch.__version__)
    assert found.environment["threads"] == "2"
    assert torch.get_num_threads() == before
    assert torch.equal(random, torch.get_rng_state())
    assert all(module.training for module in model.modules())
    for name, now in model.state_dict().items():
        assert now.dtype == state[name].dtype
        assert torch.equal(now, state[name])
    assert model.map.weight.is_contiguous()


def test_shapes_are_found_out_where_the_network_tells():
    spec = nnmass.parse("dense-mlp(w=8,d=6,t=2)")
    for network in (
        spec,
        str(spec),
        nnmass.build(spec, seed=0),
        lambda: nnmass.build(spec, seed=1),
    ):
        found = latency(network, n_repeats=5, stopwatch=Clock(1.0))
        assert found.input_shape == (784,)
    assert latency("dense-cnn(wm=1,d=6,t=4/4)", n_repeats=5, warm_up=0).input_shape == (3, 32, 32)


def test_a_real_clock_and_plain_data():
    found = latency("dense-mlp(w=8,d=6,t=2)", n_repeats=6, batch_sizes=(2,), seed=3)
    (one,) = found.batches
    assert 0 < one.min_ms <= one.median_ms <= one.p95_ms
    told = json.loads(json.dumps(found.to_dict()))
    assert told["batches"][0]["n_runs"] == 6
    assert (told["network"], told["seed"]) == ("dense-mlp(w=8,d=6,t=2)", 3)


def test_a_clock_that_stands_still_gives_no_rate():
    assert BatchLatency(batch_size=1, times_ms=(0.0,) * 5).images_per_second is None


def test_threads_are_put_back_whatever_happens():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before
    with pytest.raises(ProbeError):
        latency(nn.Linear(3, 2), (4,), threads=before + 1)
    assert torch.get_num_threads() == before


SPEC_ERRORS = [
    ({"batch_sizes": ()}, "batch_sizes must be one size or more"),
    ({"batch_sizes": 8}, "got 8"),
    ({"batch_sizes": (1, 1)}, "must not hold a size twice"),
    ({"batch_sizes": (0,)}, "a batch size must be at least 1, got 0"),
    ({"n_repeats": 4}, "n_repeats must be at least 5, got 4"),
    ({"warm_up": -1}, "warm_up must be at least 0"),
    ({"max_seconds": 0}, "max_seconds must be a finite number above 0, got 0"),
    ({"dtype": "float16"}, "dtype must be 'float32' or 'bfloat16', got 'float16'"),
    ({"threads": 0}, "threads must be at least 1, got 0"),
    ({"seed": -1}, "seed must be at least 0"),
    ({"channels_last": True}, r"needs images \(channels, height, width\), got \(3,\)"),
    ({"input_shape": 3}, r"as in \(3, 32, 32\), got 3"),
    ({"input_shape": (3, 0)}, "a size in input_shape must be at least 1"),
]


@pytest.mark.parametrize(("wrong", "message"), SPEC_ERRORS)
def test_wrong_arguments(wrong, message):
    with pytest.raises(SpecError, match=message):
        latency(nn.Linear(3, 2), **({"input_shape": (3,)} | wrong))


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
def test_networks_that_cannot_be_timed():
    with pytest.raises(
        ProbeError, match=r"Linear cannot be run on 1 images of shape \(4,\), .*mat1"
    ):
        latency(nn.Linear(3, 2), (4,))
    with pytest.raises(ProbeError, match="Linear does not tell the shape of its images: give inp"):
        latency(nn.Linear(3, 2))
    with pytest.raises(ProbeError, match="has no values"):
        latency(nn.Linear(3, 2, device="meta"), (3,))
    with pytest.raises(ProbeError, match=r"compiled by torch\.jit"):
        latency(torch.jit.script(nn.Linear(3, 2)), (3,))
    with pytest.raises(ProbeError, match="a network must be"):
        latency(5, (3,))
    with pytest.raises(NNMassError, match="unknown family"):
        latency("nonet")
    with pytest.raises(DeviceError, match="device must be cpu"):
        latency(nn.Linear(3, 2), (3,), device="tpu")


@pytest.mark.gpu
def test_cuda():
    found = latency(nn.Linear(3, 2), (3,), device="cuda", dtype="bfloat16")
    assert "cuda" in found.device
    assert found.median_ms > 0
