"""Runs of equal cells, which a deep network has many of, taken as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnmass.tracing import TracedCell


@dataclass(frozen=True, slots=True)
class CellGroup:
    """Cells in a row that differ in nothing but the modules that they are made of.

    Attributes:
        first: Position of the first one in the network, from 0.
        cells: At least one.
    """

    first: int
    cells: tuple[TracedCell, ...]

    @property
    def numbers(self) -> str:
        """``"3"`` for one cell, ``"4-6"`` for several."""
        last = self.first + len(self.cells) - 1
        return f"{self.first}-{last}" if last > self.first else str(self.first)

    @property
    def times(self) -> str:
        """``"x 3"`` for three cells, nothing for one."""
        return f"x {len(self.cells)}" if len(self.cells) > 1 else ""

    @property
    def place(self) -> str:
        """The modules from first to last, what their paths share in front only once."""
        first, last = _layers(self.cells[0])[0], _layers(self.cells[-1])[-1]
        if first == last:
            return first
        parts, others = first.split("."), last.split(".")
        pairs = zip(parts[:-1], others[:-1], strict=False)
        n = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        front = ".".join(parts[:n])
        ends = f"{'.'.join(parts[n:])} .. {'.'.join(others[n:])}"
        return f"{front}: {ends}" if front else ends


def cell_groups(cells: Sequence[TracedCell]) -> list[CellGroup]:
    """``cells`` with equal neighbours (same kind, widths, links and flags) taken together.

    Example:
        >>> from nnmass.tracing import TracedCell
        >>> def plain(name, width):
        ...     return TracedCell(
        ...         kind="addition", chain=(name,), widths=(width,), link_list=()
        ...     )
        >>> groups = cell_groups([plain("a", 8), plain("b", 9), plain("c", 9)])
        >>> [(group.numbers, group.times) for group in groups]
        [('0', ''), ('1-2', 'x 2')]
    """
    groups = list[CellGroup]()
    for index, cell in enumerate(cells):
        if groups and _look(groups[-1].cells[-1]) == _look(cell):
            groups[-1] = CellGroup(groups[-1].first, (*groups[-1].cells, cell))
        else:
            groups.append(CellGroup(index, (cell,)))
    return groups


def _layers(cell: TracedCell) -> tuple[str, ...]:
    """Module paths of the cell's own layers: v_0 of an addition cell lies before it."""
    return cell.chain[1:] if cell.kind == "addition" and len(cell.chain) > 1 else cell.chain


def _look(cell: TracedCell) -> object:
    shape = cell.kind, cell.widths, cell.link_list, cell.is_ratio_one
    return *shape, cell.flags, bool(cell.unread)  # what was not read names its modules
