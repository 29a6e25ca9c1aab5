"""What `nnmass design` writes: spec files and design.json, the picture of the front, a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnmass.cli._errors import say
from nnmass.cli._output import json_text
from nnmass.errors import SpecError, StoreError

if TYPE_CHECKING:
    from nnmass.cli._design_search import Designed

_OURS = re.compile(r"candidate-\d{2,}\.json|reference\.json")
DOCUMENT, PICTURE = "design.json", "front.svg"


def check_files(
    *, svg: Path | None, html: Path | None, latency_table: Path | None, out: Path | None
) -> None:
    """Before minutes of work: can the results go where they shall?

    Raises:
        SpecError: A file is a folder, the folder a file, or two are one.
    """
    files = {"--svg": svg, "--html": html, "--latency-table": latency_table}
    given = {option: path for option, path in files.items() if path is not None}
    for option, path in given.items():
        if path.is_dir() or not path.name:
            raise SpecError(f"{option} must be the name of a file, got {str(path)!r}")
    if len({path.absolute() for path in given.values()}) < len(given):
        raise SpecError(f"{', '.join(given)} name the same file: give each its own")
    if out is not None and out.exists() and not out.is_dir():
        raise StoreError(
            f"cannot write into {out}, the folder of --out: it is a file; name another"
        )


def write_files(
    designed: Designed, *, svg: Path | None, html: Path | None, out: Path | None
) -> dict[str, Any]:
    """Write what was asked for; the JSON document, with the candidates' files.

    Raises:
        StoreError: Something could not be written.
    """
    from nnmass.runs import write_atomic

    pareto = designed.pareto
    if svg is not None and pareto is not None:
        from nnmass.report import pareto_figure

        write_atomic(svg, pareto_figure(pareto) + "\n")
        say(f"wrote {svg}")
    if html is not None:
        _write_page(designed, html)
    document: dict[str, Any] = {**designed.to_dict(), "files": []}
    if out is not None:
        document["files"] = [str(file) for file in _write_folder(designed, out)]
        text = json_text({"schema": "nnmass.design/1", **document})
        write_atomic(out / DOCUMENT, text)  # last: with it, the folder is whole
        say(
            f"wrote {len(document['files'])} spec files and {DOCUMENT} into {out}; train one with: "
            f"nnmass train {document['files'][0]} .."
        )
    return document


def _write_page(designed: Designed, file: Path) -> None:
    from nnmass.report import report_design, write_report

    assert designed.pareto is not None
    table = designed.table
    error = table.error if table is not None and table.checks else None
    write_report(report_design(designed.front, designed.pareto, error=error), file)
    say(f"wrote {file}")


def _write_folder(designed: Designed, folder: Path) -> Iterator[Path]:
    """The candidates' files. What an earlier run left goes first, its design.json before all."""
    from nnmass.runs import write_atomic

    _clear(folder)
    reference = designed.told.reference
    if reference is not None:
        write_atomic(folder / "reference.json", reference.spec.to_json())
    if designed.front is None and designed.pareto is not None:
        from nnmass.report import pareto_figure

        write_atomic(folder / PICTURE, pareto_figure(designed.pareto) + "\n")
    for rank, candidate in enumerate(designed.candidates, start=1):
        file = folder / f"candidate-{rank:02d}.json"
        write_atomic(file, candidate.spec.to_json())
        yield file


def _clear(folder: Path) -> None:
    """Remove the files of an earlier run, and no others: one stopped half-way leaves no mixture."""
    if not folder.is_dir():
        return
    document = folder / DOCUMENT
    is_earlier = _schema(document) == "nnmass.design/1"
    earlier = [document, folder / PICTURE] if is_earlier else []
    earlier += [
        file
        for file in sorted(folder.iterdir())
        if _OURS.fullmatch(file.name) and _schema(file) == "nnmass.spec/1"
    ]
    for file in earlier:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot remove {file}, which an earlier design left: {error.strerror or error}; "
                "name another folder with --out"
            ) from error


def _schema(file: Path) -> object:
    """The schema that a JSON file names; ``None`` for anything else."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values.get("schema") if isinstance(values, dict) else None
