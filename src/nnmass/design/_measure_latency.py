"""Measuring a latency table. The one place in the room that runs torch, when it is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nnmass.design._channel_grid import grid_of
from nnmass.design._latency_file import read_table
from nnmass.design._latency_table import Clock, LatencyTable, LayerTime, Progress
from nnmass.design._table_error import NetworkCheck
from nnmass.design._table_setting import TableSetting
from nnmass.errors import ProbeError, SpecError, positive_number, whole_number
from nnmass.runs import this_machine
from nnmass.specs import Layer, Spec, layers_of, parse

if TYPE_CHECKING:
    from nnmass.probes import LayerLatency

N_REPEATS = 100
"""Timed runs of a layer, if the time allows."""

_NO_TIME = "the clock saw no time go by for {}: it is too coarse for such a layer"


def measure_latency_table(
    networks: Sequence[Spec | str | Layer],
    *,
    threads: int = 1,
    batch_size: int = 1,
    device: str = "cpu",
    dtype: Literal["float32", "bfloat16"] = "float32",
    n_points: int = 6,
    max_seconds: float = 60.0,
    path: str | Path | None = None,
    on_entry: Progress | None = None,
    stopwatch: Clock | None = None,
) -> LatencyTable:
    """Measure the layers of ``networks``, and channel counts between theirs, on this machine.

    Give the smallest and the largest network of a space: what lies between them is interpolated.
    Timings hang on what else the machine does, so measure on a quiet one.

    Args:
        networks: Specs, or single layers.
        threads: That one operation on the CPU may use.
        batch_size: Images in one run.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: Of weights and images.
        n_points: Channel counts of a kind of layer, on each axis, 2 or more.
        max_seconds: For all timed runs together, about; at least 5 are made of each layer.
        path: A file for the table. What it already holds is not measured again, and after each
            group of layers it is saved, so that a stopped measurement goes on.
        on_entry: Called after each layer, with it, how many are done and how many there are.
        stopwatch: In place of the device's clock.

    Returns:
        The table; with ``path`` it also has what else the file held.

    Raises:
        SpecError: An argument is wrong, or a family has no layer rule.
        DeviceError: The device is not there, or the file is of another machine, device, number
            of threads, number format, size of batch or version of torch.
        StoreError: The file is damaged, or cannot be written.
        ProbeError: A layer cannot be run.

    Source:
        Ours.

    Example:
        >>> table = measure_latency_table(["dense-cnn(wm=1,d=4,t=40,image=8)"], max_seconds=0.1)
        >>> table.setting.threads, table.network_ms("dense-cnn(wm=1,d=3,t=5,image=8)") > 0
        (1, True)
    """
    n_points = whole_number(n_points, "n_points", low=2)
    max_seconds = positive_number(max_seconds, "max_seconds")
    wanted = grid_of(_layers(networks), n_points)
    setting = _setting(device=device, threads=threads, dtype=dtype, batch_size=batch_size)
    table = _begun(setting, path)
    known = {time.layer for time in table.times}
    missing = [layer for layer in wanted if layer not in known]
    if not missing:
        return table
    each_s = max_seconds / len(missing)
    found = _latencies(missing, setting, device, each_s, stopwatch)
    done = len(wanted) - len(missing)
    for time in found:
        table = replace(table, times=(*table.times, time))
        done += 1
        if path is not None:
            table.save(path)
        if on_entry is not None:
            on_entry(time, done, len(wanted))
    return table


def _layers(networks: Sequence[Spec | str | Layer]) -> list[Layer]:
    if isinstance(networks, str | Spec | Layer) or not isinstance(networks, Sequence):
        raise SpecError(f"networks must be a list of specs or layers, got {networks!r}")
    if not networks:
        raise SpecError("networks must hold a spec or a layer, got none")
    layers = list[Layer]()
    for network in networks:
        if isinstance(network, Layer):
            layers.append(network)
            continue
        spec = parse(network) if isinstance(network, str) else network
        if not isinstance(spec, Spec):
            raise SpecError(f"networks must be specs or layers, got {network!r}")
        layers += layers_of(spec)
    return layers


def _setting(*, device: str, threads: int, dtype: str, batch_size: int) -> TableSetting:
    from nnmass.probes import describe_device

    if dtype not in ("float32", "bfloat16"):
        raise SpecError(f"dtype must be 'float32' or 'bfloat16', got {dtype!r}")
    described = describe_device(device)
    return TableSetting(
        machine=this_machine(),
        device=described["device"],
        threads=whole_number(threads, "threads", low=1),
        dtype=dtype,
        batch_size=whole_number(batch_size, "batch_size", low=1),
        torch=described["torch"],
    )


def _begun(setting: TableSetting, path: str | Path | None) -> LatencyTable:
    """What the file holds, or nothing yet."""
    if path is None or not Path(path).exists():
        return LatencyTable(setting=setting, times=())
    asked = {field.name: getattr(setting, field.name) for field in fields(setting)}
    return read_table(path, machine=setting.machine, asked=asked)


def _latencies(
    layers: Sequence[Layer],
    setting: TableSetting,
    device: str,
    each_s: float,
    stopwatch: Clock | None,
) -> Iterator[LayerTime]:
    from nnmass.probes import layer_latencies

    found: Iterator[LayerLatency] = layer_latencies(
        layers,
        batch_size=setting.batch_size,
        n_repeats=N_REPEATS,
        max_seconds=each_s,
        device=device,
        threads=setting.threads,
        dtype=setting.dtype,  # type: ignore[arg-type]
        stopwatch=stopwatch,
    )
    for one in found:
        if one.median_ms <= 0:
            raise ProbeError(_NO_TIME.format(one.layer))
        yield LayerTime(
            layer=one.layer,
            median_ms=one.median_ms,
            min_ms=max(one.min_ms, 1e-9),
            n_runs=len(one.times_ms),
        )


def check_networks(
    table: LatencyTable,
    specs: Sequence[Spec | str],
    *,
    max_seconds: float,
    path: str | Path | None,
    stopwatch: Clock | None,
) -> LatencyTable:
    """See `LatencyTable.check`."""
    from nnmass.probes import latency

    setting = table.setting
    device = setting.device.split(" ")[0]
    here = _setting(
        device=device,
        threads=setting.threads,
        dtype=setting.dtype,
        batch_size=setting.batch_size,
    )
    here.check_same({"machine": setting.machine, "torch": setting.torch}, what="this check")
    parsed = [parse(spec) if isinstance(spec, str) else spec for spec in specs]
    sums = [table.network_ms(spec) / table.factor for spec in parsed]
    for spec, layers_ms in zip(parsed, sums, strict=True):
        found = latency(
            spec,
            batch_sizes=(setting.batch_size,),
            max_seconds=max_seconds,
            device=device,
            threads=setting.threads,
            dtype=setting.dtype,  # type: ignore[arg-type]
            stopwatch=stopwatch,
        )
        if found.median_ms <= 0:
            raise ProbeError(_NO_TIME.format(spec))
        check = NetworkCheck(network=str(spec), layers_ms=layers_ms, measured_ms=found.median_ms)
        others = tuple(old for old in table.checks if old.network != check.network)
        table = replace(table, checks=(*others, check))
        if path is not None:
            table.save(path)
    return table
