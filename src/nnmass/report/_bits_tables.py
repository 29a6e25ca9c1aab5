"""Tables of a bit-trojan audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnmass.report._numbers import format_percent
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.audit import BitAudit, MitigationRow, TargetBounds


def bits_table(audit: BitAudit) -> Table:
    """A row for each class: its worst sticker, both ends, and where the flips lie."""
    names = (
        "ASR, no flips", "floor", "floor, layer", "found", "ASR", "clean", "bytes", "pages",
        "published search",
    )  # fmt: skip
    optional = {"floor, layer", "bytes", "pages"}
    columns = (
        Column("class", "left"),
        Column("sticker", "left"),
        *(Column(name, is_optional=name in optional) for name in names),
    )
    rows = tuple(_cells(audit.worst_of(target)) for target in audit.targets)
    title = (
        f"{audit.network}: clean accuracy {format_percent(audit.clean_accuracy)}, goal "
        f"{format_percent(audit.goal, digits=0)}, sticker {audit.trigger_px} px"
    )
    return Table(columns, rows, title)


def _cells(case: TargetBounds) -> tuple[str, ...]:
    bounds, upper = case.bounds, case.bounds.upper
    return (
        str(case.target),
        case.place,
        format_percent(bounds.asr0_non),
        format_flips(bounds.floor),
        format_flips(bounds.layer_floor),
        format_flips(bounds.n_upper),
        "-" if upper is None else format_percent(upper.asr_non),
        "-" if upper is None else format_percent(upper.accuracy),
        "-" if upper is None else str(upper.flips.n_bytes),
        "-" if upper is None else str(upper.flips.n_pages),
        _published(case),
    )


def _published(case: TargetBounds) -> str:
    """The published insertion that comes nearest to the goal: flips and ASR."""
    rows = case.bounds.rows
    if not rows:
        return "-"
    best = max(rows, key=lambda row: row.asr_non)
    return f"{best.flips.n_flips} ({format_percent(best.asr_non, digits=0)})"


def format_flips(value: int | None) -> str:
    """A number of flips, or a dash where there is none."""
    return "-" if value is None else f"{value:,}"


def mitigations_table(audit: BitAudit) -> Table:
    """Each mitigation, measured on the worst case."""
    columns = (
        Column("mitigation", "left"),
        Column("floor"),
        Column("found"),
        Column("clean"),
        Column("noticed"),
        Column("ASR after repair", is_optional=True),
        Column("extra bytes", is_optional=True),
        Column("check", unit="us"),
    )
    return Table(columns, tuple(map(_mitigation, audit.mitigations)), "Mitigations, worst case")


def _mitigation(row: MitigationRow) -> tuple[str, ...]:
    return (
        row.name,
        format_flips(row.floor),
        format_flips(row.upper),
        format_percent(row.clean_accuracy),
        "-" if row.detected is None else format_percent(row.detected),
        "-" if row.recovered_asr is None else format_percent(row.recovered_asr),
        f"{row.extra_bytes:,}",
        "-" if row.check_us is None else f"{row.check_us:.1f}",
    )


def emulated_table(audit: BitAudit) -> Table:
    """The released code's way beside what it leaves out."""
    names = ("weights", "n_w", "n_b", "clean", "ASR", "bits of the layer", "scale")
    columns = (Column("class", "left"), Column("sticker", "left"), *map(Column, names))
    rows = tuple(
        (
            str(case.target),
            case.place,
            str(row.n_weights),
            str(row.n_bytes),
            str(row.n_flips),
            format_percent(row.accuracy),
            format_percent(row.asr),
            f"{row.layer_flips:,}",
            f"{row.scale_ratio:.2f}x",
        )
        for case in audit.cases
        for row in case.emulated
    )
    return Table(columns, rows, "Recomputed scale, as published")


def mitigation_notes_table(audit: BitAudit) -> Table:
    """What each mitigation costs, or does not stop."""
    columns = (Column("mitigation", "left"), Column("what it costs, or does not stop", "left"))
    return Table(columns, tuple((row.name, row.note) for row in audit.mitigations if row.note))
