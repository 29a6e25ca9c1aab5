"""Panels of logarithmic curves, one below the other, over the same x axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnmass.report._axis import Axis, short
from nnmass.report._curves import TO_LABEL, End, Series, draw_run, end_labels
from nnmass.report._fold import clean, fold
from nnmass.report._labels import Box
from nnmass.report._plot import LEFT, WIDTH, Look, looks_of
from nnmass.report._svg import (
    LINE_HEIGHT,
    drawing,
    element,
    escape,
    number,
    points_of,
    text_lines,
    text_width,
    title_of,
)

_PANEL_HEIGHT = 118.0  # of the plot itself
_LANE = 15.0  # below the plot, for what a logarithmic axis cannot show
_HEAD = 26.0  # above it, for the name
_FOOT = 50.0  # below all panels, for the axis
_LABEL_COLUMNS = 20
_NOTE_COLUMNS = 100
_MOST_DOTS = 150  # more would run into each other
_LIMIT = 1e99  # axes go no further, and neither does float32 squared


def fits(value: float) -> bool:
    """Whether a logarithmic axis can show ``value``: above 0, and not beyond all bounds."""
    return 1 / _LIMIT < value < _LIMIT


@dataclass(frozen=True, slots=True)
class BandPoint:
    """One x of a banded line.

    Attributes:
        x: Finite.
        middle: On the line; ``None`` for a gap.
        low: Lower edge of the band.
        high: Upper edge of the band.
        name: Says everything about the point, in its tooltip.
        trouble: What cannot be shown here, such as ``"zero in 2 of 5"``; it gets a mark in the
            lane below the plot.
        has_failed: Whether ``trouble`` is that there is no number, rather than a zero.
    """

    x: float
    middle: float | None
    low: float | None
    high: float | None
    name: str
    trouble: str = ""
    has_failed: bool = False

    @property
    def is_shown(self) -> bool:
        """Whether a logarithmic axis can show it."""
        values = (self.low, self.middle, self.high)
        return all(value is not None and fits(value) for value in values)


@dataclass(frozen=True, slots=True)
class BandLine:
    """A line with a band around it; the label stands at its end."""

    label: str
    points: Sequence[BandPoint]


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: its name and unit, its lines, and what must be said about gaps in them."""

    name: str
    lines: Sequence[BandLine]
    notes: Sequence[str] = ()

    def note_lines(self) -> list[str]:
        """The notes, folded to the width of the plot."""
        return [row for note in self.notes for row in fold(clean(note), _NOTE_COLUMNS)]


def panels(stack: Sequence[Panel], *, x_label: str, title: str) -> str:
    """The panels below each other, as inline SVG; y is logarithmic in all of them.

    What such an axis cannot show is marked in a lane below the plot: a hollow circle for a zero, a
    cross for what is no number.
    """
    xs = [point.x for panel in stack for line in panel.lines for point in line.points]
    labels = [fold(clean(line.label), _LABEL_COLUMNS) for p in stack for line in p.lines]
    widest = max((text_width(row) for rows in labels for row in rows), default=0.0)
    x_axis = Axis.around(xs, LEFT, WIDTH - 6 - TO_LABEL - widest, name="x")
    body = [element("text", escape(title), x=4, y=24, class_="title")]
    top = 34.0
    for panel in stack:
        frame = Box(x_axis.start, top + _HEAD, x_axis.end, top + _HEAD + _PANEL_HEIGHT)
        body += _draw_panel(panel, x_axis, frame)
        n_notes = len(panel.note_lines())
        top = frame.bottom + _LANE + (LINE_HEIGHT * n_notes + 6 if n_notes else 0)
    body += _draw_x_axis(x_axis, top, x_label, ends=(min(xs), max(xs)))
    summary = f"Against {x_label}: " + "; ".join(
        ". ".join([panel.name, *panel.notes]) for panel in stack
    )
    return drawing(body, width=WIDTH, height=top + _FOOT, title=title, summary=summary)


def _draw_panel(panel: Panel, x_axis: Axis, frame: Box) -> list[str]:
    heading = text_lines([panel.name], frame.left, frame.top - 8, class_="bold")
    shown = [point for line in panel.lines for point in line.points if point.is_shown]
    parts = [heading, *_draw_lane(panel, x_axis, frame)]
    if not shown:
        middle = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
        none = text_lines(["nothing above 0 to show"], *middle, class_="soft", anchor="middle")
        return [*parts, none]
    values = [v for p in shown for v in (p.low, p.middle, p.high) if v is not None]
    y_axis = Axis.around(values, frame.bottom, frame.top, name="y", log=True)
    parts += _draw_y_axis(y_axis, frame)
    ends = list[End]()
    for line, look in zip(panel.lines, _looks(panel), strict=True):
        parts += _draw_line(line, look, x_axis, y_axis)
        last = next((p for p in reversed(line.points) if p.is_shown), None)
        if last is not None and line.label:
            place = x_axis.position(last.x), y_axis.position(last.middle or 1)
            ends.append((*place, fold(clean(line.label), _LABEL_COLUMNS)))
    return [*parts, *end_labels(ends, frame.right, top=frame.top, bottom=frame.bottom)]


