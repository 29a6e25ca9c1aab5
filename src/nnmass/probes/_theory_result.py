"""What `nnmass.probes.isometry_theory` returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass._from_plain import from_plain
from nnmass.probes._student import interval_of_mean, mean_of
from nnmass.topology import Cell, SingularValueLaw, mean_singular_value

N_BINS = 48
CAVEAT = (
    "The near-linear growth of the mean singular value with the mass, sqrt(w + m/2) f(q), is a "
    "property of matrices whose entries have variance 1. At PyTorch's own start the entries have "
    "variance 1 / (3 fan-in): the scale cancels, and the mean of W moves only from 0.490 (mass 0) "
    "towards 0.577, because q moves. These are singular values of W alone; the layer Jacobian "
    "W diag(act'(z)) has smaller ones where the activation is flat. The law is a limit for large "
    "matrices: with 8 rows the mean of normal entries lies up to 1.6 % below it, and that of "
    "PyTorch's uniform start 0.2 %."
)


def bin_edges(rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Edges of the histogram of matrices of this shape, in units of ``std * sqrt(max)``.

    The support of the law and a fifth of its width on both sides, as far as that is not negative;
    the same for every layer of a shape, so that their histograms can be added.
    """
    low, high = SingularValueLaw(rows, columns, 1 / math.sqrt(max(rows, columns))).support
    margin = 0.2 * (high - low)
    return np.linspace(max(low - margin, 0.0), high + margin, N_BINS + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSpread:
    """Where singular values lie.

    Attributes:
        mean: Their mean.
        std: Their standard deviation.
        quantiles: At 0.05, 0.25, 0.5, 0.75 and 0.95.
    """

    mean: float
    std: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTheory:
    """One weight layer: its own singular values, activation left out, beside the law.

    Attributes:
        path: Of the module.
        kind: ``linear`` or ``convolution``.
        rows: Of one of its matrices; see `nnmass.probes.isometry_theory`.
        columns: Of one of its matrices.
        n_matrices: In one initialisation.
        grid: Frequencies along each dimension of a convolution.
        is_even: Whether all entries have the same variance, as the law takes it; not so for some
            strides (3x3 with stride 2), whose values are spread a little wider.
        entry_stds: Standard deviation of the entries, for each initialisation.
        means: Mean singular value, for each initialisation.
        measured: All initialisations together.
        predicted: The law at this shape and `entry_std`.
        distance: Largest difference between the two distribution functions (Kolmogorov and
            Smirnov), in [0, 1]. Few values are far from any law: n of them at about 1 / sqrt(n).
        histogram: Shares of the singular values in the bins of `bin_edges`, in units of each
            initialisation's ``entry_std * sqrt(max(rows, columns))``; the rest lies outside.
        reason: Why there are no numbers; they are ``None`` then.
    """

    path: str
    kind: str
    rows: int
    columns: int
    n_matrices: int
    grid: tuple[int, ...]
    is_even: bool
    entry_stds: tuple[float | None, ...]
    means: tuple[float | None, ...]
    measured: ValueSpread | None = None
    predicted: ValueSpread | None = None
    distance: float | None = None
    histogram: tuple[float, ...] | None = None
    reason: str = ""

    @property
    def entry_std(self) -> float | None:
        """Root of the mean variance of the entries over initialisations."""
        known = [std for std in self.entry_stds if std is not None]
        if len(known) < len(self.entry_stds):
            return None
        return math.sqrt(fmean(std * std for std in known))

    @property
    def n_values(self) -> int:
        """Singular values in one initialisation."""
        return min(self.rows, self.columns) * self.n_matrices

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {**asdict(self), "entry_std": self.entry_std}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTheory:
    """The published form for one cell of a network of ours.

    The typical layer of a cell is a matrix of w rows and ``w + mass/2`` columns, its average
    degree. What is measured are the layers 2, 3, .. of the cell, a classifier left out.

    Attributes:
        index: Of the cell.
        cell: Its width, depth and link cap, and thereby mass and average degree.
        paths: The layers that are measured; none where the cell is too shallow to have any.
        means: Mean singular value of their W, for each initialisation.
        unit_means: The same with each W divided by the standard deviation of its entries.
    """

    index: int
    cell: Cell
    paths: tuple[str, ...]
    means: tuple[float | None, ...]
    unit_means: tuple[float | None, ...]

    @property
    def predicted_fan_in(self) -> float:
        """Mean singular value at PyTorch's own start; compare with `mean`."""
        return mean_singular_value(self.cell.width, self.cell.mass, init="fan-in")

    @property
    def predicted_unit(self) -> float:
        """Mean singular value at variance 1; compare with `unit_mean`."""
        return mean_singular_value(self.cell.width, self.cell.mass)

    @property
    def mean(self) -> float | None:
        """Over initialisations; ``None`` without layers, or where one failed."""
        return mean_of(self.means)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `mean` over initialisations (Student's t); needs two."""
        return interval_of_mean(self.means)

    @property
    def unit_mean(self) -> float | None:
        """Mean of `unit_means` over initialisations."""
        return mean_of(self.unit_means)

    @property
    def unit_interval(self) -> tuple[float, float] | None:
        """95 % interval of `unit_mean`."""
        return interval_of_mean(self.unit_means)

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "index": self.index,
            "cell": self.cell.to_dict(),
            "paths": list(self.paths),
            "predicted": {"fan_in": self.predicted_fan_in, "unit_variance": self.predicted_unit},
            "mean": self.mean,
            "interval": self.interval,
            "means": list(self.means),
            "unit_mean": self.unit_mean,
            "unit_interval": self.unit_interval,
            "unit_means": list(self.unit_means),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IsometryTheory:
    """Random-matrix theory beside the weights of a network.

    Attributes:
        network: Its name.
        seeds: Of the initialisations; ``(None,)`` for a model that was given.
        layers: The weight layers, in the order of the modules.
        cells: The cells of a network of ours; empty for other networks.
        left_out: Other parameters of two dimensions or more, which the law is not told for here
            (transposed convolutions, embeddings, attention's joint projections).
        elapsed_s: Wall time.
        environment: Versions, device, threads.
    """

    network: str
    seeds: tuple[int | None, ...]
    layers: tuple[LayerTheory, ...]
    cells: tuple[CellTheory, ...]
    left_out: tuple[str, ...]
    elapsed_s: float
    environment: dict[str, str]

    @property
    def caveat(self) -> str:
        """What has to be known before the numbers are read: scale, activation, small matrices."""
        return CAVEAT

    @property
    def failures(self) -> tuple[str, ...]:
        """Layers without numbers, each with its reason."""
        return tuple(f"{layer.path}: {layer.reason}" for layer in self.layers if layer.reason)

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "network": self.network,
            "seeds": list(self.seeds),
            "layers": [layer.to_dict() for layer in self.layers],
            "cells": [cell.to_dict() for cell in self.cells],
            "left_out": list(self.left_out),
            "failures": list(self.failures),
            "caveat": self.caveat,
            "elapsed_s": self.elapsed_s,
            "environment": self.environment,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> IsometryTheory:
        """The measurement that `to_dict` told of."""
        layers = tuple(_layer(layer) for layer in values["layers"])
        cells = tuple(
            from_plain(CellTheory, cell, cell=_cell(cell["cell"])) for cell in values["cells"]
        )
        return from_plain(cls, values, layers=layers, cells=cells)


def _layer(values: Mapping[str, Any]) -> LayerTheory:
    spreads = {
        name: None if values[name] is None else from_plain(ValueSpread, values[name])
        for name in ("measured", "predicted")
    }
    return from_plain(LayerTheory, values, **spreads)


def _cell(values: Mapping[str, Any]) -> Cell:
    return Cell(width=values["width"], depth=values["depth"], link_cap=values["link_cap"])
