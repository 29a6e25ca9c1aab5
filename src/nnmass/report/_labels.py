"""Placing labels beside marks so that nothing covers anything."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnmass.report._svg import LINE_HEIGHT, element, text_lines, text_width

_DISTANCES = (8.0, 18.0, 32.0, 50.0, 72.0, 100.0)
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two share a point."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, frame: Box) -> bool:
        """Whether ``frame`` holds all of it."""
        return (
            self.left >= frame.left
            and self.right <= frame.right
            and self.top >= frame.top
            and self.bottom <= frame.bottom
        )

    @classmethod
    def around(cls, x: float, y: float, reach: float) -> Box:
        """The square of half side ``reach`` about a point."""
        return cls(x - reach, y - reach, x + reach, y + reach)


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """Lines of text, where they stand, and the mark they belong to."""

    lines: Sequence[str]
    box: Box
    mark: tuple[float, float]

    @property
    def leader(self) -> tuple[float, float, float, float] | None:
        """From the mark to the label, or None for one right beside its mark."""
        x, y = self.mark
        near_x = min(max(x, self.box.left), self.box.right)
        near_y = min(max(y, self.box.top), self.box.bottom)
        far = math.hypot(near_x - x, near_y - y)
        if far < 1.6 * _DISTANCES[0]:
            return None
        return x + 6 * (near_x - x) / far, y + 6 * (near_y - y) / far, near_x, near_y

    def draw(self) -> str:
        """The text and its leader."""
        text = text_lines(self.lines, self.box.left, self.box.top + 11, class_="label")
        if self.leader is None:
            return text
        x1, y1, x2, y2 = self.leader
        return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="leader") + text


def place_labels(
    marks: Sequence[tuple[float, float]],
    texts: Sequence[Sequence[str]],
    *,
    taken: Sequence[Box],
    frame: Box,
) -> list[PlacedLabel | None]:
    """A place for each text beside its mark, the nearest that is free.

    Args:
        marks: Their middles, in pixels.
        texts: The lines of each label; an empty text gets no place.
        taken: What labels must not cover.
        frame: What labels must stay inside.

    Returns:
        One entry a mark; None where no place is free.
    """
    occupied = list(taken)
    placed = list[PlacedLabel | None]()
    for mark, lines in zip(marks, texts, strict=True):
        label = _first_free(mark, lines, occupied, frame=frame) if any(lines) else None
        if label is not None:
            occupied += [label.box, *_leader_boxes(label)]
        placed.append(label)
    return placed


def _first_free(
    mark: tuple[float, float], lines: Sequence[str], occupied: Sequence[Box], *, frame: Box
) -> PlacedLabel | None:
    own = Box.around(*mark, 6.5)
    others = [box for box in occupied if not _holds(box, mark)]
    for box in _candidates(mark, lines):
        label = PlacedLabel(lines, box, mark)
        parts = [part for part in _leader_boxes(label) if not part.meets(own)]
        if (
            box.within(frame)
            and not any(box.meets(other) for other in occupied)
            and not any(part.meets(other) for part in parts for other in others)
        ):
            return label
    return None


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.left <= point[0] <= box.right and box.top <= point[1] <= box.bottom


def _candidates(mark: tuple[float, float], lines: Sequence[str]) -> Iterator[Box]:
    width = max(text_width(line) for line in lines)
    height = LINE_HEIGHT * len(lines)
    for distance in _DISTANCES:
        for across, down in _DIRECTIONS:
            reach = distance if not (across and down) else distance / math.sqrt(2)
            x = mark[0] + across * (reach + width / 2)
            y = mark[1] + down * (reach + height / 2)
            yield Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _leader_boxes(label: PlacedLabel) -> list[Box]:
    if label.leader is None:
        return []
    x1, y1, x2, y2 = label.leader
    n = max(2, int(math.hypot(x2 - x1, y2 - y1) / 3))
    shares = (index / n for index in range(n))
    return [Box.around(x1 + (x2 - x1) * s, y1 + (y2 - y1) * s, 1.5) for s in shares]
