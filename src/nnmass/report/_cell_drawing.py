"""What is drawn of one cell, checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnmass.errors import SpecError, whole_number
from nnmass.report._fold import clean, fold

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
