"""Latency of networks on one machine, layer by layer, from a measured table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from nnmass._arrays import Floats, first_bad, whole_array
from nnmass.design._layer_curves import LayerCurves
from nnmass.design._table_error import AdditiveError, NetworkCheck, checked_networks_error
from nnmass.design._table_setting import TableSetting
from nnmass.errors import SpecError, whole_number
from nnmass.runs import Machine
from nnmass.specs import (
    CellPlan,
    DenseConvSpec,
    Layer,
    LayerKind,
    Spec,
    cell_layers,
    layers_of,
    linked_layer,
    parse,
)
from nnmass.topology import Cell

Clock = Callable[[Callable[[], object]], float]
"""Makes a call and gives the milliseconds that it took; see `nnmass.probes.Stopwatch`."""

LEAST_CHECKS = 3
"""Networks that a correction is drawn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTime:
    """One measured layer.

    Attributes:
        layer: Kind and channels.
        median_ms: Of one run of the whole batch.
        min_ms: The fastest run.
        n_runs: How many were timed.
    """

    layer: Layer
    median_ms: float
    min_ms: float
    n_runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyTable:
    """Measured layers of one machine, and what follows for networks made of such layers.

    A network's latency is the sum of its layers' medians. Between measured channel counts it is
    linear, in the inputs and then in the outputs; beyond them it is not told.

    Attributes:
        setting: Machine, device, threads, number format, size of batch, version of torch.
        times: The measured layers.
        checks: Whole networks measured beside their sums.
        factor: What every time is multiplied by; 1 unless `corrected`.

    Example:
        >>> table = LatencyTable.load("latency.json", threads=1)  # doctest: +SKIP
        >>> table.network_ms("dense-cnn(wm=1,d=8,t=16/32/64)")  # doctest: +SKIP
        4.87
    """

    setting: TableSetting
    times: tuple[LayerTime, ...]
    checks: tuple[NetworkCheck, ...] = ()
    factor: float = 1.0
    _curves: LayerCurves = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the measured layers into curves."""
        points = {time.layer: time.median_ms for time in self.times}
        object.__setattr__(self, "_curves", LayerCurves.of(points))

    @property
    def kinds(self) -> tuple[LayerKind, ...]:
        """The kinds of layers that were measured."""
        return tuple(dict.fromkeys(time.layer.kind for time in self.times))

    def layer_ms(
        self, kind: LayerKind, inputs: npt.ArrayLike, outputs: npt.ArrayLike | None = None
    ) -> Floats:
        """Milliseconds of layers of one kind.

        Args:
            kind: One of `kinds`.
            inputs: Input channels, whole numbers.
            outputs: Output channels, broadcast against them; may be left out where the kind
                keeps the channels, or was measured with one number of outputs.

        Raises:
            SpecError: The kind was not measured, or channels lie beyond what was.
        """
        return self.factor * self._curves.at(kind, inputs, outputs)

    def network_ms(self, spec: Spec | str) -> float:
        """Milliseconds of a network: the sum over its layers.

        Raises:
            SpecError: The family has no layer rule, or a layer is not in the table.
        """
        spec = parse(spec) if isinstance(spec, str) else spec
        return self.layers_ms(layers_of(spec))

    def layers_ms(self, layers: Iterable[Layer]) -> float:
        """Milliseconds of all these layers, one after the other."""
        by_kind = dict[LayerKind, list[Layer]]()
        for layer in layers:
            by_kind.setdefault(layer.kind, []).append(layer)
        return sum(
            float(self.layer_ms(kind, [x.inputs for x in found], [x.outputs for x in found]).sum())
            for kind, found in by_kind.items()
        )

    def missing(self, specs: Iterable[Spec | str]) -> tuple[Layer, ...]:
        """Layers of these networks that the table cannot tell; empty when it can tell them all."""
        parsed = [parse(spec) if isinstance(spec, str) else spec for spec in specs]
        layers = dict.fromkeys(layer for spec in parsed for layer in layers_of(spec))
        return tuple(layer for layer in layers if not self._curves.covers(layer))

    def cell_ms(
        self,
        spec: DenseConvSpec | str,
        cell: int,
        *,
        depth: int | None = None,
        link_caps: npt.ArrayLike | None = None,
    ) -> Floats:
        """Milliseconds of one cell of a dense CNN, for every link cap that it may have.

        Layer i >= 2 reads ``w + min(t, w (i-1))`` channels, so with n = depth - 2, the layers
        read w + w, w + 2 w, .. as long as those fit into the cap, and w + t from then on.

        Args:
            spec: The network; its link caps do not count.
            cell: Which of its cells, from 0.
            depth: Layers of the cell, instead of the spec's.
            link_caps: These alone, whole numbers from 0 to w n.

        Returns:
            (w n + 1,), or one for each of ``link_caps``: the latency at link cap 0, 1, .., w n;
            measured numbers, so noise may let it fall here and there.

        Raises:
            SpecError: There is no such cell, no such link cap, or the table does not reach far
                enough.
        """
        bare = _without_links(spec, cell, depth)
        width, n = bare.cell.width, bare.cell.depth - 2
        fixed = self.layers_ms(x for x in cell_layers(bare) if not x.kind.is_linked)
        caps = _link_caps(link_caps, width * n)
        kind, n_full = linked_layer(bare, width).kind, caps // width
        most = int(n_full.max(initial=0))
        each = self.layer_ms(kind, width * np.arange(2, most + 2), width)
        full = np.concatenate([[0.0], np.cumsum(each)])  # layers that take all there is
        return fixed + full[n_full] + (n - n_full) * self.layer_ms(kind, width + caps, width)

    @property
    def error(self) -> AdditiveError:
        """How far sums lie from the whole networks that were measured.

        Raises:
            SpecError: None was measured yet.
        """
        return checked_networks_error(self.checks, is_corrected=self.factor != 1.0)

    def check(
        self,
        specs: Sequence[Spec | str],
        *,
        max_seconds: float = 2.0,
        path: str | Path | None = None,
        stopwatch: Clock | None = None,
    ) -> LatencyTable:
        """The table with these networks measured as a whole, beside their sums; see `error`.

        Args:
            specs: Networks that the table covers.
            max_seconds: For the timed runs of each.
            path: Where to save the table, after each network.
            stopwatch: In place of the device's clock.

        Raises:
            DeviceError: This is another machine than the table's.
            SpecError: A network has layers that the table cannot tell.
        """
        from nnmass.design._measure_latency import check_networks

        return check_networks(self, specs, max_seconds=max_seconds, path=path, stopwatch=stopwatch)

    def corrected(self) -> LatencyTable:
        """The table with every time multiplied by the median of measured over summed latency.

        A layer in a network takes a little longer than by itself, much the same for all layers;
        the factor brings the sums to where the networks are. `error` then judges each network by
        the factor of the others.

        Raises:
            SpecError: Fewer than 3 networks were measured.
        """
        if len(self.checks) < LEAST_CHECKS:
            raise SpecError(
                f"a correction needs {LEAST_CHECKS} measured networks or more, there are "
                f"{len(self.checks)}: use check()"
            )
        return replace(self, factor=median(check.ratio for check in self.checks))

    def save(self, path: str | Path) -> None:
        """Write the table to a JSON file: whole, or not at all.

        Raises:
            StoreError: It could not be written.
        """
        from nnmass.design._latency_file import write_table

        write_table(self, path)

    @staticmethod
    def load(
        path: str | Path,
        *,
        machine: Machine | None = None,
        device: str | None = None,
        threads: int | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
    ) -> LatencyTable:
        """The table of a file.

        Args:
            path: Written by `save`.
            machine: For which it is wanted; this one unless told.
            device: It must have been measured there; any where ``None``.
            threads: With so many threads.
            dtype: In this number format.
            batch_size: With so many images.

        Raises:
            StoreError: The file is not there, damaged, or no latency table.
            DeviceError: It is of another machine, or was measured in another way.
        """
        from nnmass.design._latency_file import read_table

        asked = {
            "device": device,
            "threads": threads,
            "dtype": dtype,
            "batch_size": batch_size,
        }
        return read_table(path, machine=machine, asked=asked)


Progress = Callable[[LayerTime, int, int], object]
"""Called with each measured layer, how many there are now, and how many there will be."""


def _link_caps(given: npt.ArrayLike | None, most: int) -> npt.NDArray[np.int64]:
    if given is None:
        return np.arange(most + 1)
    caps = whole_array(given, "link_caps", low=0)
    if caps.size and int(caps.max()) > most:
        raise SpecError(
            f"link_caps must be at most {most}, where the cell has all its skips, got "
            f"{first_bad(caps, caps > most)}"
        )
    return caps


def _without_links(spec: DenseConvSpec | str, index: int, depth: int | None) -> CellPlan:
    """A cell of ``spec`` at link cap 0, and at another depth if one is given."""
    network = parse(spec) if isinstance(spec, str) else spec
    if not isinstance(network, DenseConvSpec):
        raise SpecError(f"cell_ms needs a dense CNN, whose cells have link caps, got {network}")
    index, plans = whole_number(index, "cell", low=0), network.plans
    if index >= len(plans):
        raise SpecError(f"cell must be below {len(plans)}, got {index}: {network} has no more")
    old = plans[index]
    depth = old.cell.depth if depth is None else whole_number(depth, "depth", low=3)
    return network.plan_cell(
        Cell(old.cell.width, depth, 0), inputs=old.inputs, size_in=old.size_in, stride=old.stride
    )
