"""Tables for people at a terminal and for programs behind a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from nnmass.report._fold import clean, columns_of, fold, longest_piece
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from rich.console import Console

_GAP = 2
_NARROWEST_TEXT = 16  # a folded column narrower than this is harder to read than a list


def render_table(table: Table, *, console: Console) -> None:
    """Print ``table`` so that it reads well where ``console`` writes to.

    A terminal gets a table with a ruled header whose text folds to the width; numbers are never
    folded or cut. Where it is too wide, optional columns are left out, the last one first, and
    where that is not enough, every row becomes a short list. Anything else gets plain columns with
    two spaces between, however long the lines.

    Args:
        table: What is printed.
        console: Where; its width and kind decide the form.

    Example:
        >>> import sys
        >>> from rich.console import Console
        >>> from nnmass.report import Column
        >>> table = Table((Column("net", "left"), Column("params")), (("a", "1.93 M"), ("bc", "7")))
        >>> render_table(table, console=Console(file=sys.stdout, force_terminal=False))
        net  params
        a    1.93 M
        bc        7
    """
    if not console.is_terminal:
        _print_plain(table, _lines(table), console)
        return
    for shorter in _shorter(table):
        lines = _lines(shorter)
        widths = _fitted(shorter, lines, console.width)
        if widths is not None:
            _print_ruled(shorter, lines, widths=widths, console=console)
            _say_left_out([c for c in table.columns if c not in shorter.columns], console)
            return
    _print_records(table, _lines(table), console=console)


def _say_left_out(columns: Sequence[Column], console: Console) -> None:
    if columns:
        names = ", ".join(clean(column.header) for column in columns)
        _say(f"(not shown, the terminal being too narrow: {names})", console, style="dim")


def _lines(table: Table) -> list[list[str]]:
    head = [clean(column.header) for column in table.columns]
    return [head, *([clean(cell) for cell in row] for row in table.rows)]


def _shorter(table: Table) -> Iterator[Table]:
    """``table``, then without its last optional column, and so on."""
    yield table
    for column in reversed(table.columns):
        if column.is_optional:
            table = table.without(column)
            yield table


def _natural(lines: list[list[str]]) -> list[int]:
    return [max(map(columns_of, cells)) for cells in zip(*lines, strict=True)]


def _line(cells: Iterable[str], columns: Iterable[Column], widths: Iterable[int]) -> str:
    parts = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        fill = " " * (width - columns_of(cell))
        parts.append(fill + cell if column.align == "right" else cell + fill)
    return (" " * _GAP).join(parts).rstrip()


def _print_plain(table: Table, lines: list[list[str]], console: Console) -> None:
    if table.title:
        console.out(clean(table.title), highlight=False)
    widths = _natural(lines)
    for line in lines:
        console.out(_line(line, table.columns, widths), highlight=False)


def _fitted(table: Table, lines: list[list[str]], width: int) -> list[int] | None:
    """Column widths that fit into ``width``, or None if only a list would.

    The headers of numbers fold first, then texts; the widest gives way.
    """
    widths, (head, *rows) = _natural(lines), lines
    least = list[int]()
    for i, column in enumerate(table.columns):
        if column.align == "left":
            pieces = max(longest_piece(line[i]) for line in lines)
            least.append(min(widths[i], max(_NARROWEST_TEXT, pieces)))
        else:
            least.append(max([longest_piece(head[i]), *(columns_of(row[i]) for row in rows)]))
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    for align in ("right", "left"):
        mine = [i for i, column in enumerate(table.columns) if column.align == align]
        while excess > 0 and (wide := [i for i in mine if widths[i] > least[i]]):
            widths[max(wide, key=lambda i: widths[i])] -= 1
            excess -= 1
    return None if excess > 0 else widths


def _print_ruled(
    table: Table, lines: list[list[str]], *, widths: list[int], console: Console
) -> None:
    if table.title:
        _say(clean(table.title), console, style="bold")
    for index, line in enumerate(lines):
        folded = [fold(cell, width) for cell, width in zip(line, widths, strict=True)]
        for cells in zip_longest(*folded, fillvalue=""):
            _say(_line(cells, table.columns, widths), console, style="" if index else "bold")
        if not index:
            dash = "-" if console.options.ascii_only else "─"
            _say(dash * (sum(widths) + _GAP * (len(widths) - 1)), console, style="dim")


def _say(text: str, console: Console, *, style: str = "") -> None:
    from rich.text import Text  # plain text: brackets in a cell are no markup

    console.print(Text(text, style), soft_wrap=True)


def _print_records(table: Table, lines: list[list[str]], *, console: Console) -> None:
    from rich.text import Text

    if table.title:
        _say(clean(table.title), console, style="bold")
    head, *rows = lines
    indent = max(map(columns_of, head)) + _GAP
    for index, row in enumerate(rows):
        if index:
            console.print()
        for name, cell in zip(head, row, strict=True):
            name_text = Text(name + " " * (indent - columns_of(name)), "bold")
            folded = fold(cell, max(console.width - indent, _NARROWEST_TEXT))
            body = ("\n" + " " * indent).join(folded)
            console.print(name_text + Text(body), soft_wrap=True)
