"""Mean singular value against mass: law and measurement, at both scales."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnmass.errors import SpecError
from nnmass.probes import CellTheory, IsometryTheory
from nnmass.report._curves import Series
from nnmass.report._document import Figure
from nnmass.report._law_chart import law_panel
from nnmass.report._numbers import half_width
from nnmass.report._plot import HEIGHT, WIDTH
from nnmass.report._scatter import Point
from nnmass.report._svg import drawing, element
from nnmass.topology import mean_singular_value


def mass_theory_figure(theories: Sequence[IsometryTheory]) -> Figure:
    """Mean singular value of W against NN-Mass for dense networks of one width.

    Two panels, both from zero: with entries of variance 1 (the measured W divided by the
    deviation of its entries), where the value grows with the mass; and as the networks start,
    where it hardly moves. One point a cell, the mean over initialisations with its 95 % interval,
    coloured by depth; the curve is `nnmass.mean_singular_value`.

    Args:
        theories: From `nnmass.probes.isometry_theory`, of dense networks of one width.

    Raises:
        SpecError: There is no cell with numbers, or the widths differ.

    Example:
        >>> from nnmass.probes import isometry_theory
        >>> specs = [f"dense-mlp(w=8,d=6,t={t},in=8)" for t in (0, 8)]
        >>> figure = mass_theory_figure([isometry_theory(s, seeds=2) for s in specs])
        >>> "width 8" in figure.caption
        True
    """
    cells = [
        (cell, theory.network)
        for theory in theories
        for cell in theory.cells
        if cell.mean is not None and cell.unit_mean is not None
    ]
    width = _width_of(cells)
    title = f"Width {width}: mean singular value of W against NN-Mass"
    unit = _panel(cells, width, is_unit=True)
    drawn = _panel(cells, width, is_unit=False)
    n = len(theories[0].seeds)
    caption = (
        f"Dense networks of width {width}, their skip-reading layers, activation left out; mean of "
        f"{n} initialisation{'s' * (n > 1)} with 95 % interval. Above: entries of variance 1, the "
        "mean grows with the mass. Below: the same weights as they start (variance 1 / (3 "
        "fan-in)): the scale cancels and little growth is left."
    )
    below = element("g", *drawn, transform=f"translate(0,{HEIGHT + 12:.0f})")
    svg = drawing([*unit, below], width=WIDTH, height=2 * HEIGHT + 12, title=title, summary=caption)
    return Figure(svg, caption)


def _width_of(cells: Sequence[tuple[CellTheory, str]]) -> int:
    widths = sorted({cell.cell.width for cell, _ in cells})
    if len(widths) != 1:
        got = f"of the widths {widths}" if widths else "without one cell that has numbers"
        raise SpecError(
            f"mass_theory_figure needs dense networks of one width, got networks {got}: the curve "
            "is another at every width"
        )
    return widths[0]


def _panel(cells: Sequence[tuple[CellTheory, str]], width: int, *, is_unit: bool) -> list[str]:
    most = max(cell.cell.mass for cell, _ in cells) or float(width)
    mass = np.linspace(0, 1.05 * most, 80).tolist()
    init = "unit-variance" if is_unit else "fan-in"
    law = [mean_singular_value(width, m, init=init) for m in mass]  # type: ignore[arg-type]
    formula = "√(w + m/2) f(q)" if is_unit else "f(q) / √3"
    start = "entries of variance 1" if is_unit else "as PyTorch starts (fan-in)"
    return law_panel(
        Series(f"law: {formula}", "", mass, law),
        points=[_point(cell, name, is_unit=is_unit) for cell, name in cells],
        x_label="NN-Mass of the cell",
        y_label="mean singular value of W",
        title=f"Width {width}, {start}",
    )


def _point(cell: CellTheory, name: str, *, is_unit: bool) -> Point:
    mean, interval = (cell.unit_mean, cell.unit_interval) if is_unit else (cell.mean, cell.interval)
    return Point(
        x=cell.cell.mass,
        y=mean or 0.0,
        spread=half_width(interval),
        label=name,
        group=f"depth {cell.cell.depth}",
    )
