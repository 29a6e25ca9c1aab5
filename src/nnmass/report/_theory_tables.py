"""Random-matrix theory beside the weights, as tables."""

from __future__ import annotations

import math

from nnmass.errors import SpecError
from nnmass.probes import CellTheory, IsometryTheory, LayerTheory
from nnmass.report._numbers import format_spread, half_width
from nnmass.report._table import Column, Table


def theory_table(theory: IsometryTheory) -> Table:
    """One row a weight layer: its matrix, the spread of its entries, measured mean and law.

    Example:
        >>> from nnmass.probes import isometry_theory
        >>> theory_table(isometry_theory("dense-mlp(w=8,d=4,t=8)", seeds=1)).rows[0][:3]
        ('layers.0', '8 x 784', '1')
    """
    columns: tuple[Column, ...] = (
        Column("layer", align="left"),
        Column("matrix"),
        Column("matrices", is_optional=True),
        Column("entry std"),
        Column("mean"),
        Column("mean, law"),
        Column("std", is_optional=True),
        Column("std, law", is_optional=True),
        Column("KS"),
    )
    rows: list[tuple[str, ...]] = [_layer_row(layer) for layer in theory.layers]
    notes = [_note(layer) for layer in theory.layers]
    if any(notes):
        columns = (*columns, Column("note", align="left", is_optional=True))
        rows = [(*row, note) for row, note in zip(rows, notes, strict=True)]
    title = (
        "Singular values of W, the activation left out, beside the Marchenko-Pastur law; KS: "
        "largest difference of the two distribution functions"
    )
    return Table(columns, tuple(rows), title)


def _layer_row(layer: LayerTheory) -> tuple[str, ...]:
    measured, predicted = layer.measured, layer.predicted
    values = (
        layer.entry_std,
        measured and measured.mean,
        predicted and predicted.mean,
        measured and measured.std,
        predicted and predicted.std,
    )
    return (
        layer.path or "(whole)",
        f"{layer.rows} x {layer.columns}",
        str(layer.n_matrices),
        *("n/a" if value is None else f"{value:#.4g}" for value in values),
        "n/a" if layer.distance is None else f"{layer.distance:.3f}",
    )


def _note(layer: LayerTheory) -> str:
    if layer.reason or layer.is_even:
        return layer.reason
    return "entries differ in variance (stride)"


def cell_theory_table(theory: IsometryTheory) -> Table:
    """One row a cell: mass and average degree, and both predictions beside what was measured.

    Raises:
        SpecError: The network has no cells whose theory is known (it is none of our dense ones).
    """
    if not theory.cells:
        raise SpecError(
            f"{theory.network} has no cells with a published form: only dense MLPs and dense CNNs "
            "of nnmass have; theory_table shows its layers"
        )
    names = ("NN-Mass", "degree", "w + m/2", "fan-in law", "measured", "unit law", "measured")
    columns = (Column("cell", align="left"), *(Column(name) for name in names))
    title = (
        "Mean singular value of W by cell: at the start as drawn (fan-in scaled, hardly moves with "
        "the mass) and with entries of variance 1 (grows with it)"
    )
    return Table(columns, tuple(_cell_row(cell) for cell in theory.cells), title)


def _cell_row(theory: CellTheory) -> tuple[str, ...]:
    cell, degree = theory.cell, theory.cell.average_degree
    return (
        f"{theory.index}: w {cell.width}, d {cell.depth}, t {cell.link_cap}",
        f"{cell.mass:.2f}",
        f"{degree.exact:.3f}",
        f"{degree.asymptotic:.3f}",
        f"{theory.predicted_fan_in:.4f}",
        _with_half(theory.mean, theory.interval, 4),
        f"{theory.predicted_unit:.3f}",
        _with_half(theory.unit_mean, theory.unit_interval, 3),
    )


def _with_half(mean: float | None, interval: tuple[float, float] | None, digits: int) -> str:
    """The mean and half of its 95 % interval."""
    return format_spread(math.nan if mean is None else mean, half_width(interval), digits)
