"""One HTML file that opens anywhere, offline."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from nnmass.errors import MissingExtraError
from nnmass.report._document import Report
from nnmass.report._fold import pieces
from nnmass.report._svg import STYLE
from nnmass.runs import write_atomic


def render_html(report: Report, *, interactive: bool = False) -> str:
    """``report`` as one page: no request to anywhere, light and dark, printable.

    Tables can be sorted, saved as CSV and copied from; all of that is a few kilobytes of script,
    the only ones that the page's policy lets run.

    Args:
        report: What to show.
        interactive: Put plotly into the page, about 4.8 MB, so that figures can be pointed at and
            zoomed; their SVG stays for print and for screen readers.

    Raises:
        MissingExtraError: ``interactive``, and plotly is not installed.

    Example:
        >>> page = render_html(Report("Two nets", "The small one is as good.", (), {"seed": "0"}))
        >>> page.startswith("<!doctype html>"), "The small one is as good." in page
        (True, True)
    """
    scripts = [asset("page.js")]
    if interactive:
        scripts = [plotly_script(), *scripts, asset("charts.js")]
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            has_plotly=interactive,
            drawing_style=Markup(STYLE) if _has_figures(report) else "",
            css=Markup(asset("page.css")),
            scripts=scripts,
            hashes=" ".join(f"'sha256-{_hash(script)}'" for script in scripts),
        )
    )


def _has_figures(report: Report) -> bool:
    return any(section.figures for section in report.sections) or any(
        map(_has_figures, report.parts)
    )


@cache
def asset(name: str) -> str:
    """A file that pages are made of."""
    return (Path(__file__).parent / "_web" / name).read_text(encoding="utf-8")


@cache
def plotly_script() -> str:
    """The library, as its package brings it."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError.of(
            "a figure that can be pointed at", package="plotly", extra="report"
        ) from error
    return str(get_plotlyjs())


@cache
def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def _data(values: object) -> Markup:
    """JSON that ends no element early."""
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


@cache
def environment() -> Environment:
    """The templates, with the filters that they use."""
    made = Environment(
        loader=PackageLoader("nnmass", "report/_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = _breakable
    made.filters["data"] = _data
    made.filters["bare"] = lambda svg: Markup(svg.replace(STYLE, ""))
    return made


def _breakable(text: str) -> Markup:
    """``text``, escaped, that may break where `fold` would break it."""
    return Markup("<wbr>").join(escape(part) for part in pieces(text))


def write_report(report: Report, path: str | Path, *, interactive: bool = False) -> None:
    """Write ``report`` to ``path``, whole or not at all.

    Missing folders are made. Whatever goes wrong, an older file stays as it was.

    Args:
        report: What to show.
        path: Of the file.
        interactive: As in `render_html`.

    Raises:
        StoreError: The file cannot be written.
        MissingExtraError: As in `render_html`.
    """
    page = render_html(report, interactive=interactive).encode("utf-8", errors="replace")
    write_atomic(path, page)
