"""Images side by side, each with a box drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError
from nnmass.report._png import png_uri
from nnmass.report._svg import LINE_HEIGHT, drawing, element, escape, text_lines, title_of

_SIDE, _GAP, _TOP = 92.0, 14.0, 40.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """One image of a grid.

    Attributes:
        pixels: uint8, (1, H, W) or (3, H, W).
        lines: What stands below it, each line at most some 14 characters.
        box: Height and width in pixels of a box about its middle; ``None`` draws none.
        name: What a reader who points at it, or cannot see it, is told.
    """

    pixels: npt.NDArray[np.uint8]
    lines: tuple[str, ...]
    box: tuple[int, int] | None
    name: str


def image_grid(tiles: Sequence[Tile], *, title: str, columns: int = 8) -> str:
    """Images with their boxes, as inline SVG that holds the pixels itself.

    Args:
        tiles: At least one.
        title: Stands above, and names the drawing for screen readers.
        columns: Of the grid, at least 1.

    Raises:
        SpecError: There is no tile, or pixels are no picture.

    Example:
        >>> black = np.zeros((1, 4, 4), np.uint8)
        >>> image_grid([Tile(pixels=black, lines=("a",), box=(2, 2), name="a")], title="t")[:4]
        '<svg'
    """
    if not tiles:
        raise SpecError("image_grid got no tiles: give at least one image")
    columns = min(columns, len(tiles))
    n_lines = max(len(tile.lines) for tile in tiles)
    step_x, step_y = _SIDE + _GAP, _SIDE + 8 + LINE_HEIGHT * n_lines + _GAP
    parts = [element("text", escape(title), x=4, y=24, class_="title")]
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        parts.append(_tile(tile, 4 + column * step_x, _TOP + row * step_y))
    n_rows = -(-len(tiles) // columns)
    return drawing(
        parts,
        width=max(4 + columns * step_x, 480.0),
        height=_TOP + n_rows * step_y,
        title=title,
        summary="; ".join(tile.name for tile in tiles),
    )


def _tile(tile: Tile, x: float, y: float) -> str:
    _, height, width = tile.pixels.shape
    scale = _SIDE / max(height, width)
    shown_width, shown_height = width * scale, height * scale
    parts = [
        title_of(tile.name),
        element(
            "image",
            href=png_uri(tile.pixels),
            x=x,
            y=y,
            width=shown_width,
            height=shown_height,
            style="image-rendering:pixelated",
        ),
    ]
    if tile.box is not None:
        box_height, box_width = (side * scale for side in tile.box)
        place = {
            "x": x + (shown_width - box_width) / 2,
            "y": y + (shown_height - box_height) / 2,
            "width": box_width,
            "height": box_height,
        }
        # twice, light below dark: one of them is seen whatever the picture
        parts.append(element("rect", **place, fill="none", stroke="#fff", stroke_width=3.5))
        parts.append(element("rect", **place, fill="none", class_="s1", stroke_width=2))
    below = y + shown_height + 4 + LINE_HEIGHT
    parts.append(text_lines(tile.lines, x, below, class_="soft"))
    return element("g", *parts)
