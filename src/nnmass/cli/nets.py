"""`nnmass nets`: the families that are known."""

from __future__ import annotations

from typing import Annotated

import typer

from nnmass.cli._completion import complete_family
from nnmass.cli._output import JsonOption, emit_json, emit_line, emit_table

LS_EPILOG = """Examples:

  nnmass nets ls --json

  nnmass nets ls "timm:*dense*"
"""

SHOW_EPILOG = """Examples:

  nnmass nets show dense-cnn

  nnmass nets show mobilenet-v2 --json
"""


def nets_ls(
    pattern: Annotated[
        str | None,
        typer.Argument(
            help="Instead of the families, the networks of timm or torchvision that match, such "
            "as 'timm:resnet*'.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the families, or the networks of a zoo."""
    if pattern is not None:
        _list_matching(pattern, as_json=json)
        return
    from nnmass.report import Column, Table
    from nnmass.specs import FAMILIES

    if json:
        rows = [
            {"family": name, "summary": cls.summary, "example": cls.example}
            for name, cls in FAMILIES.items()
        ]
        emit_json("nets", {"families": rows})
        return
    columns = tuple(Column(name=name, align="left") for name in ("family", "what", "example"))
    texts = tuple((name, cls.summary, cls.example) for name, cls in FAMILIES.items())
    emit_table(Table(columns=columns, rows=texts))


def _list_matching(pattern: str, *, as_json: bool) -> None:
    from nnmass.nets import match_networks

    names = match_networks(pattern)
    if as_json:
        emit_json("nets", {"networks": list(names)})
        return
    for name in names:
        emit_line(name)


def nets_show(
    family: Annotated[
        str, typer.Argument(help="A family; see `nnmass nets ls`.", autocompletion=complete_family)
    ],
    json: JsonOption = False,
) -> None:
    """The fields of a family: keys, defaults, what is allowed."""
    from nnmass.report import Column, Table
    from nnmass.specs import family_class

    cls = family_class(family)
    example = cls.example
    defaults = _defaults(example)
    fields = [
        {
            "key": field.key,
            "required": field.required,
            "default": None if field.required else defaults[field.key],
            "allowed": field.kind.allowed,
            "help": field.help,
        }
        for field in cls.keyed_fields()
    ]
    if json:
        document = {"family": family, "summary": cls.summary, "example": example, "fields": fields}
        emit_json("nets", document)
        return
    emit_line(f"{family}: {cls.summary}")
    emit_line(f"example: {example}")
    emit_line()
    columns = tuple(
        Column(name=name, align="left") for name in ("key", "default", "what", "allowed")
    )
    rows = tuple(
        (
            str(f["key"]),
            "required" if f["required"] else str(f["default"]),
            str(f["help"]),
            str(f["allowed"]),
        )
        for f in fields
    )
    emit_table(Table(columns=columns, rows=rows))


def _defaults(example: str) -> dict[str, str]:
    """The defaults as they stand for the required fields of the example."""
    from nnmass.specs import parse

    spec = parse(example)
    required = {f.key: f.kind.show(spec.values()[f.key]) for f in spec.keyed_fields() if f.required}
    bare = type(spec).from_texts(required)
    return {f.key: f.kind.show(bare.values()[f.key]) for f in bare.keyed_fields()}
