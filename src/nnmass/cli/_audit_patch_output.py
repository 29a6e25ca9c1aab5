"""Certificates for people, as one document, and as files."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nnmass.cli._errors import say
from nnmass.cli._output import emit_json, emit_line, emit_table, json_text
from nnmass.cli._record_table import emit_record

if TYPE_CHECKING:
    from nnmass.cli._audit_patch_run import PatchRun
    from nnmass.runs import RunRecord


def emit_patch(run: PatchRun, record: RunRecord | None) -> None:
    """The table, the answer in a sentence, the attack, notes."""
    from nnmass.report import attack_line, patch_line, patch_table

    if record is not None:
        emit_record(record)
        emit_line()
    emit_table(patch_table(run.audit))
    emit_line()
    emit_line(patch_line(run.audit, run.chosen))
    if run.chosen is not None:
        emit_line(f"The other half of the test images chose votes at {run.chosen}.")
    if run.attack is not None:
        emit_line(attack_line(run.attack))
    for note in run.audit.notes:
        emit_line(f"note: {note}")


def emit_patch_document(run: PatchRun, record: RunRecord | None) -> None:
    """The JSON document."""
    emit_json("audit-patch", _document(run, record))


def _document(run: PatchRun, record: RunRecord | None) -> dict[str, object]:
    thresholds = dict.fromkeys(row.threshold for row in run.audit.rows)
    curves = [
        {
            "threshold": threshold,
            "rule": rule,
            "certified_accuracy": [list(point) for point in run.audit.curve(threshold, rule)],
        }
        for threshold in thresholds
        for rule in ("location", "count")
    ]
    return {
        **run.audit.to_dict(),
        "chosen_threshold": run.chosen,
        "curves": curves,
        "attack": None if run.attack is None else run.attack.to_dict(),
        "record": None if record is None else record.to_dict(),
    }


def write_patch_files(
    run: PatchRun,
    record: RunRecord | None,
    *,
    out: Path | None,
    html: Path | None,
) -> None:
    """Votes, certificates, curve and document into the folder, the page where it is wanted."""
    if out is None and html is None:
        return
    from nnmass.audit import NOT_COVERED, save_votes
    from nnmass.report import patch_curve, report_patches, write_report
    from nnmass.runs import write_atomic

    command = " ".join(["nnmass", *sys.argv[1:]])
    page = report_patches(
        run.audit,
        threshold=run.chosen,
        pixels=run.pixels,
        attack=run.attack,
        provenance={"command": command},
    )
    for path in (html, None if out is None else out / "patch.html"):
        if path is not None:
            write_report(page, path)
            say(f"page in {path}")
    if out is None:
        return
    save_votes(run.audit.table, out / "votes.safetensors")
    write_atomic(out / "curve.svg", patch_curve(run.audit) + "\n")
    certificates = [
        asdict(certificate)
        for row in run.audit.rows
        for rule in ("location", "count")
        for certificate in run.audit.certificates(row.threshold, row.patch, rule)
    ]
    lines = {
        "schema": "nnmass.certificates/1",
        "not_covered": list(NOT_COVERED),
        "certificates": certificates,
    }
    write_atomic(out / "certificates.json", json_text(lines))
    document = {"schema": "nnmass.audit-patch/1", **_document(run, record)}
    write_atomic(out / "audit-patch.json", json_text(document))
    say(f"votes and {len(certificates):,} certificates in {out}: `nnmass audit recheck {out}`")
