"""Certificates against patches: tables, the curve, images with what they survive, one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnmass.report._curves import Series, curves
from nnmass.report._document import Figure, Report, Section
from nnmass.report._figures import curves_figure
from nnmass.report._image_grid import Tile, image_grid
from nnmass.report._numbers import format_percent
from nnmass.report._table import Column, Table

if TYPE_CHECKING:
    from nnmass.audit import PatchAttack, PatchAudit, PatchRow, PatchSummary

    AnyPatchAudit = PatchAudit | PatchSummary

_MOST_TILES = 24
_CURVE: dict[str, Any] = {
    "x_label": "side of the patch, pixels (0: none)",
    "y_label": "right and certified, % of images",
    "title": "What survives any square patch",
}

_RULES = (
    "A prediction is certified by the count rule if its lead in votes is more than twice what any "
    "patch of that size can touch; by the location rule if no place of the patch lets another "
    "class pass it. The second certifies all that the first does. Both are proofs: no attack was "
    "run to find them, and none can undo them within what they cover."
)
_COVER = "What these certificates do not cover:"


def patch_table(audit: AnyPatchAudit) -> Table:
    """A row for each threshold and patch."""
    columns = (
        Column("votes at", "left"),
        Column("patch", "left"),
        Column("touches", unit=f"of {audit.n_copies}"),
        Column("clean"),
        Column("certified"),
        Column("95 % interval"),
        Column("count rule"),
        Column("certified, wrong", is_optional=True),
    )
    return Table(columns, tuple(map(_cells, audit.rows)), f"{audit.network}: {_what(audit)}")


def _what(audit: AnyPatchAudit) -> str:
    return f"{audit.n_images:,} images, {audit.ablation} ablations"


def _cells(row: PatchRow) -> tuple[str, ...]:
    low, high = row.certified_interval
    return (
        str(row.threshold),
        f"{row.patch[0]}x{row.patch[1]}",
        str(row.reach),
        format_percent(row.clean_accuracy),
        format_percent(row.certified_accuracy),
        f"{100 * low:.1f} .. {100 * high:.1f} %",
        format_percent(row.count_accuracy),
        format_percent(row.certified_wrong),
    )


def patch_line(audit: AnyPatchAudit, threshold: float | str | None = None) -> str:
    """The answer in one sentence, for the first patch at ``threshold``, the first unless told.

    Never the best of several thresholds: that would be chosen on the images it is told of.

    Args:
        audit: Any audit by patches.
        threshold: Of the votes, or ``top-one``.
    """
    row = shown_row(audit, threshold)
    height, width = row.patch
    return (
        f"{format_percent(row.certified_accuracy)} of {row.n_images:,} images keep their right "
        f"class whatever stands in any {height}x{width} patch, anywhere; without a patch "
        f"{format_percent(row.clean_accuracy)} are right."
    )


def shown_row(audit: AnyPatchAudit, threshold: float | str | None = None) -> PatchRow:
    """The row of the first patch at ``threshold``, or at the first threshold.

    Args:
        audit: Any audit by patches.
        threshold: Of the votes, or ``top-one``; the first of the audit unless told.
    """
    rows = [row for row in audit.rows if threshold in (None, row.threshold)]
    return rows[0]


def patch_curve(audit: AnyPatchAudit) -> str:
    """Certified accuracy against the side of a square patch, a line for each threshold; SVG."""
    return curves(_curves(audit), **_CURVE)


def _curves(audit: AnyPatchAudit) -> list[Series]:
    series = []
    for threshold in dict.fromkeys(row.threshold for row in audit.rows):
        clean = next(row.clean_accuracy for row in audit.rows if row.threshold == threshold)
        points = ((0, clean), *audit.curve(threshold))
        sides, shares = zip(*points, strict=True)
        series.append(
            Series(
                f"votes at {threshold}", f"votes at {threshold}", sides, [100 * s for s in shares]
            )
        )
    return series


def patch_images(
    audit: PatchAudit, pixels: np.ndarray, threshold: float | str | None = None
) -> str:
    """Images with the largest square patch that each survives, from the least to the most; SVG.

    Args:
        audit: Of these images.
        pixels: uint8 (B, C, H, W), in the audit's order.
        threshold: Of the votes; the first unless told.
    """
    threshold = shown_row(audit, threshold).threshold
    sides = audit.largest(threshold)
    right = audit.predictions(threshold) == audit.table.labels
    order = np.argsort(np.where(right, sides, -1), kind="stable")
    n = min(_MOST_TILES, len(order))
    picked = order[np.linspace(0, len(order) - 1, n).round().astype(int)]
    predictions = audit.predictions(threshold)
    tiles = [
        _tile(pixels[i], int(sides[i]), int(predictions[i]), int(audit.table.labels[i]))
        for i in picked
    ]
    return image_grid(tiles, title="The largest patch that each prediction survives")


def _tile(pixels: np.ndarray, side: int, prediction: int, label: int) -> Tile:
    told = f"{side} px" if side else "none"
    verdict = f"class {prediction}" if prediction == label else f"{prediction}, is {label}"
    name = f"predicted {prediction}, true class {label}, survives any square patch up to {told}"
    return Tile(
        pixels=pixels if len(pixels) in (1, 3) else pixels[:1],
        lines=(verdict, f"patch: {told}"),
        box=(side, side) if side else None,
        name=name,
    )


def report_patches(
    audit: AnyPatchAudit,
    *,
    threshold: float | str | None = None,
    pixels: np.ndarray | None = None,
    attack: PatchAttack | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Report:
    """The audit as a page: the answer, the curve, images, tables, what is not covered.

    Args:
        audit: From `nnmass.audit.certify_patches`, or read back from its document.
        threshold: That the answer is given for; the first unless told.
        pixels: uint8 (B, C, H, W), to show some of the images; not of one that was read back.
        attack: Made on some of them.
        provenance: What the page should say besides the network and its votes.
    """
    told = {
        "network": audit.network,
        "weights (sha256)": audit.fingerprint,
        "votes (sha256)": audit.digest,
        "ablation": audit.ablation,
        "copies run": f"{audit.forward_copies:,} in {audit.seconds:.1f} s",
        "tolerance": f"{audit.tolerance:g}",
    }
    return Report(
        title=f"What a patch can do to {audit.network}",
        answer=patch_line(audit, threshold),
        sections=tuple(_sections(audit, threshold, pixels, attack)),
        provenance={**told, **(provenance or {})},
    )


def _sections(
    audit: AnyPatchAudit,
    threshold: float | str | None,
    pixels: np.ndarray | None,
    attack: PatchAttack | None,
) -> Iterator[Section]:
    from nnmass.audit import NOT_COVERED, PatchSummary

    figure = curves_figure(
        _curves(audit),
        "Share of the images that are right and certified by the location rule, by the side of the "
        "patch. At 0 the accuracy without a patch.",
        **_CURVE,
    )
    yield Section("How much survives", _RULES, (figure,), (patch_table(audit),))
    if pixels is not None and not isinstance(audit, PatchSummary):
        caption = (
            "Images from the least to the most robust. The box is the largest square that may hold "
            "anything, at any place, without changing the prediction; it is drawn in the middle."
        )
        yield Section(
            "Image by image", figures=(Figure(patch_images(audit, pixels, threshold), caption),)
        )
    if attack is not None:
        yield Section("Beside an attack", attack_line(attack))
    text = "\n\n".join(f"- {line}" for line in NOT_COVERED)
    yield Section("What is not covered", f"{_COVER}\n\n{text}")
    if audit.notes:
        yield Section("Notes", "\n\n".join(audit.notes))


def attack_line(attack: PatchAttack) -> str:
    """What an attack reached, in a sentence."""
    height, width = attack.patch
    n, flipped = len(attack.is_flipped), sum(attack.is_flipped)
    return (
        f"An attack by {height}x{width} patches (gradient steps, {attack.restarts} places of "
        f"{attack.steps} steps) changed {flipped:,} of {n:,} predictions: accuracy "
        f"{format_percent(attack.clean_accuracy)} before, "
        f"{format_percent(attack.attacked_accuracy)} after. The truth lies between the certified "
        "accuracy and this one."
    )
