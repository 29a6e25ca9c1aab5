"""What an owner should do, from measured rows alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnmass.audit._bits._mitigations import MitigationRow


def recommend(rows: Sequence[MitigationRow], tolerance: float) -> tuple[str, ...]:
    """Sentences about the mitigations of one model, the first row being the model without any.

    Args:
        rows: From `measure_mitigations`.
        tolerance: Clean accuracy that a mitigation may cost to be recommended.

    Source:
        Ours.
    """
    return tuple(_sentences(rows, tolerance))


def _sentences(rows: Sequence[MitigationRow], tolerance: float) -> Iterator[str]:
    if not rows:
        return
    plain = rows[0]
    checks = [row for row in rows if row.detected == 1.0]
    if checks:
        first = checks[0]
        yield (
            f"Check the last layer: {first.name} noticed every flip set tried and takes "
            f"{first.check_us or 0:.0f} us a check here. Run it before each batch, with the "
            "reference value elsewhere."
        )
    yield from (
        f"Do not rely on {row.name}: it missed {1 - row.detected:.1%} of the flip sets tried."
        for row in rows
        if row.detected is not None and row.detected < 1
    )
    harder = [
        row
        for row in rows[1:]
        if row.detected is None
        and (row.floor or 0) > (plain.floor or 0)
        and row.clean_accuracy >= plain.clean_accuracy - tolerance
    ]
    for row in sorted(harder, key=lambda row: -(row.floor or 0))[:2]:
        yield (
            f"{row.name[0].upper()}{row.name[1:]} raises the proven floor from {plain.floor} to "
            f"{row.floor} flips at {row.clean_accuracy:.1%} clean accuracy "
            f"(without: {plain.clean_accuracy:.1%})."
        )
    yield "Keep int8: in float32 one exponent bit multiplies a weight by up to 2^128."
