"""Latency of single layers, each as it runs in our networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import torch

from nnmass.errors import ProbeError, SpecError, positive_number, whole_number
from nnmass.probes._latency import DType, check_bfloat16, checked_dtype
from nnmass.probes._layer_latency_result import LayerLatency
from nnmass.probes._layer_run import COMPANIONS, layer_call
from nnmass.probes._machine import device_for, threads
from nnmass.probes._stopwatch import LEAST_RUNS, Stopwatch, stopwatch_for
from nnmass.specs import Layer

GROUP = 24
"""Layers that take turns."""
LEAST_GROUP = 8
"""With fewer, others run between them."""

_threads = threads  # `layer_latencies` has an argument of that name
_Call = Callable[[], object]


def layer_latencies(
    layers: Sequence[Layer],
    *,
    batch_size: int = 1,
    n_repeats: int = 30,
    warm_up: int = 2,
    max_seconds: float = 0.25,
    device: str | torch.device = "cpu",
    threads: int | None = None,
    dtype: DType = "float32",
    seed: int = 0,
    stopwatch: Stopwatch | None = None,
) -> Iterator[LayerLatency]:
    """How long each layer takes: evaluation mode, inference mode, random numbers.

    Up to 24 layers take turns, and each turn is timed by itself. A layer that runs again and
    again finds its weights, its inputs and its code in the caches and runs faster than in a
    network (by 7 to 28 % where tried); one that takes turns does not.

    Args:
        layers: See `nnmass.specs.layers_of`.
        batch_size: Images in a run.
        n_repeats: Timed runs of each, 5 or more.
        warm_up: Runs of each before those.
        max_seconds: For the timed runs of a layer, on average over those that take turns; then
            no other is begun, but 5 are made.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: That one operation on the CPU may use; between two results, while the caller
            looks at one, there are as many as before.
        dtype: Of weights and feature maps.
        seed: Of the random numbers.
        stopwatch: In place of the device's clock.

    Yields:
        One result for each layer, in their order.

    Raises:
        SpecError: An argument is wrong.
        ProbeError: A layer cannot be run.
        DeviceError: The device is not there, or has no bfloat16.

    Source:
        Ours.

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
    max_seconds = positive_number(max_seconds, "max_seconds")
    where, number = device_for(device, otherwise=torch.device("cpu")), checked_dtype(dtype)
    check_bfloat16(where, number)
    n_threads = None if threads is None else whole_number(threads, "threads", low=1)
    layers = _checked_layers(layers)

    def made(layer: Layer) -> _Call:
        return layer_call(layer, batch_size=batch_size, device=where, dtype=number, seed=seed)

    def timed(group: Sequence[Layer]) -> list[tuple[float, ...]]:
        with ExitStack() as stack:
            stack.enter_context(_threads(n_threads))
            stack.enter_context(torch.inference_mode())
            if where.type == "cuda":
                stack.enter_context(torch.cuda.device(where))
            calls = [_telling(made, layer) for layer in group]
            between = [made(layer) for layer in COMPANIONS] if len(group) < LEAST_GROUP else []
            return _turns(
                calls,
                between,
                stopwatch or stopwatch_for(where),
                n_repeats=n_repeats,
                warm_up=warm_up,
                max_ms=1000 * max_seconds * len(group),
            )

    return _results(layers, timed)


def _results(
    layers: Sequence[Layer], timed: Callable[[Sequence[Layer]], list[tuple[float, ...]]]
) -> Iterator[LayerLatency]:
    for group in _groups(layers):
        for layer, times in zip(group, timed(group), strict=True):
            yield LayerLatency(layer=layer, times_ms=times)


def _groups(layers: Sequence[Layer]) -> Iterator[Sequence[Layer]]:
    """Pieces of nearly equal size, none above `GROUP`."""
    n_groups = -(-len(layers) // GROUP)
    for index in range(n_groups):
        yield layers[index * len(layers) // n_groups : (index + 1) * len(layers) // n_groups]


def _turns(
    calls: Sequence[_Call],
    between: Sequence[_Call],
    stopwatch: Stopwatch,
    *,
    n_repeats: int,
    warm_up: int,
    max_ms: float,
) -> list[tuple[float, ...]]:
    """Milliseconds of the runs of each call; all take turns, the warm-up does not count."""
    times = [list[float]() for _ in calls]
    spent = 0.0
    for turn in range(warm_up + n_repeats):
        if turn >= warm_up + LEAST_RUNS and spent >= max_ms:
            break
        for call, found in zip(calls, times, strict=True):
            for other in between:
                other()
            took = stopwatch(call)
            if turn >= warm_up:
                found.append(took)
                spent += took
    return [tuple(found) for found in times]


def _telling(made: Callable[[Layer], _Call], layer: Layer) -> _Call:
    """The call of ``layer``; an error tells which layer it was."""

    def error(cause: Exception) -> ProbeError:
        return ProbeError(f"this layer cannot be run: {layer}: {type(cause).__name__}: {cause}")

    try:
        call = made(layer)
    except (RuntimeError, ValueError) as cause:
        raise error(cause) from cause

    def run() -> object:
        try:
            return call()
        except RuntimeError as cause:
            raise error(cause) from cause

    return run


def _checked_layers(layers: Sequence[Layer]) -> Sequence[Layer]:
    layers = tuple(layers)
    for layer in layers:
        if not isinstance(layer, Layer):
            raise SpecError(
                f"layers must be of nnmass.specs.Layer, got {layer!r}; see nnmass.specs.layers_of"
            )
    return layers
