"""The few SVG parts that all drawings share: escaping, text, colours, the outer element."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

N_COLOURS = 7
LINE_HEIGHT = 14.0

PNG_START = "data:image/png;base64,"
"""How the address of a picture begins that a drawing holds itself."""

# The colours of groups are those of Okabe and Ito ("Color Universal Design", 2008), yellow left
# out since it vanishes on white; on dark the two blues change places for the same reason. A file
# of its own needs a ground: browsers show it on white even where dark is preferred.
STYLE = (
    """<style>
.nnm{--ink:#1b1f24;--soft:#57606a;--grid:#dfe3e8;--paper:#fff;--arc:#0072b2;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#e69f00;--c5:#56b4e9;--c6:#57606a;
font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
@media screen and (prefers-color-scheme:dark){.nnm{--ink:#e8ebef;--soft:#a4adb8;--grid:#343b45;
--paper:#14171c;--arc:#56b4e9;--c0:#56b4e9;--c5:#0072b2;--c6:#a4adb8}}
.nnm:root{background:var(--paper)}
.nnm text{fill:var(--ink)}.nnm .soft{fill:var(--soft)}.nnm .bold{font-weight:600}
.nnm .title{font-size:14px;font-weight:600}.nnm .axis{stroke:var(--soft);fill:none}
.nnm .grid{stroke:var(--grid);fill:none}.nnm .arcs{stroke:var(--arc);fill:none}
.nnm .arcs path:hover{stroke:var(--c1);opacity:1}.nnm .layers{fill:var(--ink)}
.nnm .chain,.nnm .leader{stroke:var(--soft);fill:none}
.nnm .label{paint-order:stroke;stroke:var(--paper);stroke-width:3px}
.nnm .mark{stroke:var(--ink);stroke-width:.8}
.nnm .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
""".strip().replace("\n", "")
    + "".join(
        f".nnm .f{i}{{fill:var(--c{i})}}.nnm .s{i}{{stroke:var(--c{i})}}" for i in range(N_COLOURS)
    )
    + "</style>"
)
"""Of every drawing; in a page of many, one is enough."""

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escape(text: str) -> str:
    """``text`` safe inside an element or an attribute; what XML forbids becomes U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text).translate(_ENTITIES)


def number(value: float) -> str:
    """``value`` to two decimals, without needless zeros."""
    return f"{value:z.2f}".rstrip("0").rstrip(".")


def element(name: str, *children: str, **attributes: str | float) -> str:
    """An element; children are markup, attributes are escaped, ``_`` in their names is ``-``.

    Example:
        >>> element("text", escape("a < b"), class_="x", text_anchor="end", y=1.5)
        '<text class="x" text-anchor="end" y="1.5">a &lt; b</text>'
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="'
        f'{escape(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{shown}>{''.join(children)}</{name}>" if children else f"<{name}{shown}/>"


def title_of(text: str) -> str:
    """The tooltip and accessible name of the element around it."""
    return element("title", escape(text))


def points_of(places: Iterable[tuple[float, float]]) -> str:
    """The attribute of a polyline or a polygon with these corners."""
    return " ".join(f"{number(x)},{number(y)}" for x, y in places)


def text_width(text: str, *, size: float = 12.0) -> float:
    """Pixels that ``text`` takes at most, estimated for a wide sans-serif typeface."""
    return size * sum(map(_em, text))


def _em(char: str) -> float:
    if char in "iljI.,:;'|!()[]/ t-":
        return 0.4
    if char in "mwMW%@±→":
        return 0.98
    if ord(char) >= 0x2E80:  # ideographs and emoji
        return 1.1
    return 0.76 if char.isupper() else 0.64


def text_lines(
    lines: Sequence[str], x: float, y: float, *, class_: str = "", anchor: str = "start"
) -> str:
    """Lines of text, the baseline of the first at ``y``."""
    extra = {"class_": class_} if class_ else {}
    place: dict[str, str | float] = {} if anchor == "start" else {"text_anchor": anchor}
    if len(lines) == 1:
        return element("text", escape(lines[0]), x=x, y=y, **extra, **place)
    spans = (
        element("tspan", escape(line), x=x, y=y + index * LINE_HEIGHT)
        for index, line in enumerate(lines)
    )
    return element("text", *spans, **extra, **place)


def drawing(body: Sequence[str], *, width: float, height: float, title: str, summary: str) -> str:
    """A whole drawing, with colours for light and dark, that shrinks to a legible width only.

    Args:
        body: The elements.
        width: Of the drawing, in pixels.
        height: Of the drawing, in pixels.
        title: What it shows; the accessible name.
        summary: What it holds, for those who cannot see it.
    """
    return element(
        "svg",
        title_of(title),
        element("desc", escape(summary)),
        STYLE,
        *body,
        xmlns="http://www.w3.org/2000/svg",
        class_="nnm",
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_label=title,
        style=f"width:100%;max-width:{number(width)}px;min-width:{number(min(width, 720))}px;"
        "height:auto",
    )
