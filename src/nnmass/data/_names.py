"""Data sets that a name with arguments describes, such as ``segments(20,noise=0.01)``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from nnmass.data._kinds import DATASET_KINDS
from nnmass.errors import SpecError, did_you_mean

MOST_PARTS = 1200
"""Segments or rings: as many as there are test points."""
_DEFAULT_SIZES = {"tiny-imagenet": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsName:
    """The name of a data set of made points; prints as its canonical name."""

    kind: str
    parts: int
    range: int = 1
    noise: float = 0.0
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.kind}({','.join([str(self.parts), *_changed(self)])})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderName:
    """The name of a data set of image files; prints as its canonical name."""

    kind: str
    path: str = ""
    size: int = 224
    broken: str = "stop"

    def __str__(self) -> str:
        default = _DEFAULT_SIZES.get(self.kind, 224)
        changed = [part for part in _changed(self) if not part.startswith("size=")]
        size = [f"size={self.size}"] if self.size != default else []
        inside = ",".join([*([self.path] if self.path else []), *size, *changed])
        return f"{self.kind}({inside})" if inside else self.kind


def _changed(name: PointsName | FolderName) -> list[str]:
    """The optional arguments that are not at their defaults."""
    return [
        f"{field.name}={getattr(name, field.name):{'g' if field.type == 'float' else ''}}"
        for field in fields(name)
        if field.name not in ("kind", "parts", "path")
        and getattr(name, field.name) != field.default
    ]


def is_described(name: str) -> bool:
    """``name`` begins with the word of one of the `DATASET_KINDS`."""
    return name.partition("(")[0].strip() in DATASET_KINDS


def parse_name(name: str) -> PointsName | FolderName:
    """The data set that ``name`` describes.

    Raises:
        SpecError: Something in the brackets is wrong; all of it is said in one message.
    """
    kind, bracket, rest = (part.strip() for part in name.partition("("))
    if bracket and not rest.endswith(")"):
        raise SpecError(
            f"data set {name!r} has no closing bracket: write {DATASET_KINDS[kind].syntax}"
        )
    inside = rest.removesuffix(")").strip()
    if kind in ("segments", "circles"):
        return _parse_points(name, kind, inside)
    return _parse_folder(name, kind, inside)


def _parse_points(name: str, kind: str, inside: str) -> PointsName:
    first, _, rest = inside.partition(",")
    faults: list[str] = []
    what = "rings" if kind == "circles" else "segments"
    if re.fullmatch(r"\d{1,9}", first.strip()) and 2 <= int(first) <= MOST_PARTS:
        parts = int(first)
    else:
        parts = 2
        faults.append(
            f"the number of {what} must be a whole number in 2 .. {MOST_PARTS}, got {first!r}"
        )
    readers = {"range": _range, "noise": _noise, "seed": _whole(0, 2**63 - 1)}
    values = _arguments(rest, readers, faults)
    _raise_all(name, kind, faults)
    return PointsName(kind=kind, parts=parts, **values)


def _parse_folder(name: str, kind: str, inside: str) -> FolderName:
    faults: list[str] = []
    path, rest = "", inside
    if kind == "folder":
        # a path may hold commas: it ends where only key=value follows
        found = re.fullmatch(r"(.*?)((?:,\s*\w+\s*=[^,/]*)*)", inside)
        assert found is not None
        path, rest = found[1].strip(), found[2].lstrip(",")
        if not path:
            faults.append("the path of the folder is missing")
    readers = {"size": _whole(8, 1024), "broken": _broken}
    values = {"size": _DEFAULT_SIZES.get(kind, 224), **_arguments(rest, readers, faults)}
    _raise_all(name, kind, faults)
    return FolderName(kind=kind, path=path, **values)


def _arguments(
    text: str, readers: Mapping[str, Callable[[str], Any]], faults: list[str]
) -> dict[str, Any]:
    """The arguments ``key=value,..`` of ``text``; what is wrong with them goes to ``faults``."""
    values: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            faults.append(f"{part!r} is no key=value")
        elif key not in readers:
            faults.append(
                f"unknown key {key!r}.{did_you_mean(key, readers)} Known: {', '.join(readers)}"
            )
        elif key in values:
            faults.append(f"{key} is given twice")
        else:
            try:
                values[key] = readers[key](value)
            except ValueError as error:
                faults.append(f"{key} must be {error}, got {value!r}")
    return values


def _raise_all(name: str, kind: str, faults: list[str]) -> None:
    if faults:
        raise SpecError(
            f"data set {name!r}: {'; '.join(faults)}. Write {DATASET_KINDS[kind].syntax}"
        )


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,19}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number in {low} .. {high}")
        return int(text)

    return read


def _range(text: str) -> int:
    if text not in ("1", "100"):
        raise ValueError("1 (the paper's) or 100 (that of the released code)")
    return int(text)


def _noise(text: str) -> float:
    try:
        noise = float(text)
    except ValueError:
        noise = math.nan
    if not 0 <= noise <= 1:
        raise ValueError("a standard deviation in 0 .. 1, as a share of the range")
    return noise


def _broken(text: str) -> str:
    if text not in ("stop", "skip"):
        raise ValueError("stop (an error that lists them) or skip (leave them out)")
    return text
