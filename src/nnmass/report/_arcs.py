"""The cells of a network: layers as dots, skip links as arcs above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError, whole_number
from nnmass.report._fold import clean, fold
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

_WIDTH, _MARGIN, _GUTTER = 960.0, 16.0, 28.0  # pixels
_LEAST_STEP, _MOST_STEP = 5.0, 28.0  # between two layers
_ARC_HEIGHT = 150.0
_TOP = 44.0
_LABEL_COLUMNS = 30


@dataclass(frozen=True, slots=True)
class CellDrawing:
    """What is drawn of one cell.

    Args:
        label: Stands below the cell.
        width: Channels of each layer, at least 1.
        depth: Layers, at least 1.
        link_counts: ``depth`` rows of ``depth`` numbers; ``link_counts[i][j]`` is the number of
            channels, 0 to ``width``, that layer i takes from layer j through skips, and 0 unless
            ``j <= i - 2``.

    Raises:
        SpecError: A number or the shape of ``link_counts`` is out of range.

    Example:
        >>> CellDrawing("cell 1", 4, 3, [[0, 0, 0], [0, 0, 0], [3, 0, 0]]).density
        0.75
    """

    label: str
    width: int
    depth: int
    link_counts: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        """Check and freeze the numbers."""
        object.__setattr__(self, "width", whole_number(self.width, "CellDrawing.width", low=1))
        object.__setattr__(self, "depth", whole_number(self.depth, "CellDrawing.depth", low=1))
        counts = tuple(tuple(int(count) for count in row) for row in self.link_counts)
        object.__setattr__(self, "link_counts", counts)
        lengths = {len(row) for row in counts}
        if len(counts) != self.depth or lengths != {self.depth}:
            raise SpecError(
                f"CellDrawing.link_counts of {self.label!r} has {len(counts)} rows of "
                f"{sorted(lengths)} numbers; a cell of depth {self.depth} needs {self.depth} rows "
                f"of {self.depth}"
            )
        for target, source, count in self._entries():
            self._check(target, source, count)

    def _check(self, target: int, source: int, count: int) -> None:
        most = self.width if source <= target - 2 else 0
        if not 0 <= count <= most:
            raise SpecError(
                f"CellDrawing.link_counts[{target}][{source}] of {self.label!r} must be 0 to "
                f"{most}, got {count}: a layer takes at most the {self.width} channels of a layer "
                "at least two before it"
            )

    def _entries(self) -> Iterator[tuple[int, int, int]]:
        for target, row in enumerate(self.link_counts):
            for source, count in enumerate(row):
                yield target, source, count

    @property
    def arcs(self) -> list[tuple[int, int, int]]:
        """``(target, source, channels)`` of every skip, the weakest first."""
        return sorted((e for e in self._entries() if e[2]), key=lambda entry: entry[2])

    @property
    def density(self) -> float:
        """Channels taken over channels that could be; 0 where none could."""
        possible = self.width * (self.depth - 1) * (self.depth - 2) // 2
        return sum(count for _, _, count in self.arcs) / possible if possible else 0.0

    @property
    def legend(self) -> list[str]:
        """The lines below the cell, the label first."""
        size = f"depth {self.depth}, width {self.width}"
        return [*fold(clean(self.label), _LABEL_COLUMNS), size, f"density {self.density:.3f}"]


def arc_diagram(cells: Sequence[CellDrawing], *, title: str) -> str:
    """The cells of one network side by side, as inline SVG.

    An arc is the wider and the stronger the larger the share of the earlier layer's channels it
    carries. All cells are drawn to one scale; those that do not fit wrap into another row.

    Args:
        cells: At least one, from input to output.
        title: Stands above, and names the drawing for screen readers.

    Raises:
        SpecError: There is no cell.

    Example:
        >>> cell = CellDrawing("cell 1", 4, 3, [[0, 0, 0], [0, 0, 0], [3, 0, 0]])
        >>> svg = arc_diagram([cell], title="a small net")
        >>> "layer 0 -&gt; layer 2: 3 of 4 channels" in svg
        True
    """
    if not cells:
        raise SpecError("arc_diagram got no cells: give at least one")
    step = _step(cells)
    flatness = min(1.0, _ARC_HEIGHT / (step * max(max(cell.depth for cell in cells) - 1, 1) / 2))
    body, y, right = [element("text", escape(title), x=_MARGIN, y=24, class_="title")], _TOP, 0.0
    for row in _rows(cells, step):
        arcs_height = flatness * step * max(_longest_arc(cell) for cell in row) / 2
        base, x = y + arcs_height + 8, _MARGIN
        for cell in row:
            room = _room(cell, step)
            start = x + (room - step * (cell.depth - 1)) / 2
            body.append(_draw_cell(cell, start, base, step=step, flatness=flatness))
            body.append(_legend(cell, x + room / 2, base + 24))
            x += room + _GUTTER
        right = max(right, x - _GUTTER)
        y = base + 30 + LINE_HEIGHT * max(len(cell.legend) for cell in row)
    if any(cell.arcs for cell in cells):
        body.append(_key(y + 8))
        y, right = y + 22, max(right, 560.0)
    width = max(right, _MARGIN + text_width(title, size=14)) + _MARGIN
    return drawing(body, width=width, height=y + 8, title=title, summary=_summary(cells))


def _step(cells: Sequence[CellDrawing]) -> float:
    spare = _WIDTH - 2 * _MARGIN - _GUTTER * (len(cells) - 1)
    return min(max(spare / max(sum(c.depth - 1 for c in cells), 1), _LEAST_STEP), _MOST_STEP)


def _room(cell: CellDrawing, step: float) -> float:
    return max(step * (cell.depth - 1) + 8, *(text_width(line) for line in cell.legend))


def _rows(cells: Sequence[CellDrawing], step: float) -> list[list[CellDrawing]]:
    rows, used = list[list[CellDrawing]](), 0.0
    for cell in cells:
        room = _room(cell, step) + _GUTTER
        if not rows or used + room > _WIDTH + _GUTTER:
            rows.append([])
            used = 2 * _MARGIN
        rows[-1].append(cell)
        used += room
    return rows


def _longest_arc(cell: CellDrawing) -> int:
    return max((target - source for target, source, _ in cell.arcs), default=0)


def _draw_cell(
    cell: CellDrawing, start: float, base: float, *, step: float, flatness: float
) -> str:
    end = start + step * (cell.depth - 1)
    chain = element("path", d=f"M{number(start)} {number(base)}H{number(end)}", class_="chain")
    arcs = []
    for target, source, count in cell.arcs:
        left, reach = start + step * source, step * (target - source)
        path = (
            f"M{number(left)} {number(base)}A{number(reach / 2)} {number(flatness * reach / 2)} "
            f"0 0 1 {number(left + reach)} {number(base)}"
        )
        name = f"layer {source} -> layer {target}: {count} of {cell.width} channels"
        arcs.append(element("path", title_of(name), d=path, **_strength(count / cell.width)))
    radius = min(3.5, 0.36 * step)
    taken = [sum(row) for row in cell.link_counts]
    dots = (
        element("circle", title_of(_dot_name(i, taken[i])), cx=start + step * i, cy=base, r=radius)
        for i in range(cell.depth)
    )
    layers = element("g", *dots, class_="layers")
    return element("g", element("g", *arcs, class_="arcs"), chain, layers, class_="cell")


def _strength(share: float) -> dict[str, float]:
    return {"stroke_width": 0.5 + 2.1 * share, "opacity": 0.16 + 0.64 * share}


def _dot_name(layer: int, taken: int) -> str:
    return f"layer {layer}: {taken or 'no'} channel{'' if taken == 1 else 's'} through skips"


def _legend(cell: CellDrawing, x: float, y: float) -> str:
    label, rest = cell.legend[:-2], cell.legend[-2:]
    below = text_lines(rest, x, y + LINE_HEIGHT * len(label), class_="soft", anchor="middle")
    return text_lines(label, x, y, class_="bold", anchor="middle") + below


def _key(y: float) -> str:
    text = "share of the earlier layer's channels that an arc carries:"
    parts, x = [text_lines([text], _MARGIN, y, class_="soft")], _MARGIN + text_width(text) - 8
    for share in (0.1, 0.5, 1.0):
        path = f"M{number(x)} {number(y - 4)}h22"
        line = element("path", d=path, **_strength(share))
        parts.append(element("g", line, class_="arcs key"))
        parts.append(text_lines([f"{share:.0%}"], x + 27, y, class_="soft"))
        x += 68
    return "".join(parts)


def _summary(cells: Sequence[CellDrawing]) -> str:
    return " ".join(
        f"{cell.label}: depth {cell.depth}, width {cell.width}, density {cell.density:.3f}, "
        f"{len(cell.arcs)} arcs."
        for cell in cells
    )
