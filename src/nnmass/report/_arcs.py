"""The cells of a network: layers as dots, skip links as arcs above them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnmass.errors import SpecError
from nnmass.report._cell_drawing import CellDrawing
from nnmass.report._svg import (
    LINE_HEIGHT,
    drawing,
    element,
    escape,
    number,
    text_lines,
    text_width,
    title_of,
)

_WIDTH = 960.0  # pixels, as all below
_MARGIN = 4.0
_GUTTER = 28.0
_DOTS = 8.0  # of a cell's width, for the half dots that stick out
_LEAST_STEP, _EASY_STEP, _MOST_STEP = 4.5, 12.0, 28.0  # between two layers
_ONE_ROW = 3  # so many cells stand side by side even if they must be drawn small
_MOST_INK = 0.75  # of a cell's area under its arcs
_ARC_HEIGHT = 150.0
_TOP = 44.0


def arc_diagram(cells: Sequence[CellDrawing], *, title: str) -> str:
    """The cells of one network side by side, as inline SVG.

    An arc is the wider and the stronger the larger the share of the earlier layer's channels it
    carries. All cells are drawn to one scale; those that do not fit wrap into another row.

    Args:
        cells: At least one, from input to output.
        title: Stands above, and names the drawing for screen readers.

    Raises:
        SpecError: There is no cell.

    Example:
        >>> cell = CellDrawing("cell 1", 4, 3, [[0, 0, 0], [0, 0, 0], [3, 0, 0]])
        >>> svg = arc_diagram([cell], title="a small net")
        >>> "layer 0 -&gt; layer 2: 3 of 4 channels" in svg
        True
    """
    if not cells:
        raise SpecError("arc_diagram got no cells: give at least one")
    scale = _Scale.of(cells)
    body = [element("text", escape(title), x=_MARGIN, y=24, class_="title")]
    y, right = _TOP, _MARGIN + text_width(title, size=14)
    for row in _rows(cells, scale):
        parts, row_right, y = _draw_row(row, y, scale=scale)
        body += parts
        right = max(right, row_right)
    if any(cell.arcs for cell in cells):
        key, key_right = _key(y + 8, scale)
        body.append(key)
        y, right = y + 22, max(right, key_right)
    return drawing(body, width=right + _MARGIN, height=y + 8, title=title, summary=_summary(cells))


@dataclass(frozen=True, slots=True)
class _Scale:
    """How cells become pixels.

    Attributes:
        step: Between two layers.
        flatness: Height of an arc over half its length.
        faintness: What strokes and opacities are multiplied by, so that a crowd of arcs does not
            run into one blot; at most 1.
    """

    step: float
    flatness: float
    faintness: float = 1.0

    @classmethod
    def of(cls, cells: Sequence[CellDrawing]) -> _Scale:
        spare = _WIDTH - 2 * _MARGIN - (_GUTTER + _DOTS) * len(cells) + _GUTTER
        step = spare / max(sum(cell.depth - 1 for cell in cells), 1)
        deepest = max(2, *(cell.depth - 1 for cell in cells))
        easy = min(_EASY_STEP, (_WIDTH - 2 * _MARGIN - _DOTS) / deepest)
        step = min(max(step, _LEAST_STEP if len(cells) <= _ONE_ROW else easy), _MOST_STEP)
        full = cls(step, min(1.0, _ARC_HEIGHT / (step * deepest / 2)))
        ink = max(full.ink(cell) for cell in cells)
        return replace(full, faintness=min(1.0, math.sqrt(_MOST_INK / ink)) if ink else 1.0)

    def ink(self, cell: CellDrawing) -> float:
        """Stroke area times opacity of all arcs, over the area of the half ellipse they fill."""
        half = self.length(cell) / 2
        area = math.pi / 2 * half * self.flatness * half
        strokes = 0.0
        for target, source, count in cell.arcs:
            pen = self.strength(count / cell.width)
            # The two half axes weighted so: within 5 % of the perimeter of a half ellipse.
            length = self.step * (target - source) * (1 + 0.57 * self.flatness)
            strokes += pen["stroke_width"] * pen["opacity"] * length
        return strokes / area if area else 0.0

    def strength(self, share: float) -> dict[str, float]:
        """Stroke and opacity of an arc that carries ``share`` of the earlier layer's channels."""
        stroke, opacity = 0.7 + 1.9 * share, 0.38 + 0.5 * share
        return {"stroke_width": stroke * self.faintness, "opacity": opacity * self.faintness}

    def length(self, cell: CellDrawing) -> float:
        return self.step * (cell.depth - 1)

    def room(self, cell: CellDrawing) -> float:
        return max(self.length(cell) + _DOTS, *(text_width(line) for line in cell.legend))


