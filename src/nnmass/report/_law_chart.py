"""One drawing for measurement and law: bars, lines and points on the same axes, from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError
from nnmass.report._axis import Axis
from nnmass.report._curves import Series
from nnmass.report._plot import BOTTOM, HEIGHT, LEFT, SHAPES, WIDTH, Look, draw_frame, draw_mark
from nnmass.report._scatter import Point, draw_point, error_bar
from nnmass.report._svg import element, points_of, text_lines, text_width, title_of

_LAW = Look(colour=1, shape="circle", dash="")
_BARS = Look(colour=0, shape="square", dash="")
_COLOURS = (0, 2, 3, 4, 5, 6)  # all but that of the law


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin of a histogram: from ``left`` to ``right``, ``height`` high."""

    left: float
    right: float
    height: float


def law_panel(
    law: Series,
    *,
    bars: Sequence[Bar] = (),
    points: Sequence[Point] = (),
    measured: str = "measured",
    x_label: str,
    y_label: str,
    title: str,
) -> list[str]:
    """The body of a drawing, `HEIGHT` high, whose y axis starts at 0.

    Args:
        law: The curve; its label stands in the legend.
        bars: A histogram below the curve.
        points: Measured points, coloured by group; a bar of error along y.
        measured: What the legend calls the bars.
        x_label: Name and unit of x.
        y_label: Name and unit of y.
        title: Stands above.

    Raises:
        SpecError: The curve has no point.
    """
    if not law.x:
        raise SpecError("law_panel got a law without a point: give at least one")
    looks = _looks_of(points)
    legend, top = _legend(law.label, measured if bars else "", looks)
    xs = [*law.x, *(b.left for b in bars), *(b.right for b in bars), *(p.x for p in points)]
    ys = [*law.y, *(b.height for b in bars), *(p.y + p.half_bar for p in points)]
    x_axis = _x_axis(xs, is_histogram=bool(bars))
    y_axis = Axis(0.0, 1.06 * max(ys), HEIGHT - BOTTOM, top)
    body, _ = draw_frame(x_axis, y_axis, x_label=x_label, y_label=y_label, title=title)
    body += [_draw_bar(bar, x_axis, y_axis) for bar in bars if bar.height > 0]
    body.append(_draw_law(law, x_axis, y_axis))
    body += [_draw_point(point, looks[point.group], x_axis, y_axis) for point in points]
    return [*body, *legend]


def _looks_of(points: Sequence[Point]) -> dict[str, Look]:
    """Another mark for each of the first 36 groups."""
    n = len(_COLOURS)
    groups = enumerate(dict.fromkeys(point.group for point in points))
    return {
        group: Look(_COLOURS[i % n], SHAPES[(i + i // n) % len(SHAPES)], "") for i, group in groups
    }


def _x_axis(xs: Sequence[float], *, is_histogram: bool) -> Axis:
    if is_histogram:  # its bins are the axis: room beside them would look like empty bins
        return Axis(min(xs), max(xs), LEFT, WIDTH - 20)
    return Axis.around(xs, LEFT, WIDTH - 20, name="x")


def _legend(law: str, bars: str, looks: dict[str, Look]) -> tuple[list[str], float]:
    parts, x, y = list[str](), LEFT, 46.0
    keys = [(law, _LAW, "line"), *([(bars, _BARS, "bar")] if bars else [])]
    keys += [(group, look, "mark") for group, look in looks.items()]
    for text, look, kind in keys:
        room = 46 + text_width(text)
        if x > LEFT and x + room > WIDTH - 10:
            x, y = LEFT, y + 20
        parts.append(_key(x, y, look, kind))
        parts.append(text_lines([text], x + 32, y + 4, class_="legend"))
        x += room
    return parts, y + 20


def _key(x: float, y: float, look: Look, kind: str) -> str:
    style = f"s{look.colour}"
    if kind == "line":
        return element("line", x1=x, x2=x + 26, y1=y, y2=y, class_=f"line {style}")
    if kind == "bar":
        return element(
            "rect", x=x + 4, y=y - 6, width=18, height=12, class_=f"f{look.colour}",
            fill_opacity=0.45,
        )  # fmt: skip
    return draw_mark(x + 13, y, look, class_="key")


def _draw_bar(bar: Bar, x_axis: Axis, y_axis: Axis) -> str:
    left, right = x_axis.position(bar.left), x_axis.position(bar.right)
    top = y_axis.position(bar.height)
    name = title_of(f"{bar.left:.4g} to {bar.right:.4g}: {bar.height:.4g}")
    return element(
        "rect", name, x=left + 0.5, y=top, width=max(right - left - 1, 0.5),
        height=y_axis.start - top, class_="f0", fill_opacity=0.45,
    )  # fmt: skip


def _draw_law(law: Series, x_axis: Axis, y_axis: Axis) -> str:
    pairs = zip(law.x, law.y, strict=True)
    places = [(x_axis.position(x), y_axis.position(y)) for x, y in pairs]
    name = title_of(law.label)
    return element("polyline", name, points=points_of(places), class_=f"line s{_LAW.colour}")


def _draw_point(point: Point, look: Look, x_axis: Axis, y_axis: Axis) -> str:
    x, y = x_axis.position(point.x), y_axis.position(point.y)
    return draw_point(point, x, y, bar=error_bar(point, x, y_axis), look=look)
