"""A bit-trojan audit: tables, the range of flips by class and by mitigation, one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nnmass.errors import SpecError
from nnmass.report._bits_tables import (
    bits_table,
    emulated_table,
    format_flips,
    mitigation_notes_table,
    mitigations_table,
)
from nnmass.report._document import Figure, Report, Section
from nnmass.report._figures import ranges_figure
from nnmass.report._numbers import format_percent
from nnmass.report._ranges import Range, ranges

if TYPE_CHECKING:
    from nnmass.audit import BitAudit

_ENDS = {"low_name": "proven floor", "high_name": "found (upper bound)"}
_CLASSES = {
    "x_label": "flipped bits of the last layer",
    "title": "How many flips plant a class",
    **_ENDS,
}
_MITIGATIONS = {
    "x_label": "flipped bits of the last layer, or of its copies",
    "title": "What each mitigation buys",
    **_ENDS,
}

_HOW = (
    "The floor is a proof: each flip moves a logit by a known amount, so the fewest flips that win "
    "an image are counted exactly, and no set of fewer flips in the row of the class can win the "
    "share of images that is asked for. The upper bound is what a search really reached, on images "
    "that it had not seen. The truth lies between the two."
)
_PROMISE = (
    "Nothing was flipped anywhere. The audit computed on a copy in memory, kept no attacked model "
    "and left the given one as it was."
)


def bits_line(audit: BitAudit) -> str:
    """The answer: what was found, and what is proven."""
    found = audit.worst.bounds.upper
    goal = format_percent(audit.goal, digits=0)
    if found is None:
        start = (
            f"No search found flipped bits of the last layer with which a sticker of "
            f"{audit.trigger_px} pixels wins {goal} of the images for a class at a loss of at most "
            f"{100 * audit.tolerance:g} points of accuracy."
        )
    else:
        start = (
            f"{found.flips.n_flips} flipped bits of the {8 * audit.layer_bytes:,} of the last "
            f"layer are enough for a sticker of {audit.trigger_px} pixels to turn "
            f"{format_percent(found.asr_non)} of the images into class {audit.worst.target} (clean "
            f"accuracy {format_percent(audit.clean_accuracy)} to {format_percent(found.accuracy)})."
        )
    if audit.floor is None:
        return f"{start} Proven for these stickers: no number of flips in the row of a class does."
    layer = format_flips(audit.layer_floor)
    return (
        f"{start} Proven for these stickers: {goal} of the images take at least {audit.floor} "
        f"flips in the row of the class, {layer} anywhere in the last layer."
    )


def bits_figure(audit: BitAudit) -> str:
    """Floor and upper bound of every class; SVG."""
    return ranges(_by_class(audit), **_CLASSES)


def _by_class(audit: BitAudit) -> list[Range]:
    return [
        Range(label=f"class {t}", low=_low(audit, t), high=audit.worst_of(t).bounds.n_upper)
        for t in audit.targets
    ]


def _low(audit: BitAudit, target: int) -> int | None:
    """The floor of the class's worst sticker, which its upper bound is of."""
    return audit.worst_of(target).bounds.floor


def mitigations_figure(audit: BitAudit) -> str:
    """Floor and upper bound under every mitigation; SVG."""
    return ranges(_by_mitigation(audit), **_MITIGATIONS)


def _by_mitigation(audit: BitAudit) -> list[Range]:
    return [Range(label=row.name, low=row.floor, high=row.upper) for row in audit.mitigations]


def report_bits(audit: BitAudit, *, provenance: Mapping[str, str] | None = None) -> Report:
    """The audit as a page for a reviewer.

    Args:
        audit: From `nnmass.audit.bit_trojan`.
        provenance: What the page should say besides the model and the settings.
    """
    told = {
        "network": audit.network,
        "last layer": f"{audit.layer}: {audit.n_classes} x {audit.n_features}, int8, frozen scale",
        "weights": f"{audit.model_bytes:,} bytes in all, {audit.layer_bytes:,} in the last layer",
        "images": f"{audit.n_audit} seen by the searches, {audit.n_evaluation:,} others judge",
        "sticker": f"{audit.trigger_px} px, {format_percent(audit.trigger_share)} of the image",
        "measured in": f"{audit.seconds:.1f} s",
    }
    return Report(
        title=f"What flipped bits can do to {audit.network}",
        answer=bits_line(audit),
        sections=tuple(_sections(audit)),
        provenance={**told, **(provenance or {})},
    )


def _sections(audit: BitAudit) -> Iterator[Section]:
    caption = (
        "For each class and its worst sticker the flips that are needed at least, and the fewest "
        "that a search found. A dotted line: none found."
    )
    yield Section(
        "Class by class",
        f"{_HOW}\n\n{_PROMISE}",
        _figure(_by_class(audit), caption, _CLASSES),
        (bits_table(audit),),
    )
    if audit.mitigations and audit.mitigated is not None:
        text = (
            f"Measured on the worst case, class {audit.mitigated.target} with a sticker at the "
            f"{audit.mitigated.place}. Nothing was trained again."
        )
        yield Section(
            "Mitigations",
            text,
            _figure(
                _by_mitigation(audit), "The same two ends under each mitigation.", _MITIGATIONS
            ),
            (mitigations_table(audit), mitigation_notes_table(audit)),
        )
        yield Section("What to do", "\n\n".join(audit.recommendations))
    if any(case.emulated for case in audit.cases):
        yield Section("The released code's count", _EMULATED, tables=(emulated_table(audit),))
    from nnmass.audit import OUTSIDE

    yield Section("Outside these bounds", "\n\n".join([*OUTSIDE, *audit.notes]))


_EMULATED = (
    "The released code recomputes the scale of the layer from its largest weight, and counts the "
    "moved weights alone. What that change of scale does to all other bytes of the layer stands in "
    "the last column but one: so many bits memory would really have to change."
)


def _figure(rows: Sequence[Range], caption: str, names: dict[str, str]) -> tuple[Figure, ...]:
    try:
        return (ranges_figure(rows, caption, **names),)
    except SpecError:  # no number of flips is enough anywhere: the table says so
        return ()
