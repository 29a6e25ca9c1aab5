"""What is drawn of one cell, checked; and the way there from a traced cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnmass.errors import SpecError, whole_number
from nnmass.report._fold import clean, fold
from nnmass.report._numbers import format_density, format_mass

if TYPE_CHECKING:
    from nnmass.tracing import Link, TracedCell

_LABEL_COLUMNS = 30
_UNREAD = "no mass: an operation in it could not be followed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDrawing:
    """What is drawn of one cell.

    Args:
        label: Stands below the cell.
        names: Of the nodes of the chain, at least one; shown when a node or an arc is pointed at.
        widths: Channels of each node, at least 1.
        links: The skips: each from a node to one at least two behind it, of at most the channels
            that the earlier one has. Those of no channels are left out.
        facts: Lines below the label.
        flags: What the reader must know of the cell; shown below the drawing.

    Raises:
        SpecError: There is no node, there is not one width for each, or a link is out of range.
    """

    label: str
    names: Sequence[str]
    widths: Sequence[int]
    links: Sequence[Link] = ()
    facts: Sequence[str] = ()
    flags: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check and freeze what was given."""
        widths = tuple(whole_number(w, "CellDrawing.widths", low=1) for w in self.widths)
        for field in ("names", "facts", "flags"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        object.__setattr__(self, "widths", widths)
        if not widths or len(widths) != len(self.names):
            raise SpecError(
                f"CellDrawing {self.label!r} has {len(self.names)} names and {len(widths)} widths: "
                "give one of each for every node, and at least one node"
            )
        for link in self.links:
            self._check(link)
        kept = sorted((link for link in self.links if link.channels), key=self.share)
        object.__setattr__(self, "links", tuple(kept))

    def _check(self, link: Link) -> None:
        if not 0 <= link.source <= link.target - 2 < self.n_nodes - 2:
            raise SpecError(
                f"a link of CellDrawing {self.label!r} goes from node {link.source} to node "
                f"{link.target}: it must go from one of the {self.n_nodes} nodes to one at least "
                "two behind it"
            )
        width = self.widths[link.source]
        if not 0 <= link.channels <= width:
            raise SpecError(
                f"the link {link.source} -> {link.target} of CellDrawing {self.label!r} must carry "
                f"0 to {width} channels, got {link.channels}: node {link.source} has no more"
            )

    @property
    def n_nodes(self) -> int:
        """Nodes of the chain."""
        return len(self.widths)

    def share(self, link: Link) -> float:
        """Part of the earlier node's channels that ``link`` carries."""
        return link.channels / self.widths[link.source]

    @property
    def label_lines(self) -> list[str]:
        """The label, folded."""
        return fold(clean(self.label), _LABEL_COLUMNS)


def cell_drawing(cell: TracedCell, *, label: str) -> CellDrawing:
    """What is drawn of ``cell``: its nodes and links, with depth, widths, density and mass.

    Args:
        cell: From `nnmass.trace`.
        label: Stands above it.

    Example:
        >>> from nnmass.tracing import Link, TracedCell
        >>> skip = Link(source=0, target=3, channels=64)
        >>> cell = TracedCell(
        ...     kind="addition", chain=("stem", "conv1", "conv2", "conv3"),
        ...     widths=(64, 64, 64, 256), link_list=(skip,),
        ... )
        >>> cell_drawing(cell, label="cell 1").facts
        ('depth 3, widths 64..256', 'density 0.333, mass 64.00')
    """
    return CellDrawing(
        label=label,
        names=cell.chain,
        widths=cell.widths,
        links=cell.link_list,
        facts=(
            f"depth {cell.depth}, {_width_range(cell.widths)}",
            f"density {format_density(cell.density)}, mass {format_mass(cell.mass)}",
        ),
        flags=cell_remarks(cell),
    )


def cell_remarks(cell: TracedCell) -> tuple[str, ...]:
    """The flags of ``cell``, and that it has no mass where not all of it could be followed."""
    return (*cell.flags, *([_UNREAD] if cell.unread else []))


def _width_range(widths: Sequence[int]) -> str:
    low, high = min(widths), max(widths)
    return f"width {low}" if low == high else f"widths {low}..{high}"
