"""One HTML file that opens anywhere, offline."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from nnmass.report._document import Report
from nnmass.report._fold import pieces
from nnmass.runs import write_atomic

if TYPE_CHECKING:
    from jinja2 import Template


def render_html(report: Report) -> str:
    """``report`` as one page: no request to anywhere, no script, light and dark, printable.

    Example:
        >>> page = render_html(Report("Two nets", "The small one is as good.", (), {"seed": "0"}))
        >>> page.startswith("<!doctype html>"), "The small one is as good." in page
        (True, True)
    """
    return _template().render(report=report)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("nnmass", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment.get_template("report.html.j2")


def _breakable(text: str) -> Markup:
    """``text``, escaped, that may break where `fold` would break it."""
    return Markup("<wbr>").join(escape(part) for part in pieces(text))


def write_report(report: Report, path: str | Path) -> None:
    """Write ``report`` to ``path``, whole or not at all.

    Missing folders are made. Whatever goes wrong, an older file stays as it was.

    Raises:
        StoreError: The file cannot be written.
    """
    page = render_html(report).encode("utf-8", errors="replace")
    write_atomic(path, page)
