"""What stands below the cells: what the arcs mean, and what the cells are flagged with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nnmass.report._arc_scale import MARGIN, Scale
from nnmass.report._cell_drawing import CellDrawing
from nnmass.report._fold import clean, fold
from nnmass.report._svg import LINE_HEIGHT, element, number, text_lines, text_width

DASHES = "5 3"
_SAMPLE = 22.0  # pixels
_NOTE_COLUMNS = 110


def draw_key(cells: Sequence[CellDrawing], top: float, scale: Scale) -> tuple[str, float, float]:
    """Samples of arcs with what they mean, their right and their lower edge."""
    links = [link for cell in cells for link in cell.links]
    if not links:
        return "", 0.0, top
    scale = replace(scale, faintness=1.0)  # a sample stands alone: where arcs crowd, it would fade
    y, x, parts = top + 8, MARGIN, list[str]()
    for share in (0.1, 0.5, 1.0):
        parts.append(_sample(x, y, scale.strength(share)) + _text(f"{share:.0%}", x + 28, y))
        x += 72
    meaning = "of the earlier node's channels that the arc carries"
    parts.append(_text(meaning, x, y))
    right = x + text_width(meaning)
    if any(link.has_layer for link in links):
        y, meaning = y + LINE_HEIGHT + 4, "a weight layer stands on the way (projection)"
        pen = scale.strength(1.0) | {"stroke_dasharray": DASHES}
        parts.append(_sample(MARGIN, y, pen) + _text(meaning, MARGIN + 28, y))
        right = max(right, MARGIN + 28 + text_width(meaning))
    return "".join(parts), right, y + 14


def draw_flags(flags: Sequence[str], top: float) -> tuple[str, float, float]:
    """The flags, numbered from 1, their right and their lower edge."""
    lines = [
        ("" if index else f"{rank}: ") + line
        for rank, flag in enumerate(flags, start=1)
        for index, line in enumerate(fold(clean(flag), _NOTE_COLUMNS))
    ]
    if not lines:
        return "", 0.0, top
    right = MARGIN + max(map(text_width, lines))
    lower = top + 8 + LINE_HEIGHT * (len(lines) - 1)
    return text_lines(lines, MARGIN, top + 8, class_="soft flags"), right, lower + 14


def _sample(x: float, y: float, pen: dict[str, str | float]) -> str:
    line = element("path", d=f"M{number(x)} {number(y - 4)}h{number(_SAMPLE)}", **pen)
    return element("g", line, class_="arcs key")


def _text(text: str, x: float, y: float) -> str:
    return text_lines([text], x, y, class_="soft")
