"""Which taps of a sparse convolution are live, kernel by kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.report._svg import drawing, element, escape, number, text_lines

if TYPE_CHECKING:
    from nnmass.slim import Pattern

_MOST = 8  # kernels a side: the next ones repeat them
_TAP, _GAP, _LEFT, _TOP = 9.0, 6.0, 60.0, 66.0


def pattern_figure(pattern: Pattern, *, title: str = "") -> str:
    """The kernels of some filters and channels as squares of taps, live ones filled; inline SVG.

    Args:
        pattern: Of one layer.
        title: Stands above; what the pattern is unless told.

    Example:
        >>> from nnmass.slim import Pattern
        >>> svg = pattern_figure(Pattern(out_channels=2, in_channels=3, kernel=3, kss=4))
        >>> svg.count('class="kernel'), svg.count("h8v8h-8z")  # 6 kernels of 4 live taps
        (6, 24)
    """
    shown = pattern.mask()[:_MOST, :_MOST]
    n_out, n_in, side = shown.shape[0], shown.shape[1], pattern.kernel
    step = side * _TAP + _GAP
    width, height = max(_LEFT + n_in * step + 20, 460.0), _TOP + n_out * step + 40
    title = title or f"{pattern.kss} of {side * side} taps, assigned by {pattern.assign}"
    body = [element("text", escape(title), x=4, y=24, class_="title")]
    body.append(text_lines(["input channel"], _LEFT, _TOP - 10, class_="soft"))
    body.append(text_lines(["filter"], _LEFT - 14, _TOP + 12, class_="soft", anchor="end"))
    for i in range(n_out):
        for j in range(n_in):
            x, y = _LEFT + j * step, _TOP + i * step
            size = side * _TAP + 1
            body.append(
                element("rect", x=x - 1, y=y - 1, width=size, height=size, class_="kernel grid")
            )
            live = (
                f"M{number(x + b * _TAP)} {number(y + a * _TAP)}h8v8h-8z"
                for a in range(side)
                for b in range(side)
                if shown[i, j, a, b]
            )
            body.append(element("path", d="".join(live), class_="f0"))
    left = f"{n_out} of {pattern.out_channels} filters, {n_in} of {pattern.in_channels} channels"
    body.append(text_lines([left], _LEFT, height - 12, class_="soft note"))
    share = pattern.live_taps / (pattern.out_channels * pattern.in_channels * side * side)
    summary = f"{100 * share:.1f} % of all taps are live; shown are {left}"
    return drawing(body, width=width, height=height, title=title, summary=summary)
