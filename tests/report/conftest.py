from xml.etree import ElementTree

import pytest

from report.browsing import browser

NS = "{http://www.w3.org/2000/svg}"


class Drawing:
    """An SVG read back by a parser that knows nothing of how it was made."""

    def __init__(self, text):
        self.root = ElementTree.fromstring(text)

    def all(self, tag, class_=None):
        return [
            node
            for node in self.root.iter(NS + tag)
            if class_ is None or class_ in node.get("class", "").split()
        ]

    def within(self, class_, tag):
        return [
            node
            for group in self.all("g", class_)
            if "key" not in group.get("class").split()
            for node in group.iter(NS + tag)
        ]

    @staticmethod
    def title(node):
        return node.findtext(NS + "title")

    def texts(self, class_=None):
        return [" ".join(node.itertext()) for node in self.all("text", class_)]

    def boxes(self, class_):
        """Left, top, right, bottom of texts, for letters 0.5 em wide (a usual sans-serif)."""
        boxes = []
        for node in self.all("text", class_):
            spans = node.findall(NS + "tspan") or [node]
            for span in spans:
                x, y, wide = float(span.get("x")), float(span.get("y")), 6.0 * len(span.text)
                shift = {"start": 0, "middle": wide / 2, "end": wide}
                left = x - shift[node.get("text-anchor", "start")]
                boxes.append((left, y - 9, left + wide, y + 2))
        return boxes


def overlapping(boxes):
    return [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


@pytest.fixture(name="read")
def read_fixture():
    return Drawing


@pytest.fixture(name="overlapping")
def overlapping_fixture():
    return overlapping


@pytest.fixture(scope="session", name="chromium")
def chromium_fixture():
    """One browser for all tests of the room: two would not share a process."""
    with browser() as started:
        yield started
