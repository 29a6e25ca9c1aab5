"""Measured latencies over channel counts, linear in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass._arrays import Floats
from nnmass.errors import SpecError, did_you_mean
from nnmass.specs import Layer, LayerKind

Curve = tuple[Floats, Floats]
"""Input channels, ascending, and milliseconds."""


@dataclass(frozen=True, slots=True)
class LayerCurves:
    """For each kind and each number of outputs a curve over the inputs.

    Kinds that keep their channels have one curve, under the outputs 0.
    """

    curves: Mapping[LayerKind, Mapping[int, Curve]]

    @classmethod
    def of(cls, points: Mapping[Layer, float]) -> LayerCurves:
        """The curves through measured layers."""
        found = dict[LayerKind, dict[int, list[tuple[int, float]]]]()
        for layer, ms in points.items():
            outputs = 0 if layer.kind.keeps_channels else layer.outputs
            found.setdefault(layer.kind, {}).setdefault(outputs, []).append((layer.inputs, ms))
        return cls(
            {
                kind: {n: _curve(found_points) for n, found_points in sorted(by_outputs.items())}
                for kind, by_outputs in found.items()
            }
        )

    def covers(self, layer: Layer) -> bool:
        """Whether the latency of ``layer`` can be told."""
        try:
            self.at(layer.kind, layer.inputs, layer.outputs)
        except SpecError:
            return False
        return True

    def at(self, kind: LayerKind, inputs: npt.ArrayLike, outputs: npt.ArrayLike | None) -> Floats:
        """Milliseconds; see `LatencyTable.layer_ms`."""
        curves = self.curves.get(kind)
        if curves is None:
            raise self._unknown(kind)
        ins = _whole_numbers(inputs, "inputs")
        if kind.keeps_channels:
            self._check_range(kind, ins, curves[0][0], "inputs")
            return np.asarray(np.interp(ins, *curves[0]))
        if outputs is None:
            if len(curves) > 1:
                raise SpecError(
                    f"outputs must be told for {kind}: it was measured with "
                    f"{', '.join(map(str, curves))} of them"
                )
            outputs = next(iter(curves))
        ins, outs = np.broadcast_arrays(ins, _whole_numbers(outputs, "outputs"))
        return self._between_curves(kind, ins, outs)

    def _between_curves(
        self, kind: LayerKind, ins: npt.NDArray[np.int64], outs: npt.NDArray[np.int64]
    ) -> Floats:
        curves = self.curves[kind]
        known = np.array(list(curves))
        self._check_range(kind, outs, known, "outputs")
        above = np.searchsorted(known, outs)
        below = np.where(known[above] == outs, above, above - 1)
        result = np.empty(ins.shape)
        for low, high in {*zip(below.ravel().tolist(), above.ravel().tolist(), strict=True)}:
            here = (below == low) & (above == high)
            first = self._on_curve(kind, int(known[low]), ins[here])
            if low == high:
                result[here] = first
                continue
            second = self._on_curve(kind, int(known[high]), ins[here])
            share = (outs[here] - known[low]) / (known[high] - known[low])
            result[here] = first + share * (second - first)
        return result

    def _on_curve(self, kind: LayerKind, outputs: int, ins: npt.NDArray[np.int64]) -> Floats:
        counts, ms = self.curves[kind][outputs]
        self._check_range(kind, ins, counts, "inputs")
        return np.asarray(np.interp(ins, counts, ms))

    def _check_range(
        self,
        kind: LayerKind,
        asked: npt.NDArray[np.int64],
        known: npt.NDArray[np.generic],
        name: str,
    ) -> None:
        low, high = int(known[0]), int(known[-1])
        beyond = asked[(asked < low) | (asked > high)]
        if beyond.size:
            raise SpecError(
                f"{name} must lie within the measured {low} to {high} channels for {kind}, got "
                f"{int(beyond.flat[0])}: measure a table that reaches so far"
            )

    def _unknown(self, kind: LayerKind) -> SpecError:
        hint = did_you_mean(str(kind), map(str, self.curves))
        return SpecError(
            f"the latency table has no layer of the kind {str(kind)!r}.{hint} Measure it: "
            "measure_latency_table with a network that has such layers"
        )


def _curve(points: list[tuple[int, float]]) -> Curve:
    ordered = np.array(sorted(points))
    return ordered[:, 0], ordered[:, 1]


def _whole_numbers(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise SpecError(f"{name} must be whole numbers of channels, got {values!r}")
    return array.astype(np.int64)
