"""What one number of a spec may be: a list, a range, or every link cap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from nnmass.errors import SpecError

Number = int | float

MOST_VALUES = 100_000
"""A range may hold so many; a slip of the finger must not fill the memory."""

_RANGE = re.compile(r"([0-9.eE+-]+?)\.\.([0-9.eE+-]+?)(?:\.\.([0-9.eE+-]+))?")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_EVERY = re.compile(r"\*(?:\.\.([0-9]+))?")

ALLOWED = (
    "write a number, a range LOW..HIGH or LOW..HIGH..STEP, alternatives with | between them, or, "
    "for link caps, * (every one) or *..STEP (every multiple)"
)


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that one number may take.

    Attributes:
        values: Ascending, without repeats; empty for every link cap.
        step: Of every link cap, up to where all skips are there: 1 for each, 8 for multiples of
            8. 0 for a list of values.

    Example:
        >>> str(Choices.read("1..1.4..0.1")), Choices.read("1..1.4..0.1").values
        ('1..1.4..0.1', (1, 1.1, 1.2, 1.3, 1.4))
        >>> str(Choices.read("24|8|16")), str(Choices.read("*..8"))
        ('8..24..8', '*..8')
    """

    values: tuple[Number, ...] = ()
    step: int = 0

    def __post_init__(self) -> None:
        """Sort the values."""
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))

    @classmethod
    def of(cls, values: Sequence[Number] | Number) -> Choices:
        """A number, or a sequence of them."""
        return cls(tuple(values) if isinstance(values, Sequence) else (values,))

    @classmethod
    def read(cls, text: str) -> Choices:
        """The choices that ``text`` stands for; raises ValueError for what is none."""
        every = _EVERY.fullmatch(text.strip())
        if every:
            return cls(step=int(_positive(Fraction(every.group(1) or 1))))
        parts = (_read_part(part.strip()) for part in text.split("|"))
        values = cls(tuple(value for part in parts for value in part))
        _check_count(text, len(values.values))
        return values

    @property
    def is_every(self) -> bool:
        """Every link cap."""
        return self.step > 0

    @property
    def is_fixed(self) -> bool:
        """There is nothing to choose."""
        return len(self.values) == 1

    @property
    def first(self) -> Number:
        """The smallest."""
        return 0 if self.is_every else self.values[0]

    def __str__(self) -> str:
        if self.is_every:
            return "*" if self.step == 1 else f"*..{self.step}"
        step = _common_step(self.values)
        low, high = _show(self.values[0]), _show(self.values[-1])
        if step == 1:
            return f"{low}..{high}"
        if step is not None and len(self.values) > 2:
            return f"{low}..{high}..{_show_fraction(step)}"
        return "|".join(map(_show, self.values))


def _read_part(text: str) -> list[Number]:
    found = _RANGE.fullmatch(text)
    if not found:
        return [_number(_fraction(text))]
    low, high = _fraction(found.group(1)), _fraction(found.group(2))
    step = _positive(_fraction(found.group(3) or "1"))
    if high < low:
        raise ValueError(f"the range {text} is empty: its end lies below its start")
    count = int((high - low) / step) + 1
    _check_count(text, count)
    return [_number(low + k * step) for k in range(count)]


def _check_count(text: str, count: int) -> None:
    """Before a range is laid out: a slip of the finger may stand for 10^300 values."""
    if count > MOST_VALUES:
        shown = f"{count:,}" if count < 10**15 else f"{Decimal(count):.0e}"
        raise ValueError(f"the range {text} holds {shown} values, at most {MOST_VALUES:,} may be")


def _fraction(text: str) -> Fraction:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    value = Decimal(text)  # as a fraction, 1e999999999 would fill the memory
    if value and not -300 < value.adjusted() < 300:
        raise ValueError(f"{text!r} is too large or too small a number")
    return Fraction(value)


def _positive(step: Fraction) -> Fraction:
    if step <= 0:
        raise ValueError("a step must be above 0")
    return step


def _number(value: Fraction) -> Number:
    """As a spec holds it: whole numbers as ``int``."""
    return int(value) if value.denominator == 1 else float(value)


def _show(value: Number) -> str:
    return repr(value)


def _show_fraction(value: Fraction) -> str:
    return _show(_number(value))


def _common_step(values: Sequence[Number]) -> Fraction | None:
    exact = [Fraction(str(value)) for value in values]
    steps = {b - a for a, b in pairwise(exact)}
    return steps.pop() if len(steps) == 1 else None


Leaf = Choices | str
Field = tuple[tuple[Leaf, ...], ...]
"""The entries of a field (between ``/``), each with its numbers (between ``:``) or a word."""


def leaves_of(field: Field) -> Iterator[tuple[tuple[int, int], Leaf]]:
    """Each leaf behind its entry and its column."""
    for row, entry in enumerate(field):
        for column, leaf in enumerate(entry):
            yield (row, column), leaf


def entries_of(field: Field | None) -> list[Choices]:
    """The choices of a field that is a list of numbers."""
    return [leaf for entry in field or () for leaf in entry if isinstance(leaf, Choices)]


def read_choices(text: str, where: str) -> Choices:
    """`Choices.read`, whose error says where the text stands.

    Raises:
        SpecError: The text stands for no choices.
    """
    try:
        return Choices.read(text)
    except ValueError as error:
        raise SpecError(f"{where}: {error}, in {text!r}; {ALLOWED}") from None