def _rows(cells: Sequence[CellDrawing], scale: _Scale) -> list[list[CellDrawing]]:
    rows, used = list[list[CellDrawing]](), 0.0
    for cell in cells:
        room = scale.room(cell) + _GUTTER
        if not rows or used + room > _WIDTH + _GUTTER + 0.01:
            rows.append([])
            used = 2 * _MARGIN
        rows[-1].append(cell)
        used += room
    return rows


def _draw_row(
    row: Sequence[CellDrawing], top: float, *, scale: _Scale
) -> tuple[list[str], float, float]:
    """The elements of a row of cells, its right edge and its lower edge."""
    reach = scale.step * max(
        target - source for c in row for target, source, _ in [(0, 0, 0), *c.arcs]
    )
    base, x = top + scale.flatness * reach / 2 + 8, _MARGIN
    parts = list[str]()
    for cell in row:
        middle = x + scale.room(cell) / 2
        parts.append(_draw_cell(cell, middle - scale.length(cell) / 2, base, scale=scale))
        parts.append(_legend(cell, middle, base + 24))
        x += scale.room(cell) + _GUTTER
    lines = max(len(cell.legend) for cell in row)
    return parts, x - _GUTTER, base + 30 + LINE_HEIGHT * lines


def _draw_cell(cell: CellDrawing, start: float, base: float, *, scale: _Scale) -> str:
    step, end = scale.step, start + scale.length(cell)
    chain = element("path", d=f"M{number(start)} {number(base)}H{number(end)}", class_="chain")
    arcs = []
    for target, source, count in cell.arcs:
        path = _arc(start + step * source, start + step * target, base, scale.flatness)
        name = f"layer {source} -> layer {target}: {count} of {cell.width} channels"
        arcs.append(element("path", title_of(name), d=path, **scale.strength(count / cell.width)))
    radius = min(3.5, 0.36 * step)
    taken = [sum(row) for row in cell.link_counts]
    dots = (
        element("circle", title_of(_dot_name(i, taken[i])), cx=start + step * i, cy=base, r=radius)
        for i in range(cell.depth)
    )
    layers = element("g", *dots, class_="layers")
    return element("g", element("g", *arcs, class_="arcs"), chain, layers, class_="cell")


def _arc(left: float, right: float, base: float, flatness: float) -> str:
    half = (right - left) / 2
    return (
        f"M{number(left)} {number(base)}A{number(half)} {number(flatness * half)} "
        f"0 0 1 {number(right)} {number(base)}"
    )


def _dot_name(layer: int, taken: int) -> str:
    return f"layer {layer}: {taken or 'no'} channel{'' if taken == 1 else 's'} through skips"


def _legend(cell: CellDrawing, x: float, y: float) -> str:
    label, rest = cell.legend[:-2], cell.legend[-2:]
    below = text_lines(rest, x, y + LINE_HEIGHT * len(label), class_="soft", anchor="middle")
    return text_lines(label, x, y, class_="bold", anchor="middle") + below


def _key(y: float, scale: _Scale) -> tuple[str, float]:
    """Samples of arcs with what they mean, and where that ends on the right."""
    parts, x = list[str](), _MARGIN
    for share in (0.1, 0.5, 1.0):
        path = f"M{number(x)} {number(y - 4)}h22"
        line = element("path", d=path, **scale.strength(share))
        parts.append(element("g", line, class_="arcs key"))
        parts.append(text_lines([f"{share:.0%}"], x + 28, y, class_="soft"))
        x += 72
    meaning = "of the earlier layer's channels that the arc carries"
    parts.append(text_lines([meaning], x, y, class_="soft"))
    return "".join(parts), x + text_width(meaning)


def _summary(cells: Sequence[CellDrawing]) -> str:
    return " ".join(
        f"{cell.label}: depth {cell.depth}, width {cell.width}, density {cell.density:.3f}, "
        f"{len(cell.arcs)} arcs."
        for cell in cells
    )
