"""Spaces of networks as data: a spec string whose numbers may be ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

from nnmass.design._choices import Choices, Field, Leaf, Number, entries_of, leaves_of, read_choices
from nnmass.design._frame import Frame
from nnmass.design._frames import frames_of
from nnmass.design._roles import WIDTHS
from nnmass.design._space_checks import check_values, check_varying
from nnmass.design._space_like import texts_like
from nnmass.specs import Spec, family_class, split_spec


@dataclass(frozen=True, slots=True)
class Space:
    """Networks of one family: a spec string whose numbers may be ranges.

    What may vary: widths (``wm``, ``growth``, ..), depths (``d`` of a cell, ``blocks`` of a stage
    or dense block, blocks and expansion in the ``rows`` of a MobileNetV2) and link caps. A single
    depth is that of all cells together; one for each cell, with ``/`` between them, varies
    freely. Link caps may be ``*``: every one from 0 to where all skips are there; ``*..8`` are
    multiples of 8.

    Attributes:
        family: Of all its networks.
        fields: Key and choices of each field; fields left out have their defaults.

    Raises:
        SpecError: Something varies that may not, a range is empty or too long, or the smallest
            or largest network is no valid spec.

    Example:
        >>> space = Space.parse("dense-cnn(wm=2,d=10..21,t=*/*/*)")
        >>> f"{space.size:,}"
        '9,291,316,684'
        >>> str(Space.parse("mobilenet-v2(wm=1|1.2|1.4,rows=1:16:1..2:1/6:24:2..3:2)"))
        'mobilenet-v2(wm=1..1.4..0.2,rows=1:16:1..2:1/6:24:2..3:2)'
    """

    family: str
    fields: tuple[tuple[str, Field], ...]

    @classmethod
    def parse(cls, text: str) -> Space:
        """The space that ``text`` describes; ``str`` of a space is such a text."""
        family, texts = split_spec(text)
        order = [field.key for field in family_class(family).keyed_fields()]
        keys = sorted(texts, key=lambda key: order.index(key) if key in order else len(order))
        return cls(family, tuple((key, _read_field(family, key, texts[key])) for key in keys))

    @classmethod
    def like(
        cls,
        spec: Spec,
        *,
        depth: tuple[int, int] | None = None,
        width: str | Sequence[Number] | None = None,
    ) -> Space:
        """The space that a user would search for a smaller network like ``spec``.

        Width, stem, image and classes stay. Cells with link caps have from half the depth up to
        the reference's (one depth for all, where it has one) and every link cap; dense blocks,
        stages and rows have from half the layers or blocks up to their double.

        Args:
            spec: The reference.
            depth: Lowest and highest depth of all parts, instead.
            width: What the field that sets the width may be, such as ``1..1.4..0.1``.

        Raises:
            SpecError: The family has no skips, or an argument is wrong.

        Example:
            >>> from nnmass.specs import parse
            >>> print(Space.like(parse("dense-cnn(wm=2,d=21,t=40/80/125)")))
            dense-cnn(wm=2,d=10..21,t=*/*/*)
            >>> print(Space.like(parse("densenet(depth=121)"), depth=(6, 24)))
            densenet(blocks=6..24/6..24/6..24/6..24,growth=32)
        """
        return cls.parse(texts_like(spec, depth=depth, width=width))

    def __post_init__(self) -> None:
        """Check what varies, and the ends of it."""
        for key, field in self.fields:
            for place, leaf in leaves_of(field):
                if not isinstance(leaf, str) and not leaf.is_fixed:
                    check_varying(self.family, key, leaf, place, n_columns=len(field[place[0]]))
        self.spec()
        check_values(self)

    def __str__(self) -> str:
        """The canonical text."""
        parts = (f"{key}={_show_field(field)}" for key, field in self.fields)
        return f"{self.family}({','.join(parts)})"

    def field(self, key: str) -> Field | None:
        """The choices of one field; ``None`` where it is left to its default."""
        return dict(self.fields).get(key)

    def varies(self, key: str) -> bool:
        """Whether a field has more than one value."""
        field = self.field(key) or ()
        return any(not isinstance(x, str) and not x.is_fixed for _, x in leaves_of(field))

    def choices(self, key: str) -> tuple[Number, ...]:
        """Values of a field that is one number; that of the default where it is left out."""
        field = self.field(key)
        if field is None:
            return (self.spec().values()[key],)  # type: ignore[return-value]
        (leaf,) = field[0]
        assert isinstance(leaf, Choices)
        return leaf.values

    def spec(self, values: Mapping[str, object] | None = None) -> Spec:
        """The network with these fields; the smallest choices for all others."""
        texts = {key: _show_first(field) for key, field in self.fields}
        for key, value in (values or {}).items():
            texts[key] = _text_of(value)
        if "blocks" in texts:
            texts.pop("depth", None)  # the blocks tell it
        return family_class(self.family).from_texts(texts)

    @property
    def widths(self) -> tuple[tuple[Number, ...], ...]:
        """All combinations of the fields that set widths, in the order of `WIDTHS`."""
        return tuple(product(*(self.choices(key) for key in WIDTHS[self.family])))

    def named(self, widths: Sequence[Number]) -> str:
        """One of `widths` in words, such as ``growth=24``: the fields that vary."""
        pairs = zip(WIDTHS[self.family], widths, strict=True)
        return ",".join(f"{key}={value}" for key, value in pairs if self.varies(key))

    @property
    def blocks(self) -> tuple[Choices, ...]:
        """What ``blocks`` may be, of each stage or dense block; the depth tells it if left out."""
        counts = cast(tuple[int, ...], self.spec().values()["blocks"])
        return tuple(entries_of(self.field("blocks"))) or tuple(map(Choices.of, counts))

    @property
    def size(self) -> int:
        """How many networks there are; link caps beyond all skips count once."""
        return sum(frame.size for frame in self.frames())

    def frames(self) -> Iterator[Frame]:
        """The parts of the space in which what varies is independent; see `Frame`."""
        return frames_of(self)


def _read_field(family: str, key: str, text: str) -> Field:
    where = f"{family}: {key}"
    return tuple(
        tuple(_read_leaf(part.strip(), where) for part in entry.split(":"))
        for entry in text.split("/")
    )


def _read_leaf(text: str, where: str) -> Leaf:
    is_word = text.replace("-", "").replace("_", "").isalpha()
    return text if is_word else read_choices(text, where)


def _show_field(field: Field) -> str:
    return "/".join(":".join(map(str, entry)) for entry in field)


def _show_first(field: Field) -> str:
    first = [[x if isinstance(x, str) else repr(x.first) for x in entry] for entry in field]
    return "/".join(":".join(entry) for entry in first)


def _text_of(value: object) -> str:
    """As a spec string has it: rows of numbers, lists of numbers, or a number."""
    if not isinstance(value, tuple | list):
        return str(value)
    if value and isinstance(value[0], tuple | list):
        return "/".join(":".join(map(str, row)) for row in value)
    return "/".join(map(str, value))
