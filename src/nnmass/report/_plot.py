"""What scatter and curves share: the frame with its axes, marks, groups, the legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnmass.report._axis import Axis
from nnmass.report._labels import Box
from nnmass.report._svg import N_COLOURS, element, escape, text_lines, text_width, title_of

WIDTH, HEIGHT = 840.0, 440.0
LEFT, BOTTOM = 68.0, 54.0  # room for the labels of the axes
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "star")
N_GROUPS = min(len(SHAPES), N_COLOURS)  # so many can be told apart by shape and by colour
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 4", "12 4", "1 4")


@dataclass(frozen=True, slots=True)
class Look:
    """How a group differs from the others: by colour and by shape or dash as well."""

    colour: int
    shape: str
    dash: str


def looks_of(groups: Sequence[str]) -> dict[str, Look]:
    """A look for each group, in the order in which they first appear."""
    return {
        group: Look(i % N_COLOURS, SHAPES[i % len(SHAPES)], _DASHES[i % len(_DASHES)])
        for i, group in enumerate(dict.fromkeys(groups))
    }


def draw_mark(
    x: float, y: float, look: Look, name: str = "", *, class_: str = "mark", copy: str = ""
) -> str:
    """The mark of a group about a point, 10 pixels wide.

    With a tooltip if it has a name; pages copy ``copy`` when it is clicked.
    """
    inside = [title_of(name)] if name else []
    more: dict[str, str | float] = {"class_": f"{class_} f{look.colour}"}
    more |= {"data_copy": copy} if copy else {}
    if look.shape == "circle":
        return element("circle", *inside, cx=x, cy=y, r=5, **more)
    points = " ".join(f"{x + dx:.2f},{y + dy:.2f}" for dx, dy in _OUTLINES[look.shape])
    return element("polygon", *inside, points=points, **more)


def _star(n: int, inner: float) -> list[tuple[float, float]]:
    return [
        (r * math.sin(math.pi * k / n), -r * math.cos(math.pi * k / n))
        for k in range(2 * n)
        for r in [6.2 if k % 2 == 0 else inner]
    ]


_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "square": [(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)],
    "triangle": [(0, -6), (5.6, 4.4), (-5.6, 4.4)],
    "diamond": [(0, -6.2), (6.2, 0), (0, 6.2), (-6.2, 0)],
    "cross": _star(4, 2.0),
    "star": _star(5, 2.6),
}


def draw_legend(looks: dict[str, Look], *, dashes: bool) -> tuple[list[str], float]:
    """The legend below the title and the y where the plot may begin; none for one group."""
    if len(looks) < 2:
        return [], 42.0
    parts, x, y = list[str](), LEFT, 46.0
    for group, look in looks.items():
        room = 34 + text_width(group)
        if x > LEFT and x + room > WIDTH - 10:
            x, y = LEFT, y + 20
        parts.append(_key_line(x, y, look) if dashes else draw_mark(x + 8, y, look, class_="key"))
        parts.append(text_lines([group], x + (32 if dashes else 20), y + 4, class_="legend"))
        x += room + 12
    return parts, y + 20


def _key_line(x: float, y: float, look: Look) -> str:
    return element(
        "line",
        x1=x,
        x2=x + 26,
        y1=y,
        y2=y,
        class_=f"line s{look.colour}",
        stroke_dasharray=look.dash or "none",
    )


def draw_frame(
    x_axis: Axis, y_axis: Axis, *, x_label: str, y_label: str, title: str
) -> tuple[list[str], Box]:
    """Title, grid, ticks and the names of the axes; and the box of the plot.

    An empty title or name is left out, for a panel beside the one that has it.
    """
    left, right, bottom, top = x_axis.start, x_axis.end, y_axis.start, y_axis.end
    parts = [element("text", escape(title), x=4, y=24, class_="title")] if title else []
    for value, label in y_axis.ticks():
        y = y_axis.position(value)
        parts.append(element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(text_lines([label], left - 8, y + 4, class_="soft tick-y", anchor="end"))
    for value, label in x_axis.ticks():
        x = x_axis.position(value)
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="axis"))
        parts.append(text_lines([label], x, bottom + 18, class_="soft tick-x", anchor="middle"))
    parts.append(element("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
    middle = (left + right) / 2
    parts.append(text_lines([x_label], middle, bottom + 40, class_="axis-name", anchor="middle"))
    turned = f"rotate(-90 14 {(top + bottom) / 2:.0f})"
    if not y_label:
        return parts, Box(left, top, right, bottom)
    parts.append(
        element(
            "text", escape(y_label), x=14, y=round((top + bottom) / 2), class_="axis-name",
            text_anchor="middle", transform=turned,
        )
    )  # fmt: skip
    return parts, Box(left, top, right, bottom)
