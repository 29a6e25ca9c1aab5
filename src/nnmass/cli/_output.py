"""Results on stdout: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._wrap import wrapped

if TYPE_CHECKING:
    from nnmass.report import Table

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]


def emit_json(verb: str, document: Mapping[str, object]) -> None:
    """The JSON document of ``verb``, on stdout."""
    print(json_text({"schema": f"nnmass.{verb}/1", **document}), end="")  # noqa: T201


def json_text(document: Mapping[str, object]) -> str:
    """``document`` as indented JSON that ends with a line break; NaN and infinity as null."""
    return json.dumps(_finite(document), indent=2, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list | tuple) else value


def emit_table(table: Table) -> None:
    """A table, on stdout: drawn on a terminal, plain columns in a pipe."""
    from rich.console import Console

    from nnmass.report import render_table

    render_table(table, console=Console(highlight=False))


def emit_line(text: str = "") -> None:
    """A line of a result, on stdout."""
    print(wrapped(text, sys.stdout))  # noqa: T201