def _looks(panel: Panel) -> list[Look]:
    return list(looks_of([str(index) for index in range(len(panel.lines))]).values())


def _draw_line(line: BandLine, look: Look, x_axis: Axis, y_axis: Axis) -> list[str]:
    """Band, line and dots, over each stretch without a gap."""
    by_x = {point.x: point for point in line.points}
    middles = [p.middle if p.is_shown and p.middle is not None else math.nan for p in line.points]
    runs = list(Series(line.label, "", [p.x for p in line.points], middles).runs(log=True))
    bands, lines, dots = list[str](), list[str](), list[str]()
    for run in runs:
        points = [by_x[x] for x, _ in run]
        places = [(x_axis.position(x), y_axis.position(y)) for x, y in run]
        bands += _draw_band(points, look, x_axis, y_axis)
        lines.append(draw_run(places, line.label or points[0].name, look))
        if len(line.points) <= _MOST_DOTS:
            dots += [
                element("circle", title_of(p.name), cx=x, cy=y, r=2.5, class_=f"f{look.colour}")
                for p, (x, y) in zip(points, places, strict=True)
            ]
    return [*bands, *lines, *dots]


def _draw_band(points: list[BandPoint], look: Look, x_axis: Axis, y_axis: Axis) -> list[str]:
    if all(point.low == point.high for point in points):
        return []
    places = [(x_axis.position(point.x), point.low or 1, point.high or 1) for point in points]
    if len(places) == 1:  # a polygon of one point has no area
        x, low, high = places[0]
        places = [(x - 2, low, high), (x + 2, low, high)]
    edge = [(x, y_axis.position(high)) for x, _, high in places]
    edge += [(x, y_axis.position(low)) for x, low, _ in reversed(places)]
    return [
        element("polygon", points=points_of(edge), class_=f"band f{look.colour}", opacity="0.2")
    ]


def _draw_lane(panel: Panel, x_axis: Axis, frame: Box) -> list[str]:
    """Marks and a note for what the plot cannot show."""
    y, parts = frame.bottom + _LANE / 2, list[str]()
    for line, look in zip(panel.lines, _looks(panel), strict=True):
        for point in line.points:
            if not point.trouble:
                continue
            x, name = x_axis.position(point.x), title_of(f"{point.name}: {point.trouble}")
            style = f"line s{look.colour}"
            if point.has_failed:
                cross = f"M{number(x - 3)} {number(y - 3)}l6 6m0 -6l-6 6"
                parts.append(element("path", name, d=cross, class_=f"failed {style}"))
            else:
                parts.append(element("circle", name, cx=x, cy=y, r=3, class_=f"zero {style}"))
    notes, y = panel.note_lines(), frame.bottom + _LANE + 10
    return [*parts, text_lines(notes, frame.left, y, class_="soft note")] if notes else parts


def _draw_y_axis(y_axis: Axis, frame: Box) -> list[str]:
    parts = []
    for value, label in y_axis.ticks():
        y = y_axis.position(value)
        parts.append(element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid"))
        parts.append(text_lines([label], frame.left - 8, y + 4, class_="soft tick-y", anchor="end"))
    return parts


def _draw_x_axis(x_axis: Axis, top: float, x_label: str, *, ends: tuple[float, float]) -> list[str]:
    """The axis below the last panel; whole numbers only, as nothing lies between two layers."""
    parts = [element("line", x1=x_axis.start, x2=x_axis.end, y1=top, y2=top, class_="axis")]
    for value, _ in x_axis.ticks():
        if value == round(value) and ends[0] <= value <= ends[1]:
            x = x_axis.position(value)
            parts.append(element("line", x1=x, x2=x, y1=top, y2=top + 5, class_="axis"))
            parts.append(
                text_lines([short(value)], x, top + 18, class_="soft tick-x", anchor="middle")
            )
    middle = (x_axis.start + x_axis.end) / 2
    parts.append(text_lines([x_label], middle, top + 38, class_="axis-name", anchor="middle"))
    return parts
