"""The cells of a network: nodes as dots, skip links as arcs above them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nnmass.errors import SpecError
from nnmass.report._arc_key import DASHES, draw_flags, draw_key
from nnmass.report._arc_scale import GUTTER, MARGIN, Scale
from nnmass.report._cell_drawing import CellDrawing
from nnmass.report._svg import (
    LINE_HEIGHT,
    drawing,
    element,
    escape,
    number,
    text_lines,
    text_width,
    title_of,
)

if TYPE_CHECKING:
    from nnmass.tracing import Link

_Drawn = Sequence[tuple["Link", str]]
"""Links, each with its path."""

_TOP = 44.0
_BOLD_TITLE = 15.5  # pixels: the title has 14, and bold letters are a tenth wider


def arc_diagram(cells: Sequence[CellDrawing], *, title: str, is_named: bool = True) -> str:
    """The cells of one network side by side, as inline SVG.

    An arc is the wider and the stronger the larger the share of the earlier node's channels it
    carries, and dashed where a weight layer stands on the way. All cells are drawn to one scale;
    those that do not fit wrap into another row. What cells are flagged with stands below.

    Args:
        cells: At least one, from input to output.
        title: Stands above, and names the drawing for screen readers.
        is_named: Whether arcs and dots tell what they are when pointed at. Without that, arcs that
            look alike are one element: a fifth of the size, drawn several times as fast.

    Raises:
        SpecError: There is no cell.

    Example:
        >>> from nnmass.tracing import Link
        >>> cell = CellDrawing(
        ...     label="cell 1", names=("layer 0", "layer 1", "layer 2"), widths=(4, 4, 4),
        ...     links=[Link(source=0, target=2, channels=3)],
        ... )
        >>> svg = arc_diagram([cell], title="a small net")
        >>> "layer 0 -&gt; layer 2: 3 of 4 channels" in svg
        True
    """
    if not cells:
        raise SpecError("arc_diagram got no cells: give at least one")
    scale = Scale.of(cells)
    flags = list(dict.fromkeys(flag for cell in cells for flag in cell.flags))
    body = [element("text", escape(title), x=MARGIN, y=24, class_="title")]
    y, rights = _TOP, [MARGIN + text_width(title, size=_BOLD_TITLE)]
    for row in scale.rows(cells):
        parts, right, y = _draw_row(row, y, scale=scale, flags=flags, is_named=is_named)
        body += parts
        rights.append(right)
    key, key_right, y = draw_key(cells, y, scale)
    notes, notes_right, y = draw_flags(flags, y)
    width = max(*rights, key_right, notes_right) + MARGIN
    body += [key, notes]
    return drawing(body, width=width, height=y + 8, title=title, summary=_summary(cells))


def _draw_row(
    row: Sequence[CellDrawing],
    top: float,
    *,
    scale: Scale,
    flags: Sequence[str],
    is_named: bool,
) -> tuple[list[str], float, float]:
    """The elements of a row of cells, its right edge and its lower edge."""
    reach = scale.step * max(
        (link.target - link.source for cell in row for link in cell.links), default=0
    )
    base, x = top + scale.flatness * reach / 2 + 8, MARGIN
    parts, lines = list[str](), 0
    for cell in row:
        middle = x + scale.room(cell) / 2
        start = middle - scale.length(cell) / 2
        parts.append(_draw_cell(cell, start, base, scale=scale, is_named=is_named))
        facts = [*cell.facts, *_references(cell, flags)]
        parts.append(_legend(cell, facts, middle, base + 24))
        lines = max(lines, len(cell.label_lines) + len(facts))
        x += scale.room(cell) + GUTTER
    return parts, x - GUTTER, base + 30 + LINE_HEIGHT * lines


def _draw_cell(
    cell: CellDrawing, start: float, base: float, *, scale: Scale, is_named: bool
) -> str:
    step, end = scale.step, start + scale.length(cell)
    chain = element("path", d=f"M{number(start)} {number(base)}H{number(end)}", class_="chain")
    paths = _paths(cell, start, base, scale)
    drawn = [(link, paths(link.source, link.target)) for link in cell.links]
    arcs = _named_arcs(cell, drawn, scale) if is_named else _plain_arcs(cell, drawn, scale)
    radius = min(3.5, 0.36 * step)
    dots = (
        element("circle", *names, cx=start + step * i, cy=base, r=radius)
        for i in range(cell.n_nodes)
        for names in [[title_of(_dot_name(cell, i))] if is_named else []]
    )
    layers = element("g", *dots, class_="layers")
    return element("g", element("g", *arcs, class_="arcs"), chain, layers, class_="cell")


def _named_arcs(cell: CellDrawing, drawn: _Drawn, scale: Scale) -> list[str]:
    return [
        element("path", title_of(_arc_name(cell, link)), d=path, **_pen(cell, link, scale))
        for link, path in drawn
    ]


def _plain_arcs(cell: CellDrawing, drawn: _Drawn, scale: Scale) -> list[str]:
    """Those that look alike as one element."""
    paths: dict[tuple[float, bool], list[str]] = {}
    first: dict[tuple[float, bool], Link] = {}
    for link, path in drawn:
        look = round(cell.share(link), 1), link.has_layer
        paths.setdefault(look, []).append(path)
        first.setdefault(look, link)
    return [
        element("path", d="".join(paths[look]), **_pen(cell, link, scale))
        for look, link in first.items()
    ]


def _pen(cell: CellDrawing, link: Link, scale: Scale) -> dict[str, Any]:
    dashes = {"stroke_dasharray": DASHES} if link.has_layer else {}
    return {**scale.strength(cell.share(link)), **dashes}


def _paths(cell: CellDrawing, start: float, base: float, scale: Scale) -> Callable[[int, int], str]:
    """The path from a node to another; each number is written once, for the thousand arcs."""
    step, end = scale.step, number(base)
    nodes = [number(start + step * node) for node in range(cell.n_nodes)]
    halves = [step * reach / 2 for reach in range(cell.n_nodes)]
    radii = [f"A{number(half)} {number(scale.flatness * half)} 0 0 1 " for half in halves]
    return lambda source, target: (
        f"M{nodes[source]} {end}{radii[target - source]}{nodes[target]} {end}"
    )


def _arc_name(cell: CellDrawing, link: Link) -> str:
    source, target = cell.names[link.source], cell.names[link.target]
    projection = ", through a weight layer" if link.has_layer else ""
    width = cell.widths[link.source]
    return f"{source} -> {target}: {link.channels} of {width} channels{projection}"


def _dot_name(cell: CellDrawing, node: int) -> str:
    taken = sum(link.channels for link in cell.links if link.target == node)
    skips = f"{taken or 'no'} channel{'' if taken == 1 else 's'} through skips"
    return f"{cell.names[node]}: width {cell.widths[node]}, {skips}"


def _references(cell: CellDrawing, flags: Sequence[str]) -> list[str]:
    numbers = [str(flags.index(flag) + 1) for flag in cell.flags]
    return [f"see {', '.join(numbers)} below"] if numbers else []


def _legend(cell: CellDrawing, facts: Sequence[str], x: float, y: float) -> str:
    label = cell.label_lines
    below = text_lines(facts, x, y + LINE_HEIGHT * len(label), class_="soft", anchor="middle")
    return text_lines(label, x, y, class_="bold", anchor="middle") + (below if facts else "")


def _summary(cells: Sequence[CellDrawing]) -> str:
    return " ".join(
        ", ".join([f"{cell.label}: {_arcs_of(cell)}", *cell.facts, *cell.flags]) + "."
        for cell in cells
    )


def _arcs_of(cell: CellDrawing) -> str:
    return "1 arc" if len(cell.links) == 1 else f"{len(cell.links)} arcs"
