"""Files and folders of results, and which page each gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnmass.errors import NNMassError, SpecError, StoreError
from nnmass.report._document import Report
from nnmass.report._documents._pages import combined, page_of

_WRITTEN = "write one with any verb's --json, as in `nnmass inspect timm:resnet18 --json > a.json`"
_FILES = ("design.json", "audit-patch.json")
"""What a folder may hold, the first that is there counts."""


def report_of(sources: Sequence[str | Path], *, title: str = "") -> Report:
    """One page of any results.

    Args:
        sources: Files that ``--json`` wrote; folders of a study, a run, a design or an audit; the
            text of such a document.
        title: Of the page; what it holds unless told.

    Raises:
        SpecError: There is no source, or one is no result.
        StoreError: A file cannot be read.

    Example:
        >>> from nnmass.topology import Cell
        >>> cell = Cell(width=8, depth=8, link_cap=10)
        >>> told = {"schema": "nnmass.mass/1", "cells": [cell.to_dict()]}
        >>> report_of([json.dumps(told)]).answer
        'one cell of width 8 and depth 8 has NN-Mass 22.10.'
    """
    return combined([_page(source) for source in sources], title=title)


def _page(source: str | Path) -> Report:
    name, load = _opened(source)
    try:
        page = load()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, NNMassError):
            raise type(error)(f"{name} is no result that can be shown: {error}") from error
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise SpecError(f"{name} is damaged, or of another version: {what}; {_WRITTEN}") from error
    return replace(page, provenance={**page.provenance, "read from": name})


def _opened(source: str | Path) -> tuple[str, Callable[[], Report]]:
    """A name to blame, and what makes the page."""
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return "the text", lambda: page_of(_parsed(source, "the text"))
    path = Path(source)
    if path.is_dir():
        return str(path), lambda: _folder(path)
    if not path.exists():
        raise StoreError(f"there is no file or folder {str(path)!r}: {_WRITTEN}")
    return str(path), lambda: page_of(_parsed(_text(path), str(path)))


def _folder(path: Path) -> Report:
    from nnmass.runs import CURVE_FILE, STORE_FILE, read_record, read_study

    if (path / STORE_FILE).is_file():
        from nnmass.report._study_page import report_study

        return report_study(read_study(path))
    record = read_record(path)
    if record is not None:
        from nnmass.report._training_page import report_training

        curve = path / CURVE_FILE
        lines = _text(curve).splitlines() if curve.is_file() else []
        return report_training(record, [json.loads(line) for line in lines])
    file = next((path / name for name in _FILES if (path / name).is_file()), None)
    if file is None:
        raise SpecError(f"the folder holds none of {', '.join((STORE_FILE, *_FILES))}; {_WRITTEN}")
    return page_of(_parsed(_text(file), str(file)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}; {_WRITTEN}") from error


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SpecError(f"it holds no JSON ({error})") from error
    if not isinstance(document, dict):
        raise SpecError(f"it holds {type(document).__name__}, no JSON object")
    return document
