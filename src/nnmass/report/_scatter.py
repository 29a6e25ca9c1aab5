"""Networks as points: what each costs or weighs against how well it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError
from nnmass.report._axis import Axis, short
from nnmass.report._fold import clean, fold
from nnmass.report._labels import Box, place_labels
from nnmass.report._plot import (
    BOTTOM,
    HEIGHT,
    LEFT,
    WIDTH,
    Look,
    draw_frame,
    draw_legend,
    draw_mark,
    looks_of,
)
from nnmass.report._svg import drawing, element, number, points_of, text_lines

_LABEL_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Point:
    """One mark of a scatter plot.

    Attributes:
        x: Finite.
        y: Finite.
        spread: Half the length of the error bar along y; 0 or not a number for none.
        label: Stands beside the mark; may be empty.
        group: Gives colour and shape.
        hint: Names the mark to who points at it, where there are too many to label.
        copy: What a click on the mark copies, such as the spec; nothing if empty.
    """

    x: float
    y: float
    spread: float
    label: str
    group: str
    hint: str = ""
    copy: str = ""

    @property
    def half_bar(self) -> float:
        """The spread, 0 where it is unknown."""
        return 0.0 if math.isnan(self.spread) else self.spread

    @property
    def name(self) -> str:
        """Everything about the point in one line."""
        bar = f" ± {short(self.half_bar)}" if self.half_bar else ""
        who = " · ".join(part for part in (self.label or self.hint, self.group) if part)
        return f"{who}: x {short(self.x)}, y {short(self.y)}{bar}"


def scatter(
    points: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    title: str,
    log_x: bool = False,
    line: tuple[float, float] | None = None,
) -> str:
    """Points with error bars and direct labels, as inline SVG.

    A label that has no free place is left out, and the drawing says how many are; hovering over
    a mark always gives its name.

    Args:
        points: At least one.
        x_label: Name and unit of x.
        y_label: Name and unit of y.
        title: Stands above, and names the drawing for screen readers.
        log_x: Whether x is logarithmic; every x must be above 0 then.
        line: Intercept and slope of a line drawn from the first x to the last.

    Raises:
        SpecError: There is no point, a number is not finite, a spread is negative, or ``log_x``
            and an x is not above 0.

    Example:
        >>> point = Point(1e6, 97.8, 0.3, "a", "")
        >>> svg = scatter([point], x_label="params", y_label="accuracy", title="one net")
        >>> "a: x 1 M, y 97.8 ± 0.3" in svg
        True
    """
    _check(points)
    looks = looks_of([point.group for point in points])
    legend, top = draw_legend(looks, dashes=False)
    ys = [y for p in points for y in (p.y - p.half_bar, p.y + p.half_bar)]
    x_axis = Axis.around([p.x for p in points], LEFT, WIDTH - 20, name="Point.x", log=log_x)
    y_axis = Axis.around(ys, HEIGHT - BOTTOM, top, name="Point.y")
    body, frame = draw_frame(x_axis, y_axis, x_label=x_label, y_label=y_label, title=title)
    places = [(x_axis.position(point.x), y_axis.position(point.y)) for point in points]
    body += _draw_line(line, [p.x for p in points], x_axis, y_axis)
    bars = [error_bar(p, x, y_axis) for p, (x, _) in zip(points, places, strict=True)]
    for point, place, bar in zip(points, places, bars, strict=True):
        body.append(draw_point(point, *place, bar=bar, look=looks[point.group]))
    labels, n_left_out = _draw_labels(points, places, bars, frame=frame)
    note = _note(n_left_out, len(points))
    body += [*labels, *legend, *note]
    summary = f"{y_label} against {x_label}. " + "; ".join(point.name for point in points)
    height = HEIGHT + 16 * len(note)
    return drawing(body, width=WIDTH, height=height, title=title, summary=summary)


def _draw_line(
    line: tuple[float, float] | None, xs: Sequence[float], x_axis: Axis, y_axis: Axis
) -> list[str]:
    shown = fit_points(line, xs)
    if not shown:
        return []
    places = [
        (x_axis.position(x), y_axis.position(y)) for x, y in shown if y_axis.low < y < y_axis.high
    ]
    return [
        element("polyline", points=points_of(places), class_="axis fit", stroke_dasharray="5 4")
    ]


def fit_points(line: tuple[float, float] | None, xs: Sequence[float]) -> list[tuple[float, float]]:
    """Points of a line from the first x to the last; none without a line, or with one x."""
    if line is None or min(xs) == max(xs):
        return []
    low, high = min(xs), max(xs)
    steps = [low + (high - low) * k / 60 for k in range(61)]  # bent, where x is logarithmic
    return [(x, line[0] + line[1] * x) for x in steps]


def _draw_labels(
    points: Sequence[Point],
    places: Sequence[tuple[float, float]],
    bars: Sequence[Box],
    *,
    frame: Box,
) -> tuple[list[str], int]:
    """The labels that found a place, and how many found none."""
    taken = [*bars, *(Box.around(x, y, 6.5) for x, y in places)]
    texts = [fold(clean(point.label), _LABEL_COLUMNS) for point in points]
    labels = place_labels(places, texts, taken=taken, frame=frame)
    drawn = [label.draw() for label in labels if label is not None]
    return drawn, sum(any(lines) for lines in texts) - len(drawn)


def _check(points: Sequence[Point]) -> None:
    if not points:
        raise SpecError("scatter got no points: give at least one")
    for point in points:
        if point.spread < 0 or math.isinf(point.spread):
            raise SpecError(
                f"Point.spread of {point.label!r} must be finite and at least 0, got "
                f"{point.spread!r}: give 0 or not-a-number for no error bar"
            )


def error_bar(point: Point, x: float, y_axis: Axis) -> Box:
    """Where the error bar of a point at ``x`` pixels lies."""
    top, bottom = (y_axis.position(point.y + sign * point.half_bar) for sign in (1, -1))
    return Box(x - 4, top, x + 4, bottom)


def draw_point(point: Point, x: float, y: float, *, bar: Box, look: Look) -> str:
    """The mark, and its error bar where it has one."""
    mark = draw_mark(x, y, look, point.name, copy=point.copy)
    if not point.half_bar:
        return mark
    left, right = number(bar.left), number(bar.right)
    top, bottom = number(bar.top), number(bar.bottom)
    path = f"M{left} {top}H{right}M{left} {bottom}H{right}M{number(x)} {top}V{bottom}"
    return element("path", d=path, class_=f"bar line s{look.colour}") + mark


def _note(n_left_out: int, n_points: int) -> list[str]:
    if not n_left_out:
        return []
    note = (
        f"{n_left_out} of {n_points} labels left out for want of room; point at a mark to read it"
    )
    return [text_lines([note], WIDTH - 20, HEIGHT + 10, class_="soft note", anchor="end")]
