"""Timing single layers: who takes turns, what is counted, what stays as it was."""

import pytest
import torch

import nnmass
from nnmass.errors import DeviceError, ProbeError, SpecError
from nnmass.probes import layer_latencies
from nnmass.specs import Layer, LayerKind, layers_of

LAYERS = layers_of(nnmass.parse("dense-cnn(wm=1,d=12,t=20/20,image=8)"))


class Clock:
    """A stopwatch with made times, that makes the calls and remembers what they gave."""

    def __init__(self, ms=1.0):
        self.ms, self.shapes, self.threads = ms, [], set()

    def __call__(self, call):
        out = call()
        self.shapes.append(tuple(out.shape))
        self.threads.add((torch.get_num_threads(), torch.is_inference_mode_enabled()))
        return self.ms


def test_layers_take_turns_and_the_warm_up_does_not_count():
    clock = Clock()
    some = LAYERS[:9]
    found = list(layer_latencies(some, n_repeats=6, warm_up=2, stopwatch=clock))
    assert [one.layer for one in found] == list(some)
    assert all(one.times_ms == (1.0,) * 6 for one in found)
    assert clock.shapes == clock.shapes[:9] * 8  # 2 + 6 rounds of the 9


def test_long_lists_are_cut_into_even_groups():
    clock = Clock()
    assert len(LAYERS) == 26
    found = list(layer_latencies(LAYERS, n_repeats=5, warm_up=0, stopwatch=clock))
    assert [one.layer for one in found] == list(LAYERS)
    assert clock.shapes[:65] == clock.shapes[:13] * 5


@pytest.mark.parametrize(("each_ms", "n_runs"), [(1, 30), (100, 10), (9000, 5)])
def test_it_stops_in_time_but_not_below_five_runs(each_ms, n_runs):
    clock = Clock(float(each_ms))
    found = list(layer_latencies(LAYERS[:10], max_seconds=1.0, warm_up=1, stopwatch=clock))
    assert {len(one.times_ms) for one in found} == {n_runs}


def test_results_are_medians():
    ticks = iter([9.0, 1.0, 2.0, 3.0, 2.5])
    (one,) = layer_latencies(
        LAYERS[:1], n_repeats=5, warm_up=0, stopwatch=lambda call: (call(), next(ticks))[1]
    )
    assert (one.median_ms, one.min_ms) == (2.5, 1.0)


def test_threads_and_generators_stay_as_they_were():
    before, state = torch.get_num_threads(), torch.get_rng_state()
    clock = Clock()
    for _ in layer_latencies(LAYERS[:9], threads=before + 1, n_repeats=5, stopwatch=clock):
        assert torch.get_num_threads() == before
        assert not torch.is_inference_mode_enabled()
    assert clock.threads == {(before + 1, True)}
    assert torch.equal(torch.get_rng_state(), state)


def test_batches_and_number_formats():
    clock = Clock()
    list(layer_latencies(LAYERS, batch_size=3, n_repeats=5, stopwatch=clock, dtype="bfloat16"))
    assert {shape[0] for shape in clock.shapes} == {3}


def test_layers_that_cannot_run_are_told():
    bad = Layer(LayerKind(op="conv", size=8, kernel=3, groups=3), 8, 8)
    with pytest.raises(ProbeError, match="conv 3x3 3 groups at 8 px, 8 to 8 channels"):
        list(layer_latencies([bad]))
    odd = Layer(LayerKind(op="average-pool", size=1, kernel=2, stride=2), 8, 8)
    with pytest.raises(ProbeError, match="this layer cannot be run: average-pool 2x2"):
        list(layer_latencies([odd]))


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"batch_size": 0}, SpecError, "batch_size must be at least 1, got 0"),
        ({"n_repeats": 4}, SpecError, "n_repeats must be at least 5"),
        ({"warm_up": -1}, SpecError, "warm_up"),
        ({"max_seconds": 0}, SpecError, "max_seconds must be a finite number above 0"),
        ({"max_seconds": float("nan")}, SpecError, "max_seconds"),
        ({"threads": 0}, SpecError, "threads"),
        ({"threads": 1.5}, SpecError, "threads"),
        ({"dtype": "float16"}, SpecError, "dtype must be 'float32' or 'bfloat16'"),
        ({"device": "tpu"}, DeviceError, "device must be cpu, cuda or cuda:N"),
        ({"seed": -1}, SpecError, "seed"),
    ],
)
def test_wrong_arguments_are_told_at_once(wrong, error, said):
    with pytest.raises(error, match=said):
        layer_latencies(LAYERS, **wrong)


def test_only_layers_can_be_timed():
    with pytest.raises(SpecError, match=r"layers must be of nnmass\.specs\.Layer, got 'resnet"):
        layer_latencies(["resnet(depth=18)"])
