"""Frozen data read back from the plain data that their ``to_dict`` gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def from_plain(cls: type[T], values: Mapping[str, Any], **made: object) -> T:
    """An instance of the dataclass ``cls``, with lists as tuples.

    Args:
        cls: Whose fields are wanted; other keys of ``values`` are left.
        values: What ``to_dict`` gave, by way of JSON or not.
        made: Fields that are made already, such as those that are dataclasses themselves.

    Raises:
        KeyError: A field without a default is missing.
        TypeError: ``values`` is no mapping.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Size:
        ...     name: str
        ...     sides: tuple[int, ...] = ()
        >>> from_plain(Size, {"name": "a", "sides": [1, 2], "more": 3})
        Size(name='a', sides=(1, 2))
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{cls.__name__} is written as an object, got {values!r:.40}")
    told = dict[str, object]()
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name in made:
            told[field.name] = made[field.name]
        elif field.name in values:
            told[field.name] = _frozen(values[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise KeyError(field.name)
    return cls(**told)


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
