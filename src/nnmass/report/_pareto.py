"""A front between cost and mass as a drawing: a panel for each cost, all over one mass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnmass.errors import SpecError
from nnmass.report._axis import Axis
from nnmass.report._chart import Chart, Trace
from nnmass.report._numbers import format_count, format_digits, format_mass
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
from nnmass.report._svg import drawing, element, points_of

if TYPE_CHECKING:
    from nnmass.design import Candidate, ParetoFront

_GAP = 62.0  # between two panels, for the labels of the mass
_COSTS = {"params": "parameters", "macs": "MACs", "latency": "latency, ms"}
_REFERENCE = "reference"


def pareto_figure(front: ParetoFront) -> str:
    """What each further unit of mass costs at least, as inline SVG.

    One panel for the parameters, one for the multiply-adds and, where latencies are known, one
    for them; costs are logarithmic, the mass is common to all. In each panel the line joins the
    networks that have the least of its cost; the others show what they cost there. Hovering over
    a mark gives its network.

    Args:
        front: At least one point.

    Raises:
        SpecError: It has no point.

    Example:
        >>> from nnmass.design import pareto_front
        >>> svg = pareto_figure(pareto_front(like="dense-cnn(wm=1,d=6,t=20/40)", levels=4))
        >>> svg.count('class="line front')
        2
    """
    if not front.points:
        raise SpecError("pareto_figure got a front without points: give one that has some")
    found, costs, groups = _grouped(front)
    looks = _looks(front, groups)
    legend, top = draw_legend(looks, dashes=False)
    y_axis = Axis.around([one.mass for one in found], HEIGHT - BOTTOM, top, name="mass")
    title = _title(front)
    body, marks = [*legend], list(zip(found, [*groups, _REFERENCE], strict=False))
    for cost, x_axis in zip(costs, _x_axes(found, costs), strict=True):
        is_first = cost == costs[0]
        names = {"y_label": "NN-Mass", "title": title} if is_first else {"y_label": "", "title": ""}
        frame, _ = draw_frame(x_axis, y_axis, x_label=_COSTS[cost], **names)
        line = [point.candidate for point in front.points if cost in point.least]
        body += [*frame, *_draw_points(marks, line, cost, (x_axis, y_axis), looks)]
    summary = "; ".join(_name(one, group) for one, group in marks)
    return drawing(body, width=WIDTH, height=HEIGHT, title=title, summary=summary)


def pareto_chart(front: ParetoFront) -> Chart:
    """The numbers of `pareto_figure`; a click on a mark copies its spec."""
    found, costs, groups = _grouped(front)
    looks = list(_looks(front, groups))
    marks = list(zip(found, [*groups, _REFERENCE], strict=False))
    traces = list[Trace]()
    for panel, cost in enumerate(costs):
        line = [point.candidate for point in front.points if cost in point.least]
        xs = [_cost(one, cost) for one in line]
        ys = [one.mass for one in line]
        traces.append(Trace(name="", x=xs, y=ys, kind="line", look=6, panel=panel))
        for group in looks:
            of = [one for one, name in marks if name == group]
            traces.append(
                Trace(
                    name="" if panel else group,
                    x=[_cost(one, cost) for one in of],
                    y=[one.mass for one in of],
                    look=looks.index(group),
                    texts=[_name(one, group) for one in of],
                    copies=[str(one.spec) for one in of],
                    panel=panel,
                )
            )
    return Chart(
        traces=tuple(traces),
        x_labels=tuple(_COSTS[cost] for cost in costs),
        y_label="NN-Mass",
        title=_title(front),
        log_x=True,
    )


def _grouped(front: ParetoFront) -> tuple[list[Candidate], list[str], list[str]]:
    """The networks, the reference last; the costs that all have; what each point has least of."""
    found = [point.candidate for point in front.points]
    found += [front.reference] if front.reference is not None else []
    costs = [cost for cost in _COSTS if all(_cost(one, cost) for one in found)]
    return found, costs, [_group(point.least, costs) for point in front.points]


def _looks(front: ParetoFront, groups: Sequence[str]) -> dict[str, Look]:
    ordered = sorted(set(groups), key=lambda name: (name.count(" "), name))
    return looks_of([*ordered, *([_REFERENCE] if front.reference else [])])


def _title(front: ParetoFront) -> str:
    return f"What a mass costs at least: {front.space.family} networks"


def _x_axes(found: Sequence[Candidate], costs: Sequence[str]) -> list[Axis]:
    """Side by side over the width of the drawing."""
    room = (WIDTH - LEFT - 20 - _GAP * (len(costs) - 1)) / len(costs)
    starts = [LEFT + index * (room + _GAP) for index in range(len(costs))]
    return [
        Axis.around([_cost(one, cost) for one in found], x, x + room, name=cost, log=True)
        for cost, x in zip(costs, starts, strict=True)
    ]


def _draw_points(
    marks: Sequence[tuple[Candidate, str]],
    joined: Sequence[Candidate],
    cost: str,
    axes: tuple[Axis, Axis],
    looks: Mapping[str, Look],
) -> list[str]:
    """The line through those that have the least of ``cost``, then the marks of all."""

    def place(one: Candidate) -> tuple[float, float]:
        return axes[0].position(_cost(one, cost)), axes[1].position(one.mass)

    line = element("polyline", points=points_of(map(place, joined)), class_="line front s6")
    return [
        line,
        *(
            draw_mark(*place(one), looks[group], _name(one, group), copy=str(one.spec))
            for one, group in marks
        ),
    ]


def _cost(one: Candidate, cost: str) -> float:
    if cost == "latency":
        return one.latency_ms or 0.0
    return float(one.params if cost == "params" else one.macs)


def _group(least: Sequence[str], costs: Sequence[str]) -> str:
    if len(least) == len(costs):
        return "least in all"
    return "least " + " and ".join(_COSTS[cost].removesuffix(", ms") for cost in least)


def _name(one: Candidate, group: str) -> str:
    """Everything about a network in one line."""
    ms = "" if one.latency_ms is None else f", {format_digits(one.latency_ms)} ms"
    return (
        f"{one.spec} · {group}: NN-Mass {format_mass(one.mass)}, {format_count(one.params)} "
        f"params, {format_count(one.macs)} MACs{ms}"
    )
