"""Spec strings with ranges, written out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from nnmass.errors import SpecError, did_you_mean
from nnmass.specs import family_class, parse, split_spec

MOST_NETWORKS = 100_000

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*(?:\.\.\s*(\d+)\s*)?")

Grid = Mapping[str, Sequence[object]]


def expand_specs(text: str, grid: Grid | None = None) -> list[str]:
    """The canonical spec strings that a spec string with ranges and a grid stand for.

    Args:
        text: A spec string in which any part of a value may be ``{a,b,c}`` or ``{low..high}`` or
            ``{low..high..step}``, ends included. The last one runs fastest.
        grid: More values by key, instead of what ``text`` says of that key; runs within ``text``.

    Raises:
        SpecError: A range is empty or no range, there are too many networks, or one of them is
            none.

    Example:
        >>> expand_specs("dense-mlp(w=8,d={16,20},t={0..8..4})")[:2]
        ['dense-mlp(w=8,d=16,t=0)', 'dense-mlp(w=8,d=16,t=4)']
        >>> len(expand_specs("dense-mlp(w=8)", {"d": [16, 20], "t": "0..12"}))
        26
    """
    if not isinstance(text, str):
        raise SpecError(f"spec must be a spec string, got {text!r}")
    text = _without(text, grid or {})
    pieces = _BRACES.split(text)  # text, inside, text, inside, .., text
    choices: list[list[str]] = [
        _values(piece, text) if index % 2 else [piece] for index, piece in enumerate(pieces)
    ]
    given = {key: _grid_values(key, values) for key, values in (grid or {}).items()}
    _check_count([*choices, *given.values()], text)
    specs = []
    for chosen in itertools.product(*choices):
        family, fields = _split("".join(chosen), text)
        _check_keys(family, given)
        for values in itertools.product(*given.values()):
            both = {**fields, **dict(zip(given, values, strict=True))}
            inner = ",".join(f"{key}={value}" for key, value in both.items())
            specs.append(str(parse(f"{family}({inner})")))
    return specs


def _without(text: str, keys: Iterable[str]) -> str:
    """``text`` without what it says of ``keys``."""
    for key in keys:
        value = r"(?:[^,{}()]|\{[^{}]*\})*"
        text = re.sub(rf"([(,])\s*{re.escape(key)}\s*={value}(,|(?=\)))", r"\1", text)
    return re.sub(r",\s*\)", ")", text)


def _split(one: str, text: str) -> tuple[str, dict[str, str]]:
    if "{" in one or "}" in one:
        raise SpecError(f"{text!r} has a brace without its partner: write t={{0..12}}")
    return split_spec(one)


def _check_keys(family: str, grid: Mapping[str, object]) -> None:
    known = [field.key for field in family_class(family).keyed_fields()]
    unknown = [key for key in grid if key not in known]
    if unknown:
        raise SpecError(
            f"grid: {family} has no key {unknown[0]!r}.{did_you_mean(unknown[0], known)} "
            f"Known: {', '.join(known)}"
        )


def _check_count(choices: Sequence[Sequence[object]], text: str) -> None:
    n_networks = 1
    for values in choices:
        n_networks *= len(values)
    if n_networks > MOST_NETWORKS:
        raise SpecError(
            f"{text!r} stands for {n_networks:,} networks; at most {MOST_NETWORKS:,} are taken: "
            "choose smaller ranges or larger steps"
        )


def _grid_values(key: str, values: object) -> list[str]:
    where = f"grid.{key}"
    if isinstance(values, str):
        return _values(values, where)
    if not isinstance(values, list) or not values:
        raise SpecError(
            f"{where} must be a list of values such as [0, 1, 2], or a range such as '0..12', got "
            f"{values!r}"
        )
    texts = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise SpecError(f"{where}: {value!r} is no value of a spec: give numbers or strings")
        texts += _values(value, where) if isinstance(value, str) and ".." in value else [str(value)]
    return texts


def _values(inside: str, where: str) -> list[str]:
    values: list[str] = []
    for part in inside.split(","):
        match = _RANGE.fullmatch(part)
        if match:
            values += _range(match, part.strip(), where)
        elif not part.strip() or ".." in part:
            raise SpecError(
                f"{where}: {part.strip()!r} is no value: write {{a,b,c}}, {{low..high}} or "
                "{low..high..step} with whole numbers"
            )
        else:
            values.append(part.strip())
    return values


def _range(match: re.Match[str], part: str, where: str) -> list[str]:
    low, high, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if high < low or step < 1:
        raise SpecError(
            f"{where}: the range {part} is empty: write low..high with low at most high, and a "
            "step of at least 1"
        )
    if (high - low) // step >= MOST_NETWORKS:
        raise SpecError(f"{where}: the range {part} has more than {MOST_NETWORKS:,} values")
    return [str(value) for value in range(low, high + 1, step)]
