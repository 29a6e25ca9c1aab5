"""Random-matrix theory beside the weights, as a drawing and as a section of a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from nnmass.errors import SpecError, did_you_mean
from nnmass.probes import CellTheory, IsometryTheory, LayerTheory
from nnmass.probes._theory_result import bin_edges
from nnmass.report._curves import Series
from nnmass.report._document import Figure, Section
from nnmass.report._law_chart import Bar, law_panel
from nnmass.report._plot import HEIGHT, WIDTH
from nnmass.report._svg import drawing
from nnmass.report._theory_tables import cell_theory_table, theory_table
from nnmass.topology import SingularValueLaw

_ALIKE = 1.2  # ratio of entry deviations that counts as one: small layers scatter by sampling


def theory_figure(
    theory: IsometryTheory, *, layer: str | None = None, cell: int | None = None
) -> Figure:
    """Histogram of measured singular values with the Marchenko-Pastur curve on it.

    All layers whose matrices have the same shape are drawn together, with all initialisations.

    Args:
        theory: What was measured.
        layer: Path of a layer of the shape that is wanted.
        cell: A cell, whose commonest shape is drawn. Without both: the first cell, and in a
            network without cells the shape with the most singular values.

    Raises:
        SpecError: There is no such layer or cell, both are given, or it has no numbers.

    Example:
        >>> from nnmass.probes import isometry_theory
        >>> figure = theory_figure(isometry_theory("dense-mlp(w=8,d=16,t=8)", seeds=2))
        >>> "8 x 16" in figure.caption, "average degree" in figure.caption
        (True, True)
    """
    if layer is not None and cell is not None:
        raise SpecError(f"give a layer or a cell, not both, got {layer!r} and {cell!r}")
    chosen = _cell(theory, cell) if layer is None else None
    pooled = _pooled(theory, layer, chosen)
    rows, columns = pooled[0].rows, pooled[0].columns
    deviations = [std for one in pooled if (std := one.entry_std) is not None]
    is_alike = max(deviations) <= _ALIKE * min(deviations)
    std = math.sqrt(float(np.mean(np.square(deviations))))
    law = SingularValueLaw(rows, columns, std if is_alike else max(rows, columns) ** -0.5)
    edges = bin_edges(rows, columns) * law.scale
    heights = np.mean([one.histogram or () for one in pooled], axis=0) / np.diff(edges)
    sigma = law.support[0] + (law.support[1] - law.support[0]) * _fine()
    unit = "" if is_alike else ", in units of its layer's std · √max(rows, columns)"
    title = f"{theory.network}: singular values of {rows} x {columns} matrices"
    body = law_panel(
        Series("Marchenko-Pastur law", "", sigma.tolist(), law.density(sigma).tolist()),
        bars=[
            Bar(*bar) for bar in zip(edges[:-1].tolist(), edges[1:].tolist(), heights.tolist(),
                                     strict=True)
        ],
        measured=_sample(theory, pooled),
        x_label=f"singular value of W{unit}",
        y_label="density",
        title=title,
    )  # fmt: skip
    svg = drawing(body, width=WIDTH, height=HEIGHT, title=title, summary=_caption(pooled, chosen))
    return Figure(svg, _caption(pooled, chosen))


def _fine() -> np.typing.NDArray[np.float64]:
    """Shares of the support, closer at its ends, where the density has vertical tangents."""
    return np.asarray((1 - np.cos(np.linspace(0, math.pi, 181))) / 2)


def _cell(theory: IsometryTheory, cell: int | None) -> CellTheory | None:
    if cell is None:
        return next((one for one in theory.cells if one.paths), None)
    if isinstance(cell, bool) or cell not in range(len(theory.cells)):
        raise SpecError(
            f"cell must be one of the {len(theory.cells)} cells of {theory.network} with a "
            f"published form, from 0 on, got {cell!r}"
        )
    return theory.cells[cell]


def _pooled(
    theory: IsometryTheory, layer: str | None, cell: CellTheory | None
) -> list[LayerTheory]:
    """The layers that are drawn together."""
    known = [one for one in theory.layers if one.histogram is not None]
    if layer is not None:
        candidates = [one for one in theory.layers if one.path == layer]
        if not candidates:
            close = did_you_mean(layer, [one.path for one in theory.layers])
            raise SpecError(f"{theory.network} has no layer {layer!r}.{close}")
        shape = _shape(candidates[0])
        known = known if candidates[0] in known else []
    else:
        if cell is not None:
            known = [one for one in known if one.path in cell.paths]
        sizes = Counter[tuple[str, int, int]]()
        for one in known:
            sizes[_shape(one)] += one.n_values
        shape = max(sizes, key=sizes.__getitem__) if sizes else ("", 0, 0)
    pooled = [one for one in known if _shape(one) == shape]
    if not pooled:
        what = f"layer {layer!r}" if layer is not None else f"cell {cell.index if cell else 0}"
        why = "; ".join(theory.failures[:2]) or "it has no layer that reads skips"
        raise SpecError(f"nothing to draw for {what} of {theory.network}: {why}")
    return pooled


def _shape(layer: LayerTheory) -> tuple[str, int, int]:
    return layer.kind, layer.rows, layer.columns


def _sample(theory: IsometryTheory, pooled: Sequence[LayerTheory]) -> str:
    n = len(theory.seeds)
    layers = f"{len(pooled)} layer{'s' * (len(pooled) > 1)}"
    return f"measured, {layers}, {n} initialisation{'s' * (n > 1)}"


def _caption(pooled: Sequence[LayerTheory], cell: CellTheory | None) -> str:
    known = [(m, p) for x in pooled if (m := x.measured) is not None and (p := x.predicted)]
    mean = float(np.mean([m.mean for m, _ in known]))
    law = float(np.mean([p.mean for _, p in known]))
    first = pooled[0]
    outside = 1 - float(np.mean([sum(one.histogram or ()) for one in pooled]))
    text = (
        f"W of {first.rows} x {first.columns}, activation left out: mean singular value {mean:.4g}"
        f" measured, {law:.4g} by the law."
    )
    if outside > 0.0005:
        text += f" {100 * outside:.1f} % of the values lie outside the drawing."
    if cell is not None:
        degree = cell.cell.average_degree
        text += (
            f" Cell {cell.index}: NN-Mass {cell.cell.mass:.2f}, average degree {degree.exact:.3f} "
            f"exactly and w + m/2 = {degree.asymptotic:.3f} in the limit of a deep cell."
        )
    return text


def theory_section(theory: IsometryTheory) -> Section:
    """Drawing and tables of one network, under the caveat that belongs beside them."""
    has_numbers = any(layer.histogram is not None for layer in theory.layers)
    cells = (cell_theory_table(theory),) if theory.cells else ()
    return Section(
        heading=f"Random-matrix theory: {theory.network}",
        text=theory.caveat,
        figures=(theory_figure(theory),) if has_numbers else (),
        tables=(*cells, theory_table(theory)),
    )
