"""Breaking long lines between words, where a person reads them."""

from __future__ import annotations

import shutil
import textwrap
from typing import TextIO


def wrapped(text: str, stream: TextIO) -> str:
    """``text`` as it is in a pipe; on a terminal, its lines broken between words."""
    if not stream.isatty():
        return text
    columns = shutil.get_terminal_size().columns
    return "\n".join(_line(line, columns) for line in text.split("\n"))


def _line(line: str, columns: int) -> str:
    # Never inside a word: a path or a spec string stays whole, to be copied.
    return textwrap.fill(
        line,
        columns,
        drop_whitespace=True,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
