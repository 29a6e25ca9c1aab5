"""Latency of single layers, each as it runs in our networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext

import torch

from nnmass.errors import ProbeError, SpecError, whole_number
from nnmass.probes import _latency as whole
from nnmass.probes._layer_latency_result import LayerLatency
from nnmass.probes._layer_run import layer_call
from nnmass.probes._machine import device_for, threads
from nnmass.probes._stopwatch import LEAST_RUNS, Stopwatch, stopwatch_for, timed_runs
from nnmass.specs import Layer

_threads = threads  # `layer_latencies` has an argument of that name


def layer_latencies(
    layers: Iterable[Layer],
    *,
    batch_size: int = 1,
    n_repeats: int = 50,
    warm_up: int = 5,
    max_seconds: float = 0.5,
    device: str | torch.device = "cpu",
    threads: int | None = None,
    dtype: whole.DType = "float32",
    seed: int = 0,
    stopwatch: Stopwatch | None = None,
) -> Iterator[LayerLatency]:
    """How long each layer takes by itself: evaluation mode, inference mode, random numbers.

    Between two layers, while the caller looks at a result, nothing is changed about threads.

    Args:
        layers: See `nnmass.specs.layers_of`.
        batch_size: Images in a run.
        n_repeats: Timed runs of each, 5 or more.
        warm_up: Runs before those.
        max_seconds: For the timed runs of one layer; after it no other is begun, but 5 are made.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: That one operation on the CPU may use.
        dtype: Of weights and feature maps.
        seed: Of the random numbers.
        stopwatch: In place of the device's clock.

    Yields:
        One result for each layer, in their order.

    Raises:
        SpecError: An argument is wrong.
        ProbeError: A layer cannot be run.
        DeviceError: The device is not there, or has no bfloat16.

    Example:
        >>> from nnmass.specs import layers_of, parse
        >>> layers = layers_of(parse("dense-cnn(wm=1,d=3,t=5,image=8)"))
        >>> found = list(layer_latencies(layers, n_repeats=5))
        >>> [one.layer for one in found] == list(layers), all(one.median_ms > 0 for one in found)
        (True, True)
    """
    batch_size = whole_number(batch_size, "batch_size", low=1)
    n_repeats = whole_number(n_repeats, "n_repeats", low=LEAST_RUNS)
    warm_up = whole_number(warm_up, "warm_up", low=0)
    seed = whole_number(seed, "seed", low=0)
    whole.check_seconds(max_seconds)
    where, number = device_for(device, otherwise=torch.device("cpu")), whole.checked_dtype(dtype)
    whole.check_bfloat16(where, number)
    if threads is not None:
        threads = whole_number(threads, "threads", low=1)

    def timed(layer: Layer) -> LayerLatency:
        if not isinstance(layer, Layer):
            raise SpecError(f"layers must be of nnmass.specs.Layer, got {layer!r}")
        on_device = torch.cuda.device(where) if where.type == "cuda" else nullcontext()
        with _threads(threads), on_device, torch.inference_mode():
            try:
                call = layer_call(
                    layer, batch_size=batch_size, device=where, dtype=number, seed=seed
                )
                times = timed_runs(
                    call,
                    stopwatch or stopwatch_for(where),
                    n_repeats=n_repeats,
                    warm_up=warm_up,
                    max_seconds=max_seconds,
                )
            except RuntimeError as error:
                raise ProbeError(
                    f"the layer ({layer}) cannot be run on {batch_size} images, {dtype}, on "
                    f"{where}: {error}"
                ) from error
        return LayerLatency(layer=layer, times_ms=times)

    return map(timed, layers)
