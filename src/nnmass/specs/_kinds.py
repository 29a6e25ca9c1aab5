"""The kinds of values that a spec's fields take: how each is read, checked and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Protocol


class Kind(Protocol):
    """One kind of value. ``check`` and ``read`` raise ``ValueError`` for what is not allowed."""

    @property
    def allowed(self) -> str:
        """What is allowed, as the end of the sentence "must be ..."."""

    def read(self, text: str) -> object:
        """The value that ``text`` stands for in a spec string."""

    def check(self, value: object) -> object:
        """``value`` in its canonical type, from Python or JSON."""

    def show(self, value: object) -> str:
        """The text that `read` gives back as ``value``."""


def _whole(value: object, low: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError
    number = int(value.__index__())
    if number < low:
        raise ValueError
    return number


@dataclass(frozen=True)
class Whole:
    """A whole number of at least ``low``."""

    low: int = 1

    @property
    def allowed(self) -> str:
        return f"a whole number of at least {self.low}"

    def read(self, text: str) -> int:
        return _whole(int(text), self.low)

    def check(self, value: object) -> int:
        return _whole(value, self.low)

    def show(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True)
class OneOf:
    """One of a few whole numbers, whose rule is told in words."""

    rule: str
    numbers: tuple[int, ...]

    @property
    def allowed(self) -> str:
        return self.rule

    def read(self, text: str) -> int:
        return self.check(int(text))

    def check(self, value: object) -> int:
        number = _whole(value, 1)
        if number not in self.numbers:
            raise ValueError
        return number

    def show(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True)
class Multiplier:
    """A number above 0, kept as an ``int`` where it is whole."""

    allowed: str = "a number above 0"

    def read(self, text: str) -> float:
        return self.check(float(text))

    def check(self, value: object) -> float:
        # Real takes numpy's numbers too, as whole fields take its integers.
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ValueError
        number = float(value)
        if not 0 < number < float("inf"):
            raise ValueError
        return int(number) if number.is_integer() else number

    def show(self, value: object) -> str:
        return f"{value!r}"


@dataclass(frozen=True)
class Share:
    """A number above 0 and at most 1."""

    allowed: str = "a number above 0 and at most 1"

    def read(self, text: str) -> float:
        return self.check(float(text))

    def check(self, value: object) -> float:
        number = Multiplier().check(value)
        if number > 1:
            raise ValueError
        return number

    def show(self, value: object) -> str:
        return f"{value!r}"


@dataclass(frozen=True)
class WholeList:
    """Whole numbers of at least ``low``, written ``20/40/60``; a single one is a list of one."""

    low: int = 0

    @property
    def allowed(self) -> str:
        return f"one or more whole numbers of at least {self.low}, with / between them"

    def read(self, text: str) -> tuple[int, ...]:
        return tuple(_whole(int(part), self.low) for part in text.split("/"))

    def check(self, value: object) -> tuple[int, ...]:
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        if not items:
            raise ValueError
        return tuple(_whole(item, self.low) for item in items)

    def show(self, value: object) -> str:
        assert isinstance(value, tuple)
        return "/".join(str(item) for item in value)


@dataclass(frozen=True)
class CellDepths:
    """Depths of cells, written ``13`` where they are all the same, ``10/12/14`` otherwise."""

    low: int = 3

    @property
    def allowed(self) -> str:
        return (
            f"a whole number of at least {self.low} (fewer layers leave no room for a skip), or "
            "one for each cell with / between them"
        )

    def read(self, text: str) -> tuple[int, ...]:
        return WholeList(self.low).read(text)

    def check(self, value: object) -> tuple[int, ...]:
        return WholeList(self.low).check(value)

    def show(self, value: object) -> str:
        assert isinstance(value, tuple)
        same = len(set(value)) == 1
        return str(value[0]) if same else WholeList(self.low).show(value)


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return " or ".join(self.words)

    def read(self, text: str) -> str:
        return self.check(text)

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return value

    def show(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True)
class Flag:
    """``true`` or ``false``."""

    allowed: str = "true or false"

    def read(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError
        return text == "true"

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    def show(self, value: object) -> str:
        return str(value).lower()


@dataclass(frozen=True)
class Rows:
    """A table of whole numbers, written ``1:16:2:1/6:24:3:2``, with one column for each name."""

    columns: tuple[str, ...]

    @property
    def allowed(self) -> str:
        names = ":".join(self.columns)
        return f"rows of {names} (whole numbers of at least 1), with / between them"

    def read(self, text: str) -> tuple[tuple[int, ...], ...]:
        return self.check([[int(x) for x in row.split(":")] for row in text.split("/")])

    def check(self, value: object) -> tuple[tuple[int, ...], ...]:
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise ValueError
        rows = tuple(tuple(_whole(item, 1) for item in row) for row in value)
        if any(len(row) != len(self.columns) for row in rows):
            raise ValueError
        return rows

    def show(self, value: object) -> str:
        assert isinstance(value, tuple)
        return "/".join(":".join(str(item) for item in row) for row in value)
