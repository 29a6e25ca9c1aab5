"""How cells become pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnmass.report._cell_drawing import CellDrawing
from nnmass.report._svg import text_width

WIDTH = 960.0  # pixels, as all below
MARGIN = 4.0
GUTTER = 28.0
_DOTS = 8.0  # of a cell's width, for the half dots that stick out
_LEAST_STEP, _EASY_STEP, _MOST_STEP = 4.5, 12.0, 28.0  # between two nodes
_ONE_ROW = 3  # so many cells stand side by side even if they must be drawn small
_MOST_INK = 0.75  # of a cell's area under its arcs
_ARC_HEIGHT = 150.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How cells become pixels.

    Attributes:
        step: Between two nodes.
        flatness: Height of an arc over half its length.
        faintness: What strokes and opacities are multiplied by, so that a crowd of arcs does not
            run into one blot; at most 1.
    """

    step: float
    flatness: float
    faintness: float = 1.0

    @classmethod
    def of(cls, cells: Sequence[CellDrawing]) -> Scale:
        """The one scale at which all of ``cells`` are drawn."""
        spare = WIDTH - 2 * MARGIN - (GUTTER + _DOTS) * len(cells) + GUTTER
        step = spare / max(sum(cell.n_nodes - 1 for cell in cells), 1)
        deepest = max(2, *(cell.n_nodes - 1 for cell in cells))
        easy = min(_EASY_STEP, (WIDTH - 2 * MARGIN - _DOTS) / deepest)
        step = min(max(step, _LEAST_STEP if len(cells) <= _ONE_ROW else easy), _MOST_STEP)
        full = cls(step, min(1.0, _ARC_HEIGHT / (step * deepest / 2)))
        ink = max(full.ink(cell) for cell in cells)
        return replace(full, faintness=min(1.0, math.sqrt(_MOST_INK / ink)) if ink else 1.0)

    def ink(self, cell: CellDrawing) -> float:
        """Stroke area times opacity of all arcs, over the area of the half ellipse they fill."""
        half = self.length(cell) / 2
        area = math.pi / 2 * half * self.flatness * half
        strokes = 0.0
        for link in cell.links:
            stroke, opacity = self._pen(cell.share(link))
            # The two half axes weighted so: within 5 % of the perimeter of a half ellipse.
            length = self.step * (link.target - link.source) * (1 + 0.57 * self.flatness)
            strokes += stroke * opacity * length
        return strokes / area if area else 0.0

    def _pen(self, share: float) -> tuple[float, float]:
        return (0.7 + 1.9 * share) * self.faintness, (0.38 + 0.5 * share) * self.faintness

    def strength(self, share: float) -> dict[str, str | float]:
        """Stroke and opacity of an arc that carries ``share`` of the earlier node's channels."""
        stroke, opacity = self._pen(share)
        return {"stroke_width": stroke, "opacity": opacity}

    def length(self, cell: CellDrawing) -> float:
        """From the first dot of ``cell`` to its last."""
        return self.step * (cell.n_nodes - 1)

    def room(self, cell: CellDrawing) -> float:
        """What ``cell`` takes with its dots and its text."""
        lines = (*cell.label_lines, *cell.facts)
        return max(self.length(cell) + _DOTS, *(text_width(line) for line in lines))

    def rows(self, cells: Sequence[CellDrawing]) -> list[list[CellDrawing]]:
        """``cells`` in rows that fit."""
        rows, used = list[list[CellDrawing]](), 0.0
        for cell in cells:
            room = self.room(cell) + GUTTER
            if not rows or used + room > WIDTH + GUTTER + 0.01:
                rows.append([])
                used = 2 * MARGIN
            rows[-1].append(cell)
            used += room
        return rows
