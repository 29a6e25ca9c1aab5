"""A report as data: an answer, sections with figures and tables, and where it all comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from nnmass.errors import SpecError
from nnmass.report._chart import Chart
from nnmass.report._svg import PNG_START
from nnmass.report._table import Table

_FORBIDDEN = {"script", "foreignObject", "iframe", "use", "a"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing and its caption.

    Args:
        svg: One ``<svg>`` element; it goes into the page as it is, so it may neither run code
            nor point outside itself.
        caption: What the reader should see in it.
        chart: The numbers, for pages that let a reader point at them.

    Raises:
        SpecError: ``svg`` is not well-formed, or holds a script or a reference.
    """

    svg: str
    caption: str
    chart: Chart | None = None

    def __post_init__(self) -> None:
        """Check the drawing."""
        wanted = "give the text that arc_diagram, scatter or curves returned"
        try:
            root = ElementTree.fromstring(self.svg) if "<!" not in self.svg else None
        except ElementTree.ParseError as error:
            raise SpecError(f"Figure.svg is not well-formed: {error}; {wanted}") from error
        if root is None or _local(root.tag) != "svg":
            raise SpecError(
                f"Figure.svg must be one <svg> element, got {self.svg[:40]!r}; {wanted}"
            )
        for node in root.iter():
            loud = [k for k, value in node.attrib.items() if _is_loud(node, k, value)]
            if _local(node.tag) in _FORBIDDEN or loud:
                raise SpecError(
                    f"Figure.svg must not run code or point elsewhere, but it has a "
                    f"<{_local(node.tag)}> {' '.join(loud)}; {wanted}"
                )


def _is_loud(node: ElementTree.Element, key: str, value: str) -> bool:
    """An attribute that runs code or points outside; a picture may hold its own pixels."""
    is_picture = _local(node.tag) == "image" and key == "href" and value.startswith(PNG_START)
    return not is_picture and (_local(key) in ("href", "src") or key.startswith("on"))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


@dataclass(frozen=True, slots=True)
class Section:
    r"""A heading with text (blank lines part paragraphs), then figures, then tables.

    Attributes:
        heading: Stands above.
        text: Plain text, or none.
        figures: In their order.
        tables: In their order, below the figures.

    Example:
        >>> Section("Data", "One.\n\nTwo.").paragraphs
        ['One.', 'Two.']
    """

    heading: str
    text: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def paragraphs(self) -> list[str]:
        """The text by paragraphs."""
        return [part.strip() for part in self.text.split("\n\n") if part.strip()]


@dataclass(frozen=True, slots=True)
class Report:
    """All that one HTML file says.

    Attributes:
        title: Of the page.
        answer: The outcome in a sentence or two; stands first.
        sections: In reading order.
        provenance: What the numbers come from: versions, seeds, data, the command.
        parts: Other reports within this one, after its own sections.
    """

    title: str
    answer: str
    sections: tuple[Section, ...]
    provenance: Mapping[str, str]
    parts: tuple[Report, ...] = ()
