"""Tables as data: the same one goes to a terminal, to HTML and to CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nnmass.errors import SpecError


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: What stands in the header.
        align: ``"right"`` for numbers, which are never folded; ``"left"`` for text.
        unit: Of the numbers, shown behind the name.
        is_optional: Left out, and named below the table, on a terminal too narrow for it.
    """

    name: str
    align: Literal["left", "right"] = "right"
    unit: str = ""
    is_optional: bool = False

    @property
    def header(self) -> str:
        """Name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under named columns; numbers come formatted.

    Args:
        columns: At least one.
        rows: Each as long as ``columns``.
        title: Stands above the table.

    Raises:
        SpecError: There is no column, or a row has another length than ``columns``.

    Example:
        >>> table = Table((Column("net", "left"), Column("size", unit="MB")), (("a, b", "1.5"),))
        >>> print(table.to_csv(), end="")
        net,size (MB)
        "a, b",1.5
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""

    def __post_init__(self) -> None:
        """Check the shape."""
        if not self.columns:
            raise SpecError(f"Table {self.title!r} has no columns: give at least one")
        for index, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise SpecError(
                    f"row {index} of Table {self.title!r} has {len(row)} cells {row!r}, but there "
                    f"are {len(self.columns)} columns: give every column one cell"
                )

    def without(self, column: Column) -> Table:
        """The table without ``column``."""
        kept = [i for i, other in enumerate(self.columns) if other is not column]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
        return Table(tuple(self.columns[i] for i in kept), rows, self.title)

    def to_csv(self) -> str:
        """Comma-separated values with a header line; lines end in a plain newline."""
        lines = ([column.header for column in self.columns], *self.rows)
        return "".join(_csv_line(line) + "\n" for line in lines)


def _csv_line(cells: Sequence[str]) -> str:
    # csv.writer leaves a lone carriage return unquoted, which csv.reader then refuses.
    if len(cells) == 1 and not cells[0]:
        return '""'
    return ",".join(
        '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\r\n') else cell
        for cell in cells
    )
