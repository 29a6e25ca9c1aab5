"""Folding long names, spec strings above all, where a reader would."""

from __future__ import annotations

import re
import unicodedata

_PIECE = re.compile(r"[^\s,]*[,\s]?")
_SMALL_PIECE = re.compile(r"[^\s,/(]*[,/(\s]?")
_WIDE = 24  # a piece of so many character cells may break behind a slash or a bracket, too


def clean(text: str) -> str:
    """``text`` on one line: a control character becomes a space, so that none moves the cursor."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)


def columns_of(text: str) -> int:
    """Character cells that ``text`` takes in a terminal."""
    from rich.cells import cell_len

    return cell_len(text)


def pieces(text: str, width: int = _WIDE) -> list[str]:
    """``text`` cut where a line may end; no piece is wider than ``width`` if that can be helped.

    Example:
        >>> pieces("t=40/80/125, d=3"), pieces("t=40/80/125", 6)
        (['t=40/80/125,', ' ', 'd=3'], ['t=40/', '80/', '125'])
    """
    found = list[str]()
    for piece in _PIECE.findall(text):
        small = columns_of(piece.rstrip()) <= width
        found += [piece] if small else _SMALL_PIECE.findall(piece)
    return [piece for piece in found if piece]


def longest_piece(text: str) -> int:
    """The widest part of ``text`` that `fold` would not break on its own accord."""
    return max(columns_of(piece.rstrip()) for piece in ["", *pieces(text)])


def fold(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` character cells.

    Lines break behind a space or a comma; behind a slash or an opening bracket where a piece is
    too wide, and inside a word, so perhaps inside a number, only if it alone is too wide.

    Example:
        >>> fold("dense-cnn(wm=2,d=13,t=40/80/125)", 16)
        ['dense-cnn(wm=2,', 'd=13,', 't=40/80/125)']
    """
    lines, line = list[str](), ""
    for piece in pieces(text, width):
        if line and columns_of((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
        while columns_of(line.rstrip()) > width and len(line) > 1:
            cut = _cut(line, width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.rstrip() or not lines else lines


def _cut(line: str, width: int) -> int:
    cut = 1
    while columns_of(line[: cut + 1]) <= width:
        cut += 1
    return cut
