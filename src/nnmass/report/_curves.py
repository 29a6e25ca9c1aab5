"""Lines over steps or epochs, such as training curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError
from nnmass.report._axis import Axis
from nnmass.report._fold import clean, fold
from nnmass.report._plot import (
    BOTTOM,
    HEIGHT,
    LEFT,
    WIDTH,
    Look,
    draw_frame,
    draw_legend,
    looks_of,
)
from nnmass.report._svg import (
    LINE_HEIGHT,
    drawing,
    element,
    points_of,
    text_lines,
    text_width,
    title_of,
)

_LABEL_COLUMNS = 22
TO_LABEL = 36.0  # pixels from the plot to the labels, room for the leaders
_MOST_POINTS = 600  # of one line: more than its pixels only make the file larger

End = tuple[float, float, list[str]]
"""Where a line ends, in pixels, and the lines of its label."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line.

    Args:
        label: Stands at the end of the line; may be empty.
        group: Gives colour and dash.
        x: Finite numbers, ascending.
        y: As many; one that is not finite leaves a gap, on a logarithmic axis one that is not
            above 0 as well.

    Raises:
        SpecError: ``x`` and ``y`` differ in length.
    """

    label: str
    group: str
    x: Sequence[float]
    y: Sequence[float]

    def __post_init__(self) -> None:
        """Check the lengths."""
        if len(self.x) != len(self.y):
            raise SpecError(
                f"Series {self.label!r} has {len(self.x)} x and {len(self.y)} y: give as many"
            )

    @property
    def name(self) -> str:
        """Label and group in one line."""
        return " · ".join(part for part in (self.label, self.group) if part)

    def runs(self, *, log: bool = False) -> Iterator[list[tuple[float, float]]]:
        """The stretches without a gap; ``log`` for a logarithmic axis."""
        run = list[tuple[float, float]]()
        for x, y in zip(self.x, self.y, strict=True):
            if math.isfinite(y) and not (log and y <= 0):
                run.append((float(x), float(y)))
            elif run:
                yield run
                run = []
        if run:
            yield run


def curves(
    series: Sequence[Series], *, x_label: str, y_label: str, title: str, log_y: bool = False
) -> str:
    """Lines with direct labels at their ends, as inline SVG.

    Long lines are thinned to what can be seen: the lowest and the highest of each stretch stay.

    Args:
        series: At least one with a y that can be shown.
        x_label: Name and unit of x.
        y_label: Name and unit of y.
        title: Stands above, and names the drawing for screen readers.
        log_y: Whether y is logarithmic. Values that such an axis cannot show leave gaps, and a
            note below says how many they are.

    Raises:
        SpecError: There is nothing to draw, or an x is not finite.

    Example:
        >>> svg = curves([Series("a", "", [0, 1], [2, 3])], x_label="epoch", y_label="%", title="t")
        >>> svg.count('class="line s0"')
        1
    """
    runs = [list(one.runs(log=log_y)) for one in series]
    values = [y for some in runs for run in some for _, y in run]
    if not values:
        allowed = "y above 0" if log_y else "finite y"
        raise SpecError(
            f"curves got {len(series)} series without one {allowed}: give at least one value"
        )
    looks = looks_of([one.group for one in series])
    legend, top = draw_legend(looks, dashes=True)
    texts = [fold(clean(one.label), _LABEL_COLUMNS) for one in series]
    widest = max(text_width(line) for lines in [["and 99 more"], *texts] for line in lines)
    edge = WIDTH - 6 - TO_LABEL - widest
    xs = [x for one in series for x in one.x]
    x_axis = Axis.around(xs, LEFT, edge, name="Series.x")
    y_axis = Axis.around(values, HEIGHT - BOTTOM, top, name="Series.y", log=log_y)
    body, _ = draw_frame(x_axis, y_axis, x_label=x_label, y_label=y_label, title=title)
    ends = list[End]()
    for one, some, lines in zip(series, runs, texts, strict=True):
        places = [[(x_axis.position(x), y_axis.position(y)) for x, y in run] for run in some]
        body += [draw_run(run, one.name, looks[one.group]) for run in places]
        if places and one.label:
            ends.append((*places[-1][-1], lines))
    note = _note(series) if log_y else []
    body += [*legend, *end_labels(ends, edge, top=top, bottom=HEIGHT - BOTTOM), *note]
    summary = f"{y_label} against {x_label}. " + "; ".join(one.name for one in series)
    height = HEIGHT + 16 * len(note)
    return drawing(body, width=WIDTH, height=height, title=title, summary=summary)


def _note(series: Sequence[Series]) -> list[str]:
    """What a logarithmic axis cannot show; that something is missing must not be overlooked."""
    hidden = [sum(not (math.isfinite(y) and y > 0) for y in one.y) for one in series]
    if not any(hidden):
        return []
    who = ", ".join(one.name for one, n in zip(series, hidden, strict=True) if n and one.name)
    note = f"gaps: {sum(hidden)} values that are 0, negative or not finite ({who:.60})"
    return [text_lines([note], WIDTH - 20, HEIGHT + 10, class_="soft note", anchor="end")]


def draw_run(run: list[tuple[float, float]], label: str, look: Look) -> str:
    """A line without a gap, in pixels, with its tooltip; a lone point is a dot."""
    name = title_of(label)
    if len(run) == 1:
        x, y = run[0]
        return element("circle", name, cx=x, cy=y, r=2.5, class_=f"f{look.colour}")
    dash: dict[str, str | float] = {"stroke_dasharray": look.dash} if look.dash else {}
    return element(
        "polyline", name, points=points_of(_thinned(run)), class_=f"line s{look.colour}", **dash
    )


def _thinned(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(run) <= _MOST_POINTS:
        return run
    size = math.ceil(2 * len(run) / (_MOST_POINTS - 2))
    kept = [run[0]]
    for start in range(1, len(run) - 1, size):
        part = range(start, min(start + size, len(run) - 1))
        extremes = {min(part, key=lambda i: run[i][1]), max(part, key=lambda i: run[i][1])}
        kept += [run[i] for i in sorted(extremes)]
    return [*kept, run[-1]]


def end_labels(ends: list[End], edge: float, *, top: float, bottom: float) -> list[str]:
    """Labels right of the plot, each as near to the end of its line as the others let it."""
    parts, free = list[str](), top - 6
    ordered = sorted(ends, key=lambda end: end[1])
    below = sum(LINE_HEIGHT * len(lines) for _, _, lines in ordered)
    for x, y, lines in ordered:
        height = LINE_HEIGHT * len(lines)
        start = max(free, min(y - height / 2, bottom + 10 - below))
        free, below = start + height, below - height
        if free > bottom + LINE_HEIGHT:
            n = len(ends) - sum(part.startswith("<text") for part in parts)
            parts.append(text_lines([f"and {n} more"], edge + TO_LABEL, start + 11, class_="soft"))
            break
        middle = start + height / 2
        parts.append(
            element("line", x1=x + 2, y1=y, x2=edge + TO_LABEL - 3, y2=middle, class_="leader")
        )
        parts.append(text_lines(lines, edge + TO_LABEL, start + 11, class_="label"))
    return parts
