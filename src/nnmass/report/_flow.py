"""Gradient flow as a table and as one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from nnmass.probes import GradientFlow, LayerFlow, Spread
from nnmass.report._document import Figure
from nnmass.report._panels import BandLine, BandPoint, Panel, fits, panels
from nnmass.report._table import Column, Table


def flow_table(flow: GradientFlow) -> Table:
    """One row a layer: variance, gradient by the output, gradients by the weights.

    Numbers are geometric means over the initialisations; where some are zero or failed, the cell
    says how many.

    Example:
        >>> import torch
        >>> from nnmass.probes import gradient_flow
        >>> images, labels = torch.rand(8, 784), torch.arange(8)
        >>> flow = gradient_flow("dense-mlp(w=8,d=6,t=2)", images, labels, seeds=2, steps=1)
        >>> table = flow_table(flow)
        >>> len(table.rows), table.columns[-1].name
        (6, 'after 1 step')
    """
    columns = [
        Column("#"),
        Column("layer", "left"),
        Column("kind", "left", is_optional=True),
        Column("variance"),
        Column("gradient RMS"),
        Column("lowest", is_optional=True),
        Column("highest", is_optional=True),
        Column("weight gradient"),
        Column("by weight norm"),
    ]
    if flow.steps:
        columns.append(Column(_after(flow)))
    rows = tuple(_row(index, layer) for index, layer in enumerate(flow.layers, 1))
    return Table(tuple(columns), rows, f"Gradient flow of {flow.network}")


def _row(index: int, layer: LayerFlow) -> tuple[str, ...]:
    gradient = layer.gradient_rms
    after = layer.weight_gradient_after[-1:]
    return (
        str(index),
        layer.path,
        layer.kind,
        _shown(layer.variance),
        _shown(gradient),
        _plain(gradient.low),
        _plain(gradient.high),
        _shown(layer.weight_gradient),
        _shown(layer.relative_gradient),
        *map(_shown, after),
    )


def _shown(spread: Spread) -> str:
    trouble = _trouble(spread)
    return trouble or _plain(spread.middle)


def _plain(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3g}"


def _trouble(spread: Spread) -> str:
    """Which values are no numbers, or zero; empty where all are above 0."""
    n = len(spread.values)
    counted = ((spread.n_failed, "failed"), (spread.n_zero, "zero"))
    if n == 1:
        return next((word for count, word in counted if count), "")
    return ", ".join(f"{word} in {count} of {n}" for count, word in counted if count)


def flow_figure(flow: GradientFlow) -> Figure:
    """One picture that shows why a network will train badly, with the verdict as its caption.

    Below each other, over the layers in the order of the forward pass, on logarithmic axes: the
    activations' variance, the gradient by the output, the gradient by the weights at the start and
    after the steps. Lines are geometric means over the initialisations, bands reach from the
    lowest to the highest. A zero or a number that is not finite is marked below the line, which
    leaves it out, and a note names the layers.

    Example:
        >>> import torch
        >>> from nnmass.probes import gradient_flow
        >>> flow = gradient_flow("dense-mlp(w=8,d=6,t=2)", torch.rand(8, 784), torch.arange(8))
        >>> flow_figure(flow).svg.count('class="band')
        3
    """
    stack = (
        _panel(flow, "Variance of the output", [(_band_label(flow), lambda x: x.variance)]),
        _panel(
            flow,
            "Gradient of an image's loss by the output, root mean square",
            [("", lambda x: x.gradient_rms)],
        ),
        _panel(flow, "Norm of the gradient by the weights", _weight_lines(flow)),
    )
    first, last = flow.layers[0].path, flow.layers[-1].path
    svg = panels(
        stack,
        x_label=f"layer with weights, in the order of the forward pass ({first} ... {last})",
        title=f"Gradient flow of {flow.network}",
    )
    return Figure(svg, flow.verdict())


_Of = Callable[[LayerFlow], Spread]
_MOST_NOTED = 8  # stretches of layers; the marks show them all


def _weight_lines(flow: GradientFlow) -> list[tuple[str, _Of]]:
    start: tuple[str, _Of] = ("at the start", lambda x: x.weight_gradient)
    if not flow.steps:
        return [("", start[1])]
    return [start, (_after(flow), lambda x: x.weight_gradient_after[-1])]


def _after(flow: GradientFlow) -> str:
    return f"after {flow.steps} step{'s' * (flow.steps > 1)}"


def _band_label(flow: GradientFlow) -> str:
    n = len(flow.draws)
    return f"mean of {n} draws; band: lowest to highest" if n > 1 else ""


def _panel(flow: GradientFlow, name: str, lines: Sequence[tuple[str, _Of]]) -> Panel:
    drawn = [
        BandLine(label, [_point(i, layer, of) for i, layer in enumerate(flow.layers, 1)])
        for label, of in lines
    ]
    notes = [
        f"{line.label}: {note}" if len(drawn) > 1 else note
        for line in drawn
        if (note := _note(line))
    ]
    return Panel(name, drawn, notes)


def _point(x: int, layer: LayerFlow, of: _Of) -> BandPoint:
    spread = of(layer)
    shown = Spread(tuple(value for value in spread.values if value is not None and fits(value)))
    n_far = len(spread.positive.values) - len(shown.values)
    far = f"beyond the axis in {n_far} of {len(spread.values)}" if n_far else ""
    middle = "" if shown.middle is None else f": {shown.middle:.3g}"
    band = f" ({shown.low:.3g} ... {shown.high:.3g})" if len(shown.values) > 1 else ""
    return BandPoint(
        x,
        shown.middle,
        shown.low,
        shown.high,
        f"{x}, {layer.path} ({layer.kind}){middle}{band}",
        ", ".join(filter(None, (_trouble(spread), far))),
        has_failed=bool(spread.n_failed),
    )


def _note(line: BandLine) -> str:
    """``zero in 2 of 5: layers 3-7, 9; failed: layer 12``."""
    stretches = dict[str, list[str]]()
    for trouble, group in groupby(line.points, key=lambda point: point.trouble):
        if trouble:
            numbers = [round(point.x) for point in group]
            ends = dict.fromkeys((numbers[0], numbers[-1]))
            stretches.setdefault(trouble, []).append("-".join(map(str, ends)))
    parts = []
    for trouble, found in stretches.items():
        more = f" and {len(found) - _MOST_NOTED} more" if len(found) > _MOST_NOTED else ""
        parts.append(f"{trouble}: layers {', '.join(found[:_MOST_NOTED])}{more}")
    return "; ".join(parts)
