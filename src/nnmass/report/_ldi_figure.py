"""Singular values of the layer Jacobians by layer, from input to output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnmass.errors import SpecError
from nnmass.probes import LDI, LayerSpectrum
from nnmass.report._axis import Axis
from nnmass.report._ldi_table import singular_value
from nnmass.report._plot import BOTTOM, HEIGHT, LEFT, WIDTH, draw_frame
from nnmass.report._svg import drawing, element, number, points_of, text_lines, text_width, title_of

_TOP, _RIGHT = 66.0, 74.0  # pixels: below the legend; for the word at the line of isometry
BANDS = ((0, 4, "5 % to 95 %", 0.16), (1, 3, "25 % to 75 %", 0.34))
"""The positions of the band's edges in `LayerSpectrum.quantiles`, its name, its opacity."""

_DEEPEST = 0.1  # of the smallest mean: a band that goes lower is cut, or it would flatten the rest

_Ranked = tuple[int, LayerSpectrum]
"""A layer and its number, from 1."""


def ldi_figure(ldi: LDI) -> str:
    """Mean singular value by layer in forward order, as inline SVG, on a logarithmic axis.

    Bands show between which quantiles the singular values lie; the line at 1 is isometry. Layers
    that failed leave a gap and a cross below.

    Args:
        ldi: What `nnmass.ldi` returned.

    Raises:
        SpecError: No layer has a mean above 0.
    """
    layers = list(enumerate(ldi.layers, start=1))
    known = [(rank, layer) for rank, layer in layers if layer.mean]
    if not known:
        raise SpecError(
            f"{ldi.network}: no layer has a mean singular value above 0, so there is nothing to "
            f"draw; {'; '.join(ldi.failures) or 'all of them are 0'}"
        )
    y_axis = _y_axis([layer for _, layer in known])
    x_axis = _x_axis([layer.path for _, layer in layers])
    title = f"Singular values by layer: {ldi.network}"
    body, frame = draw_frame(
        x_axis,
        y_axis,
        x_label="layer, from input to output",
        y_label="singular value",
        title=title if text_width(title, size=14) < WIDTH else "Singular values by layer",
    )
    runs = list(_runs(layers))
    for low, high, _, opacity in BANDS:
        body += [_band(run, low, high, opacity, x_axis, y_axis) for run in runs]
    body += _isometry(y_axis, right=frame.right)
    body += [_means(run, x_axis, y_axis) for run in runs]
    body += [_cross(item, x_axis, frame.bottom) for item in layers if item[1].mean is None]
    body.append(_legend(has_failures=any(layer.mean is None for _, layer in layers)))
    summary = "; ".join(layer_name(item) for item in layers)
    return drawing(body, width=WIDTH, height=HEIGHT, title=title, summary=summary)


def _y_axis(layers: Sequence[LayerSpectrum]) -> Axis:
    means = [layer.mean for layer in layers if layer.mean]
    deepest = _DEEPEST * min(*means, 1.0)
    edges = [value for layer in layers for value in (layer.quantiles or ())]
    shown = [max(value, deepest) for value in edges]
    return Axis.around([*means, *shown, 1.0], HEIGHT - BOTTOM, _TOP, name="mean", log=True)


def _x_axis(paths: Sequence[str]) -> Axis:
    """Layers by name where the names have room, else by number."""
    end = WIDTH - _RIGHT
    room = (end - LEFT) / len(paths) - 6
    if all(text_width(path) <= room for path in paths):
        marks = tuple((float(rank), path) for rank, path in enumerate(paths, start=1))
    else:
        every = next(n for n in _steps() if 26 * len(paths) / n <= end - LEFT)
        ranks = [1, *range(every, len(paths) + 1, every)] if every > 1 else range(1, len(paths) + 1)
        marks = tuple((float(rank), str(rank)) for rank in ranks)
    return Axis(0.5, len(paths) + 0.5, LEFT, end, marks=marks)


def _steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, ..."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _runs(layers: Sequence[_Ranked]) -> Iterator[list[_Ranked]]:
    """The stretches of layers whose mean can be drawn."""
    run = list[_Ranked]()
    for item in layers:
        if item[1].mean:
            run.append(item)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _band(
    run: Sequence[_Ranked], low: int, high: int, opacity: float, x_axis: Axis, y_axis: Axis
) -> str:
    there = [(rank, layer.quantiles) for rank, layer in run if layer.quantiles]
    upper = [(float(rank), values[high]) for rank, values in there]
    lower = [(float(rank), values[low]) for rank, values in there]
    if len(there) == 1:  # one layer alone still shows its band
        (x, top), (_, bottom) = upper[0], lower[0]
        upper, lower = [(x - 0.2, top), (x + 0.2, top)], [(x - 0.2, bottom), (x + 0.2, bottom)]
    corners = [
        (x_axis.position(x), y_axis.position(min(max(y, y_axis.low), y_axis.high)))
        for x, y in [*upper, *reversed(lower)]
    ]
    return element("polygon", points=points_of(corners), class_="f0 band", fill_opacity=opacity)


def _isometry(y_axis: Axis, *, right: float) -> list[str]:
    y = y_axis.position(1.0)
    line = element("line", x1=LEFT, x2=right, y1=y, y2=y, class_="line s1", stroke_dasharray="7 4")
    return [line, text_lines(["isometry"], right + 6, y + 4, class_="label")]


def _means(run: Sequence[_Ranked], x_axis: Axis, y_axis: Axis) -> str:
    places = [(x_axis.position(rank), y_axis.position(layer.mean or 1.0)) for rank, layer in run]
    line = element("polyline", points=points_of(places), class_="line s0") if len(run) > 1 else ""
    radius = 4 if len(run) <= 60 else 2.5
    dots = (
        element("circle", title_of(layer_name(item)), cx=x, cy=y, r=radius, class_="mark f0")
        for item, (x, y) in zip(run, places, strict=True)
    )
    return line + "".join(dots)


def _cross(item: _Ranked, x_axis: Axis, bottom: float) -> str:
    x, y = x_axis.position(item[0]), bottom - 8
    path = f"M{number(x - 4)} {number(y - 4)}l8 8m0 -8l-8 8"
    return element("path", title_of(layer_name(item)), d=path, class_="line s1")


def layer_name(item: _Ranked) -> str:
    """Number, path and mean of a layer, or why it has none."""
    rank, layer = item
    if layer.mean is None:
        return f"{rank} {layer.path}: {layer.method}, {layer.reason}"
    return f"{rank} {layer.path}: mean {singular_value(layer.mean)}"


def _legend(*, has_failures: bool) -> str:
    x, y, parts = LEFT, 46.0, list[str]()
    for _, _, name, opacity in reversed(BANDS):
        shown = 1 - (1 - BANDS[0][3]) * (1 - opacity) if opacity != BANDS[0][3] else opacity
        swatch = element("rect", x=x, y=y - 5, width=26, height=10, class_="f0", fill_opacity=shown)
        parts.append(swatch + text_lines([name], x + 32, y + 4, class_="legend"))
        x += 44 + text_width(name)
    line = element("line", x1=x, x2=x + 26, y1=y, y2=y, class_="line s0")
    dot = element("circle", cx=x + 13, cy=y, r=4, class_="mark f0")
    parts.append(line + dot + text_lines(["mean"], x + 32, y + 4, class_="legend"))
    x += 44 + text_width("mean")
    if has_failures:
        cross = element("path", d=f"M{number(x)} {number(y - 4)}l8 8m0 -8l-8 8", class_="line s1")
        parts.append(cross + text_lines(["no number"], x + 14, y + 4, class_="legend"))
    return "".join(parts)
