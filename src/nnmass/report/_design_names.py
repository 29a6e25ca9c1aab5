"""What to call networks of one space in a table: in full, or by what tells them apart."""

from __future__ import annotations

from collections.abc import Sequence

from nnmass.specs import Spec

LONGEST = 48
"""Longer spec strings take three lines and more in a table on a terminal of 80 columns."""

_ROW_COLUMNS = ("expansions", "channels", "blocks", "strides")


def network_names(specs: Sequence[Spec]) -> list[str]:
    """The spec strings; where one is long, only the fields in which the networks differ.

    Short names cannot be copied into another command, so who shows them shows the spec strings
    somewhere else; see `are_short`.

    Example:
        >>> from nnmass.specs import parse
        >>> rows = "1:16:{}:1/6:24:2:2/6:32:3:2/6:64:4:2/6:96:3:1/6:160:{}:2"
        >>> specs = [parse(f"mobilenet-v2(rows={rows.format(*n)})") for n in ((1, 2), (2, 1))]
        >>> network_names(specs)
        ['blocks=1/2/3/4/3/2', 'blocks=2/2/3/4/3/1']
    """
    full = [str(spec) for spec in specs]
    if max(map(len, full), default=0) <= LONGEST:
        return full
    fields = [_fields(spec) for spec in specs]
    keys = dict.fromkeys(key for known in fields for key in known)
    differing = [key for key in keys if len({known.get(key) for known in fields}) > 1]
    if not differing:
        return full
    return [
        ", ".join(f"{key}={known[key]}" for key in differing if key in known) for known in fields
    ]


def are_short(specs: Sequence[Spec]) -> bool:
    """Whether `network_names` leaves something out.

    Example:
        >>> from nnmass.specs import parse
        >>> are_short([parse("dense-cnn(wm=2,d=13,t=40/80/125)"), parse("resnet(depth=50)")])
        False
    """
    return network_names(specs) != [str(spec) for spec in specs]


def _fields(spec: Spec) -> dict[str, str]:
    """Key and text of each field; the columns of rows one by one."""
    values = spec.values()
    texts = {field.key: field.kind.show(values[field.key]) for field in spec.keyed_fields()}
    if "blocks" in texts:
        texts.pop("depth", None)  # the blocks tell it
    rows = values.get("rows")
    if isinstance(rows, tuple):
        del texts["rows"]
        columns = zip(*rows, strict=True)
        for name, column in zip(_ROW_COLUMNS, columns, strict=True):
            texts[name] = "/".join(map(str, column))
    return texts
