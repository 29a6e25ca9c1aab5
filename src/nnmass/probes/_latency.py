"""Latency of a network's forward pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from nnmass._device import describe
from nnmass.errors import DeviceError, ProbeError, SpecError, positive_number, whole_number
from nnmass.nets import Net, open_network
from nnmass.probes._borrowed import borrowed, reject_compiled
from nnmass.probes._draws import Network, draws, name_of, seeds_for
from nnmass.probes._latency_result import BatchLatency, Latency
from nnmass.probes._machine import device_for, threads
from nnmass.probes._sample import noise_images
from nnmass.probes._stopwatch import LEAST_RUNS, Stopwatch, stopwatch_for, timed_runs
from nnmass.runs import environment

DType = Literal["float32", "bfloat16"]
_IMAGE_DIMS = 3  # channels, height, width


def latency(
    network: Network,
    input_shape: Sequence[int] | None = None,
    *,
    batch_sizes: Sequence[int] = (1,),
    n_repeats: int = 50,
    warm_up: int = 10,
    max_seconds: float = 10.0,
    device: str | torch.device = "cpu",
    threads: int | None = None,
    channels_last: bool = False,
    dtype: DType = "float32",
    seed: int = 0,
    stopwatch: Stopwatch | None = None,
) -> Latency:
    """How long a forward pass takes: evaluation mode, inference mode, random images.

    On CUDA the device's own clock is read, from an idle device to an idle device. Timings hang on
    what else the machine does: compare medians, and those of one process on a quiet machine.

    Args:
        network: A module as it is, or what is drawn from ``seed``; see `nnmass.probes.Network`.
        input_shape: Of one image, without the batch; found out for specs, and for names where
            the network tells.
        batch_sizes: One or more, none twice.
        n_repeats: Timed runs for each of them, 5 or more.
        warm_up: Runs before those, which do not count (nor go on beyond ``max_seconds``).
        max_seconds: For the timed runs of one size; after it no other is begun, but 5 are made
            however long they take.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: That one operation on the CPU may use; as many as there are now unless told, and
            afterwards as many as before.
        channels_last: Whether weights and images are laid out with their channels last.
        dtype: Of weights and images.
        seed: Of the weights, where they are drawn, and of the images.
        stopwatch: Makes a run and gives its milliseconds, in place of the device's clock.

    Returns:
        Median, 95th percentile, minimum and mean in milliseconds, and images a second, for each
        size of batch, with device, threads and number format.

    Raises:
        ProbeError: The shape is not known, or the network cannot be run on it.
        SpecError: Another argument is wrong.
        DeviceError: The device is not there, or has no bfloat16.

    Source:
        Ours.

    Example:
        >>> found = latency("dense-mlp(w=8,d=6,t=2)", batch_sizes=(1, 8), n_repeats=5)
        >>> [(batch.batch_size, batch.n_runs) for batch in found.batches], found.input_shape
        ([(1, 5), (8, 5)], (784,))
        >>> 0 < found.median_ms <= found.batches[0].p95_ms
        True
    """
    began = time.perf_counter()
    sizes = _checked_sizes(batch_sizes)
    n_repeats = whole_number(n_repeats, "n_repeats", low=LEAST_RUNS)
    warm_up = whole_number(warm_up, "warm_up", low=0)
    max_seconds = positive_number(max_seconds, "max_seconds")
    where, number = device_for(device, otherwise=torch.device("cpu")), checked_dtype(dtype)
    check_bfloat16(where, number)
    name, model, shape = _opened(network, input_shape, whole_number(seed, "seed", low=0))
    if channels_last and len(shape) != _IMAGE_DIMS:
        raise SpecError(f"channels_last needs images (channels, height, width), got {shape}")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    reject_compiled(model, name)
    stopwatch = stopwatch or stopwatch_for(where)
    batches = list[BatchLatency]()
    with _threads(threads) as n_threads, _ready(model, where, number, layout):
        for size in sizes:
            noise, _ = noise_images(size, shape, seed=seed)
            images = noise.to(where, number).contiguous(memory_format=layout)
            call = _forward(model, images, name)
            times = timed_runs(
                call, stopwatch, n_repeats=n_repeats, warm_up=warm_up, max_seconds=max_seconds
            )
            batches.append(BatchLatency(batch_size=size, times_ms=times))
        machine = describe(where)
    return Latency(
        network=name,
        input_shape=shape,
        batches=tuple(batches),
        device=machine["device"],
        threads=n_threads,
        dtype=dtype,
        channels_last=channels_last,
        warm_up=warm_up,
        torch=torch.__version__,
        seed=seed,
        elapsed_s=time.perf_counter() - began,
        environment=environment(machine),
    )


_threads = threads  # `latency` has an argument of that name


@contextmanager
def _ready(
    model: nn.Module, where: torch.device, number: torch.dtype, layout: torch.memory_format
) -> Iterator[None]:
    """``model`` lent to a device in a number format and a layout, nothing kept for gradients."""
    on_device = torch.cuda.device(where) if where.type == "cuda" else nullcontext()
    with on_device, borrowed(model, where, batch_norm="running"):
        model.to(dtype=number)  # the lent copies, not the model's own tensors
        if layout is torch.channels_last:
            model.to(memory_format=layout)  # type: ignore[call-overload]
        with torch.inference_mode():
            yield


def _forward(model: nn.Module, images: Tensor, name: str) -> Callable[[], object]:
    def call() -> object:
        try:
            return model(images)
        except Exception as error:
            raise ProbeError(
                f"{name} cannot be run on {len(images)} images of shape "
                f"{tuple(images.shape[1:])}, {images.dtype}, on {images.device} (input_shape is "
                f"without the batch): {type(error).__name__}: {error}"
            ) from error

    return call


def _opened(
    network: Network, input_shape: Sequence[int] | None, seed: int
) -> tuple[str, nn.Module, tuple[int, ...]]:
    """Name, module and shape of one image."""
    seeds = seeds_for(network, None)
    known: tuple[int, ...] | None = None
    if isinstance(network, str):
        opened = open_network(network, seed=seed, weights=True)
        model, known = opened.model, opened.input_shape
    else:
        ((_, model),) = draws(network, seeds if isinstance(network, nn.Module) else (seed,))
    if isinstance(model, Net):
        known = model.spec.input_shape
    if input_shape is not None:
        return name_of(network), model, _checked_shape(input_shape)
    if known is None:
        raise ProbeError(
            f"{name_of(network)} does not tell the shape of its images: give input_shape, such as "
            "(3, 224, 224), without the batch"
        )
    return name_of(network), model, known


def _checked_sizes(batch_sizes: Sequence[int]) -> tuple[int, ...]:
    if isinstance(batch_sizes, str) or not isinstance(batch_sizes, Sequence) or not batch_sizes:
        raise SpecError(f"batch_sizes must be one size or more, as in (1, 32), got {batch_sizes!r}")
    sizes = tuple(whole_number(size, "a batch size", low=1) for size in batch_sizes)
    if len(set(sizes)) < len(sizes):
        raise SpecError(f"batch_sizes must not hold a size twice, got {sizes}")
    return sizes


def _checked_shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    if isinstance(input_shape, str) or not isinstance(input_shape, Sequence) or not input_shape:
        raise SpecError(
            f"input_shape must be the sizes of one image, as in (3, 32, 32), got {input_shape!r}"
        )
    return tuple(whole_number(size, "a size in input_shape", low=1) for size in input_shape)


def checked_dtype(dtype: str) -> torch.dtype:
    if dtype not in get_args(DType):
        raise SpecError(f"dtype must be 'float32' or 'bfloat16', got {dtype!r}")
    return torch.bfloat16 if dtype == "bfloat16" else torch.float32


def check_bfloat16(where: torch.device, number: torch.dtype) -> None:
    is_wanted = where.type == "cuda" and number is torch.bfloat16
    if is_wanted and not torch.cuda.is_bf16_supported():
        raise DeviceError(f"device {where} has no bfloat16: use dtype='float32'")
