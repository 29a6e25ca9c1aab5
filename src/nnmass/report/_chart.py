"""A figure's numbers, for a reader who wants to point at them, zoom and copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nnmass.errors import SpecError
from nnmass.report._axis import short
from nnmass.report._curves import Series
from nnmass.report._plot import looks_of
from nnmass.report._ranges import Range
from nnmass.report._scatter import Point, fit_points

_MOST_LABELLED = 10  # beyond that labels lie over each other: pointing at a mark tells its name

TraceKind = Literal["marks", "line", "both", "band"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One group of marks, one line, or one band.

    Attributes:
        name: Stands in the legend; empty for none.
        x: Numbers; ``None`` ends a line, which goes on after it.
        y: As many numbers, or texts for an axis of names.
        kind: ``marks``, a ``line``, ``both``, or the outline of a ``band``.
        look: Number of the colour and of the shape.
        texts: What a mark says when it is pointed at.
        copies: What a click on a mark copies, such as a spec.
        labels: What stands beside the marks.
        spread: Half the length of error bars.
        is_dashed: Whether the line is broken.
        panel: Number of the panel, from the left.
    """

    name: str
    x: Sequence[float | None]
    y: Sequence[float | None] | Sequence[str]
    kind: TraceKind = "marks"
    look: int = 0
    texts: Sequence[str] = ()
    copies: Sequence[str] = ()
    labels: Sequence[str] = ()
    spread: Sequence[float] = ()
    is_dashed: bool = False
    panel: int = 0

    def to_dict(self) -> dict[str, object]:
        """JSON-ready; what is not finite is ``None``."""
        told: dict[str, object] = {"name": self.name, "kind": self.kind, "look": self.look}
        told |= {"x": [_plain(x) for x in self.x], "y": [_plain(y) for y in self.y]}
        told |= {
            name: list(v) for name in ("texts", "copies", "labels") if (v := getattr(self, name))
        }
        if any(self.spread):
            told["spread"] = [_plain(value) or 0 for value in self.spread]
        return told | {"dashed": self.is_dashed, "panel": self.panel}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a page draws anew so that it can be pointed at; the SVG stays for print and readers.

    Attributes:
        traces: In drawing order.
        x_labels: Name and unit of x, one for each panel; y is common.
        y_label: Of y.
        title: Of the whole.
        log_x: Whether x is logarithmic.
        log_y: Whether y is.
        height: In pixels.

    Raises:
        SpecError: A trace has more x than y or fewer, or stands in a panel without a label.
    """

    traces: tuple[Trace, ...]
    x_labels: tuple[str, ...]
    y_label: str
    title: str
    log_x: bool = False
    log_y: bool = False
    height: int = 460

    def __post_init__(self) -> None:
        """Check the lengths."""
        for trace in self.traces:
            if len(trace.x) != len(trace.y) or trace.panel >= len(self.x_labels):
                raise SpecError(
                    f"trace {trace.name!r} of chart {self.title!r} has {len(trace.x)} x and "
                    f"{len(trace.y)} y in panel {trace.panel} of {len(self.x_labels)}: give as "
                    "many of both, in a panel that has a label"
                )

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "traces": [trace.to_dict() for trace in self.traces],
            "x_labels": list(self.x_labels),
            "y_label": self.y_label,
            "title": self.title,
            "log_x": self.log_x,
            "log_y": self.log_y,
            "height": self.height,
        }


def _plain(value: float | str | None) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None


def scatter_chart(
    points: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    title: str,
    log_x: bool = False,
    line: tuple[float, float] | None = None,
) -> Chart:
    """The numbers of `scatter`, with the same arguments.

    Args:
        points: The marks; each group becomes a trace.
        x_label: Name and unit of x.
        y_label: Name and unit of y.
        title: Of the whole.
        log_x: Whether x is logarithmic.
        line: Intercept and slope of a line drawn from the first x to the last.

    Example:
        >>> point = Point(1e6, 97.8, 0.3, "a", "g")
        >>> chart = scatter_chart([point], x_label="params", y_label="%", title="t")
        >>> chart.traces[0].texts
        ['a · g: x 1 M, y 97.8 ± 0.3']
    """
    looks = looks_of([point.group for point in points])
    is_labelled = any(point.label for point in points) and len(points) <= _MOST_LABELLED
    traces = []
    for look, group in enumerate(looks):
        of = [point for point in points if point.group == group]
        traces.append(
            Trace(
                name=group,
                x=[point.x for point in of],
                y=[point.y for point in of],
                texts=[point.name for point in of],
                copies=[point.copy for point in of] if any(point.copy for point in of) else (),
                labels=[point.label for point in of] if is_labelled else (),
                spread=[point.half_bar for point in of],
                look=look,
            )
        )
    fit = fit_points(line, [point.x for point in points])
    if fit:
        xs, ys = zip(*fit, strict=True)
        traces.insert(0, Trace(name="", x=xs, y=ys, kind="line", look=6, is_dashed=True))
    return Chart(
        traces=tuple(traces), x_labels=(x_label,), y_label=y_label, title=title, log_x=log_x
    )


def curves_chart(
    series: Sequence[Series], *, x_label: str, y_label: str, title: str, log_y: bool = False
) -> Chart:
    """The numbers of `curves`, with the same arguments.

    Args:
        series: The lines.
        x_label: Name and unit of x.
        y_label: Name and unit of y.
        title: Of the whole.
        log_y: Whether y is logarithmic.

    Example:
        >>> series = [Series("a", "", [0, 1], [2, 3])]
        >>> curves_chart(series, x_label="epoch", y_label="%", title="t").traces[0].y
        [2, 3]
    """
    looks = {group: look for look, group in enumerate(looks_of([one.group for one in series]))}
    traces = tuple(
        Trace(
            name=one.label or one.group,
            x=list(one.x),
            y=list(one.y),
            kind="line" if len(one.x) > 40 else "both",
            look=looks[one.group],
            texts=_told(one),
        )
        for one in series
    )
    return Chart(traces=traces, x_labels=(x_label,), y_label=y_label, title=title, log_y=log_y)


def _told(one: Series) -> list[str]:
    """What each point of a line says; a gap says nothing."""
    who = f"{one.name}: " if one.name else ""
    return [
        f"{who}x {short(x)}, y {short(y)}" if math.isfinite(y) else ""
        for x, y in zip(one.x, one.y, strict=True)
    ]


def ranges_chart(
    rows: Sequence[Range], *, x_label: str, title: str, low_name: str, high_name: str
) -> Chart:
    """The numbers of `ranges`, with the same arguments.

    Args:
        rows: The first stands at the top. Ends below 1 are drawn at 1, where the axis begins.
        x_label: Name and unit of x.
        title: Of the whole.
        low_name: What the low end is, for the legend.
        high_name: What the high end is.

    Example:
        >>> row = Range(label="class 0", low=3, high=20)
        >>> chart = ranges_chart([row], x_label="x", title="t", low_name="floor", high_name="found")
        >>> [(trace.name, trace.x) for trace in chart.traces]
        [('', [3, 20, None]), ('floor', [3]), ('found', [20])]
    """
    shown = list(reversed(rows))  # the first row stands at the top
    xs: list[float | None] = []
    ys: list[str] = []
    for row in shown:
        if row.low is not None and row.high is not None:
            xs += [max(row.low, 1.0), max(row.high, 1.0), None]
            ys += [row.label] * 3
    ends = [
        Trace(
            name=name,
            x=[None if v is None else max(v, 1.0) for v in values],
            y=[row.label for row in shown],
            texts=[f"{row.label}: {name} {v:g}" if v is not None else "" for row, v in told],
            look=look,
        )
        for look, (name, values, told) in enumerate(
            (name, [v for _, v in told], told)
            for name, told in (
                (low_name, [(row, row.low) for row in shown]),
                (high_name, [(row, row.high) for row in shown]),
            )
        )
    ]
    between = Trace(name="", x=xs, y=ys, kind="line", look=6)
    height = 130 + 30 * len(rows)
    return Chart(
        traces=(between, *ends), x_labels=(x_label,), y_label="", title=title, log_x=True,
        height=height,
    )  # fmt: skip
