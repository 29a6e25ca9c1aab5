"""The cells of a description as arcs, nothing built."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nnmass.errors import SpecError
from nnmass.report._arcs import arc_diagram
from nnmass.report._cell_drawing import cell_drawing
from nnmass.report._cell_groups import cell_groups
from nnmass.topology import AdditiveCell, AnyCell, Cell, DenseBlock, draw_links

if TYPE_CHECKING:
    from nnmass.specs import Spec
    from nnmass.tracing import Link, TracedCell

_SEED = 0  # whose links are drawn
_KEPT = 512  # cells: who drags one cap draws the other cells again


def spec_arcs(spec: Spec, *, title: str = "", is_named: bool = True) -> str:
    """The cells of a spec as inline SVG, in closed form; equal ones in a row are drawn once.

    Args:
        spec: Of any family; links that are drawn at random are those of seed 0.
        title: Stands above; the spec unless told.
        is_named: As of `arc_diagram`.

    Raises:
        SpecError: The network has no cells: there is nothing to draw.

    Source:
        Ours. What tracing the built network gives has the same links.

    Example:
        >>> import nnmass
        >>> spec_arcs(nnmass.parse("dense-cnn(wm=1,d=5,t=10/20)")).count('class="cell"')
        2
    """
    groups = cell_groups(spec_cells(spec))
    if not groups:
        raise SpecError(f"{spec} has no cells: there is nothing to draw")
    drawings = []
    for group in groups:
        cells = f"cells {group.numbers} ({group.times})" if group.times else f"cell {group.first}"
        drawings.append(cell_drawing(group.cells[0], label=cells))
    return arc_diagram(drawings, title=title or str(spec), is_named=is_named)


def spec_cells(spec: Spec) -> list[TracedCell]:
    """The cells of a spec with their links, as tracing would give them but for the module names."""
    return [_traced(cell, index) for index, cell in enumerate(spec.cells)]


def _traced(cell: AnyCell, index: int) -> TracedCell:
    from nnmass.tracing import TracedCell

    if isinstance(cell, Cell):
        return TracedCell(
            kind="concatenation",
            chain=_names(cell.depth),
            widths=(cell.width,) * cell.depth,
            link_list=_drawn(cell, index),
        )
    if isinstance(cell, DenseBlock):
        widths = (*cell.widths, cell.outputs)  # the last does not count
        links = _block_links(cell)
        return TracedCell(
            kind="concatenation", chain=_names(len(widths)), widths=widths, link_list=links
        )
    return TracedCell(
        kind="addition",
        chain=_names(len(cell.widths)),
        widths=cell.widths,
        link_list=_shortcut(cell),
        is_ratio_one=cell.is_ratio_one,
    )


def _names(n: int) -> tuple[str, ...]:
    return tuple(f"layer {number}" for number in range(n))


def _drawn(cell: Cell, index: int) -> tuple[Link, ...]:
    from nnmass.tracing import Link

    return tuple(
        Link(source=source, target=target, channels=count)
        for target, row in enumerate(link_counts(cell, index))
        for source, count in enumerate(row)
        if count
    )


def _shortcut(cell: AdditiveCell) -> tuple[Link, ...]:
    from nnmass.tracing import Link

    if not cell.carried:
        return ()
    last = len(cell.widths) - 1
    return (Link(source=0, target=last, channels=cell.carried, has_layer=cell.has_projection),)


def _block_links(block: DenseBlock) -> tuple[Link, ...]:
    """Each layer, and what reads the block whole, reads all before it but its neighbour."""
    from nnmass.tracing import Link

    step = 2 if block.has_bottleneck else 1
    sources = [(0, block.inputs)]
    links = list[Link]()
    for layer in range(block.layers + 1):
        target = step * layer + 1
        links += [
            Link(source=source, target=target, channels=channels)
            for source, channels in sources
            if target - source >= 2
        ]
        sources.append((step * (layer + 1), block.growth))
    return tuple(links)


@lru_cache(_KEPT)
def link_counts(cell: Cell, cell_index: int, *, seed: int = _SEED) -> tuple[tuple[int, ...], ...]:
    """For layers i and j of ``cell``, how many channels of j layer i takes through skips."""
    counts = [[0] * cell.depth for _ in range(cell.depth)]
    for layer, links in enumerate(draw_links(cell, seed=seed, cell_index=cell_index)):
        for channel in links.tolist():
            counts[layer][channel // cell.width] += 1
    return tuple(map(tuple, counts))
