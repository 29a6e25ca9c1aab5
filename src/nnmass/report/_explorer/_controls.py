"""What can be dragged of a spec: a control for each of its numbers and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from nnmass.errors import SpecError
from nnmass.specs import FAMILIES, Spec, parse

_RANGES = {
    "d": (3, 48),
    "wm": (1, 8),
    "w": (2, 64),
    "blocks": (1, 48),
    "growth": (4, 64),
    "widen": (1, 16),
    "groups": (1, 64),
    "width": (1, 64),
    "first": (8, 128),
    "bottleneck": (0, 8),
}
"""How far a slider goes, by the key of its field; a value beyond moves the end."""

_UNTOUCHED = ("in", "image", "classes", "rows")  # of the task, or too long to be dragged
_EITHER = {"depth": "blocks", "blocks": "depth"}  # one replaces the other
_MOST_CHOICES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One slider, or one choice.

    Attributes:
        key: Of the field.
        index: In a list of numbers; ``None`` for a single one.
        label: Beside it.
        help: What the field is.
        value: As a spec string has it.
        low: Of a slider.
        high: Of a slider.
        step: Of a slider.
        choices: Instead of a slider.
    """

    key: str
    index: int | None
    label: str
    help: str
    value: str
    low: float = 0
    high: float = 0
    step: float = 1
    choices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def controls_of(spec: Spec) -> list[Control]:
    """The controls of a spec, in the order of its fields.

    Example:
        >>> controls = controls_of(parse("dense-cnn(wm=2,d=13,t=40/80/125)"))
        >>> [(one.label, one.value, one.high) for one in controls][:3]
        [('wm', '2', 8), ('d', '13', 48), ('t, cell 0', '40', 352)]
    """
    fields = (field for field in type(spec).keyed_fields() if field.key not in _UNTOUCHED)
    return [control for field in fields for control in _controls(spec, field)]


def _controls(spec: Spec, field: Any) -> Iterator[Control]:
    value, kind, key = spec.values()[field.key], field.kind, field.key
    if value is None:
        return
    shown = kind.show(value)
    choices = getattr(kind, "words", ()) or getattr(kind, "numbers", ())
    if isinstance(value, bool):
        choices = ("false", "true")
    if choices:
        texts = tuple(map(str, choices))[:_MOST_CHOICES]
        texts = texts if shown in texts else (shown, *texts)
        yield Control(key=key, index=None, label=key, help=field.help, value=shown, choices=texts)
    elif isinstance(value, tuple) and "/" not in shown:  # one number for all
        yield _slider(spec, field, value[0], None)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield _slider(spec, field, item, index)
    elif isinstance(value, int | float) and not (key == "depth" and "blocks" in spec.values()):
        yield _slider(spec, field, value, None)


def _slider(spec: Spec, field: Any, value: float, index: int | None) -> Control:
    key, kind = field.key, field.kind
    low, high, step = float(getattr(kind, "low", 1)), 4.0 * max(value, 4), 1.0
    if key == "t":
        low, high = 0, _all_links(spec, index or 0)
    elif key in _RANGES and isinstance(value, int):
        low, high = max(low, _RANGES[key][0]), _RANGES[key][1]
    elif not hasattr(kind, "low"):  # a multiplier or a share
        low, high, step = 0.05, 1.0 if "at most 1" in kind.allowed else 4.0, 0.05
    part = "" if index is None else f", {'block' if key == 'blocks' else 'cell'} {index}"
    return Control(
        key=key,
        index=index,
        label=f"{key}{part}",
        help=field.help,
        value=f"{value:g}",
        low=min(low, value),
        high=max(high, value),
        step=step,
    )


def _all_links(spec: Spec, index: int) -> int:
    """The cap from which on a cell has all its links."""
    cell = spec.cells[index]
    return int(getattr(cell, "width", 1)) * (int(getattr(cell, "depth", 3)) - 2)


def changed(spec: Spec, key: str, index: int | None, value: str) -> Spec:
    """The spec with one number or word replaced.

    Args:
        spec: Before.
        key: Of a field.
        index: In a list; ``None`` for the whole field.
        value: As a spec string has it.

    Raises:
        SpecError: There is no such field or place, or the value is not allowed.

    Example:
        >>> str(changed(parse("dense-cnn(wm=2,d=13,t=40/80/125)"), "t", 1, "99"))
        'dense-cnn(wm=2,d=13,t=40/99/125)'
        >>> str(changed(parse("resnet(depth=18)"), "blocks", 0, "3"))
        'resnet(block=basic,blocks=3/2/2/2)'
    """
    fields = {field.key: field for field in type(spec).keyed_fields()}
    if key not in fields:
        raise SpecError(f"{spec.family} has no field {key!r}; it has {', '.join(fields)}")
    if index is not None:
        items = list(str(fields[key].kind.show(spec.values()[key])).split("/"))
        whole = spec.values()[key]
        items = items if len(items) > 1 or not isinstance(whole, tuple) else items * len(whole)
        if not 0 <= index < len(items):
            raise SpecError(f"{key} has {len(items)} numbers, from 0 on, got place {index}")
        items[index] = value
        value = "/".join(items)
    text = str(spec)
    inside = text[len(spec.family) + 1 : -1] if "(" in text else ""
    given = dict(item.split("=", 1) for item in inside.split(",") if item)
    if key in _EITHER and _EITHER[key] in given:
        del given[_EITHER[key]]
        if key == "blocks" and "block" in fields:
            given["block"] = str(spec.values()["block"])
    elif key == "depth":
        given.pop("block", None)
    given[key] = value
    ordered = (f"{name}={given[name]}" for name in fields if name in given)
    return parse(f"{spec.family}({','.join(ordered)})")


def families() -> list[dict[str, str]]:
    """Every family, with a spec string to begin with."""
    return [{"family": name, "example": kind.example} for name, kind in FAMILIES.items()]
