"""Tables for people at a terminal and for programs behind a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.report._fold import clean, columns_of, fold, longest_piece
from nnmass.report._table import Table

if TYPE_CHECKING:
    from rich.console import Console

_GAP = 2
_NARROWEST_TEXT = 16  # a folded column narrower than this is harder to read than a list


def render_table(table: Table, *, console: Console) -> None:
    """Print ``table`` so that it reads well where ``console`` writes to.

    A terminal gets a table with a ruled header whose text folds to the width; numbers are never
    folded or cut. Where the numbers alone are too wide, every row becomes a short list. Anything
    else gets plain columns with two spaces between, however long the lines.

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
    head = [clean(column.header) for column in table.columns]
    rows = [[clean(cell) for cell in row] for row in table.rows]
    if not console.is_terminal:
        _print_plain(table, [head, *rows], console)
        return
    widths = _fitted(table, [head, *rows], console.width)
    if widths is None:
        _print_records(table, head, rows, console=console)
    else:
        _print_ruled(table, head, rows, widths=widths, console=console)


def _natural(lines: list[list[str]]) -> list[int]:
    return [max(map(columns_of, cells)) for cells in zip(*lines, strict=True)]


def _print_plain(table: Table, lines: list[list[str]], console: Console) -> None:
    if table.title:
        console.out(clean(table.title), highlight=False)
    widths = _natural(lines)
    for line in lines:
        cells = []
        for cell, column, width in zip(line, table.columns, widths, strict=True):
            fill = " " * (width - columns_of(cell))
            cells.append(fill + cell if column.align == "right" else cell + fill)
        console.out((" " * _GAP).join(cells).rstrip(), highlight=False)


def _fitted(table: Table, lines: list[list[str]], width: int) -> list[int] | None:
    """Column widths that fit into ``width``, or None if only a list would."""
    widths = _natural(lines)
    texts = [i for i, column in enumerate(table.columns) if column.align == "left"]
    least = {
        i: min(widths[i], max(_NARROWEST_TEXT, *(longest_piece(line[i]) for line in lines)))
        for i in texts
    }
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    while excess > 0:
        shrinkable = [i for i in texts if widths[i] > least[i]]
        if not shrinkable:
            return None
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
        excess -= 1
    return widths


def _print_ruled(
    table: Table, head: list[str], rows: list[list[str]], *, widths: list[int], console: Console
) -> None:
    from rich.box import Box
    from rich.table import Table as RichTable
    from rich.text import Text

    rule = Box("    \n    \n -- \n    \n    \n    \n    \n    \n".replace("-", "─"))
    drawn = RichTable(
        box=rule, show_edge=False, pad_edge=False, padding=(0, 1), header_style="bold"
    )
    drawn.title, drawn.title_style, drawn.title_justify = table.title or None, "bold", "left"
    for name, column, width in zip(head, table.columns, widths, strict=True):
        header = Text("\n".join(fold(name, width)))
        drawn.add_column(header, justify=column.align, width=width, no_wrap=True, vertical="top")
    for row in rows:
        cells = ("\n".join(fold(c, w)) for c, w in zip(row, widths, strict=True))
        drawn.add_row(*map(Text, cells))
    console.print(drawn)


def _print_records(
    table: Table, head: list[str], rows: list[list[str]], *, console: Console
) -> None:
    from rich.text import Text

    if table.title:
        console.print(Text(clean(table.title), "bold"))
    indent = max(map(columns_of, head)) + _GAP
    for index, row in enumerate(rows):
        if index:
            console.print()
        for name, cell in zip(head, row, strict=True):
            name_text = Text(name + " " * (indent - columns_of(name)), "bold")
            lines = fold(cell, max(console.width - indent, _NARROWEST_TEXT))
            body = ("\n" + " " * indent).join(lines)
            console.print(name_text + Text(body), soft_wrap=True)
