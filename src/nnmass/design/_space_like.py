"""The space that a user would search for a network like a given one."""

from __future__ import annotations

from collections.abc import Sequence

from nnmass.design._choices import Choices, Number, read_choices
from nnmass.design._parts import depths_of
from nnmass.design._roles import DEPTHS, LINKED, PARTS, WIDTHS
from nnmass.errors import SpecError, whole_number
from nnmass.specs import Spec

_PINNED = ("growth", "block")
"""Fields whose defaults hang on the depths, which vary; they are always written out."""


def depth_ranges(spec: Spec) -> tuple[tuple[int, int], ...]:
    """Lowest and highest depth of each part, within which its mass says something.

    A cell with link caps may be half as deep as the reference's, since a shallower one reaches
    the same mass with more links. In the other families a part of so many blocks has one mass,
    so that some parts must grow for others to shrink: from half of it to its double.

    Source:
        Ours. Networks outside were not looked at (docs/measured.md): candidates there are marked.
    """
    if spec.family in LINKED:
        return tuple((max(3, cell.depth // 2), cell.depth) for cell in spec.cells)  # type: ignore[union-attr]
    return tuple(((n + 1) // 2, 2 * n) for n in depths_of(spec))


def widths_of(spec: Spec) -> tuple[Number, ...]:
    """The fields that set widths, in the order of `WIDTHS`."""
    values = spec.values()
    return tuple(values[key] for key in WIDTHS.get(spec.family, ()))  # type: ignore[misc]


def texts_like(
    spec: Spec, *, depth: tuple[int, int] | None, width: str | Sequence[Number] | None
) -> str:
    """The text of `Space.like`."""
    ranges = depth_ranges(spec)
    if depth is not None:
        ranges = (_checked_depth(spec, depth),) * len(ranges)
    texts = _pinned(spec)
    texts.pop("depth", None)
    shown = [f"{low}..{high}" for low, high in ranges]
    if spec.family == "mobilenet-v2":
        rows = spec.values()["rows"]
        entries = [f"{t}:{c}:{n}:{s}" for (t, c, _, s), n in zip(rows, shown, strict=True)]  # type: ignore[call-overload]
        texts["rows"] = "/".join(entries)
    else:
        is_shared = spec.family in LINKED and len(set(ranges)) == 1
        texts[DEPTHS[spec.family]] = shown[0] if is_shared else "/".join(shown)
    if spec.family in LINKED:
        texts["t"] = "/".join("*" * len(ranges))
    if width is not None:
        texts[WIDTHS[spec.family][0]] = str(_width_choices(spec, width))
    return f"{spec.family}({','.join(f'{key}={text}' for key, text in texts.items())})"


def _pinned(spec: Spec) -> dict[str, str]:
    """The fields that are not at their defaults, or would not be at other depths."""
    texts, earlier = dict[str, str](), dict[str, object]()
    for field in spec.keyed_fields():
        value = getattr(spec, field.attribute)
        if field.key in _PINNED or not field.is_default(value, earlier):
            texts[field.key] = field.kind.show(value)
        earlier[field.key] = value
    return texts


def _checked_depth(spec: Spec, depth: object) -> tuple[int, int]:
    if not isinstance(depth, Sequence) or isinstance(depth, str) or len(depth) != 2:
        raise SpecError(f"depth must be two numbers (lowest, highest), got {depth!r}")
    least = 3 if spec.family in LINKED else 1
    part = PARTS[spec.family]
    low = whole_number(depth[0], f"the lowest depth of a {part}", low=least)
    return low, whole_number(depth[1], f"the highest depth of a {part}", low=low)


def _width_choices(spec: Spec, width: str | Sequence[Number]) -> Choices:
    if isinstance(width, str):
        return read_choices(width, f"width ({WIDTHS[spec.family][0]} of {spec.family})")
    try:
        return Choices.read("|".join(map(str, width)))
    except (TypeError, ValueError):
        raise SpecError(
            f"width must be numbers, or text such as '1..1.4..0.1', got {width!r}"
        ) from None
