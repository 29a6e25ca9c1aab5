"""`nnmass audit recheck`: stored certificates, proven again from their votes."""

from __future__ import annotations

import json as json_module
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from nnmass.cli._counting import ticking
from nnmass.cli._errors import NOT_MET, say
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_line
from nnmass.errors import CheckpointError, UnprovenError

_PARAGRAPHS = (
    "Every certificate is proven again from the stored votes by plain loops over all places of the "
    "patch, without the code that made it. Exit code 1 if one does not follow from them.",
    "Examples:",
    "  nnmass audit recheck voting",
    "  nnmass audit recheck voting --json",
)
RECHECK_EPILOG = "\n\n".join(_PARAGRAPHS)


def audit_recheck(
    folder: Annotated[
        Path, typer.Argument(help="What `nnmass audit patch --out` wrote.", show_default=False)
    ],
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Prove stored certificates again from their votes."""
    from nnmass.audit import read_votes, recheck

    table = read_votes(folder / "votes.safetensors")
    found = _read(folder / "certificates.json")
    faults = []
    with ticking(quiet=quiet or json) as tick:
        for number, certificate in enumerate(found, 1):
            try:
                recheck(certificate, table)
            except UnprovenError as error:
                faults.append(str(error))
            tick("certificates", number, len(found))
    if json:
        emit_json("audit-recheck", {"n_certificates": len(found), "faults": faults})
    else:
        emit_line(f"{len(found) - len(faults):,} of {len(found):,} certificates hold")
    for fault in faults[:10]:
        say(fault)
    if faults:
        raise typer.Exit(NOT_MET)


def _read(path: Path) -> list[Any]:
    from nnmass.audit import PatchCertificate

    names = [field.name for field in fields(PatchCertificate)]
    try:
        document = json_module.loads(path.read_text(encoding="utf-8"))
        if document.get("schema") != "nnmass.certificates/1":
            raise ValueError(f"its schema is {document.get('schema')!r}")
        told = [{name: entry[name] for name in names} for entry in document["certificates"]]
        return [PatchCertificate(**{**entry, "patch": tuple(entry["patch"])}) for entry in told]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} holds no certificates: {error}; name the folder of `nnmass audit patch --out`"
        ) from error
