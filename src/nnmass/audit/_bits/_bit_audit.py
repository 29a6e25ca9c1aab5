"""The bit-trojan audit of a classifier: every class, every place, both ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from nnmass.audit._bits._audit_images import (
    Images,
    check_labels,
    checked_pair,
    checked_targets,
)
from nnmass.audit._bits._bit_job import BitJob, Tell
from nnmass.audit._bits._bit_result import BitAudit, TargetBounds, badness
from nnmass.audit._bits._bounds import Solved
from nnmass.audit._bits._case import Case
from nnmass.audit._bits._deployed import DeployedModel
from nnmass.audit._bits._mitigations import MitigationRow, measure_mitigations
from nnmass.audit._bits._recommend import recommend
from nnmass.audit._bits._trigger import PLACES, TriggerSettings, area_share
from nnmass.errors import SpecError, whole_number
from nnmass.train import resolve_device

_AREA = 0.0976  # of the image: 10 of 32 pixels, as published
_POOR = 1.5  # times the accuracy of guessing


def bit_trojan(
    model: nn.Module,
    *,
    audit: Images,
    evaluation: Images,
    targets: Sequence[int] | None = None,
    n_weights: Sequence[int] = (10, 24, 150),
    places: Sequence[str] = PLACES,
    trigger_px: int | None = None,
    beta: float = 100.0,
    seeds: Sequence[int] = (0,),
    n_audit: int = 128,
    goal: float = 0.9,
    tolerance: float = 0.05,
    mitigations: bool = True,
    emulate_floating_scale: bool = False,
    network: str = "network",
    device: str = "cpu",
    on_progress: Tell | None = None,
) -> BitAudit:
    """How few flipped bits of the last layer make a sticker win, proven and found.

    Works on an in-memory copy with int8 weights; nothing of an attacked model is returned or
    written, and ``model`` is left as it was.

    Args:
        model: From pixels in [0, 1], (B, C, H, W), to logits (B, classes); one that is fed
            normalised images is wrapped by `with_normalisation`.
        audit: Images that the search may see, with labels.
        evaluation: Others, which it is judged on.
        targets: The attacker's classes; all unless told.
        n_weights: How many weights the published insertion may move, one try for each.
        places: Of the sticker: ``bottom-right``, ``top-left``, ``centre``.
        trigger_px: Side of the sticker; about a tenth of the image's area unless told.
        beta: As in `TriggerSettings`.
        seeds: Each draws its own ``n_audit`` of the audit images.
        n_audit: That a search sees.
        goal: Share of stamped images of other classes that must be won, in (0, 1].
        tolerance: Clean accuracy that a trojan may cost, in [0, 1].
        mitigations: Measure them on the worst case.
        emulate_floating_scale: Also do as the released code does: recompute the scale with the
            weights, and count the moved weights alone. For comparison with published tables.
        network: Its name, for tables.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        on_progress: See `Tell`.

    Raises:
        SpecError: An argument is out of range.
        DataError: Images are out of range, or audit and evaluation share one.
        TraceError: The model has no last linear layer that gives its output.

    Source:
        A. S. Rakin, Z. He, D. Fan, CVPR 2020 (arXiv:1909.05193). The floor, the direct search, the
        frozen scale and the mitigations' table: ours.
    """
    _check(goal, tolerance, n_weights, seeds, places, n_audit)
    start = time.perf_counter()
    x, y, u, v = checked_pair(audit, evaluation)
    deployed = DeployedModel(model, u, device=resolve_device(device))
    n_classes = deployed.layer.shape[0]
    check_labels(y, n_classes, name="audit images")
    check_labels(v, n_classes, name="evaluation images")
    side = trigger_px if trigger_px is not None else _side(u.shape[2:])
    job = BitJob(
        deployed=deployed,
        audit=(x, y),
        evaluation=(u, v),
        targets=checked_targets(targets, n_classes),
        n_weights=tuple(n_weights),
        settings=tuple(TriggerSettings(size_px=side, place=place, beta=beta) for place in places),
        seeds=tuple(seeds),
        n_audit=n_audit,
        goal=goal,
        tolerance=tolerance,
        is_emulated=emulate_floating_scale,
        tell=on_progress or _silent,
    )
    bounds: list[TargetBounds] = []
    worst: tuple[Case, TargetBounds, Solved] | None = None
    for one in job.run():  # features of all cases at once would be too large for some models
        bounds.append(one[1])
        if worst is None or badness(one[1]) < badness(worst[1]):
            worst = one
    assert worst is not None  # there is at least one class, place and seed
    rows: tuple[MitigationRow, ...] = ()
    if mitigations:
        case, _, solved = worst
        n = len(bounds)
        rows = measure_mitigations(
            case,
            solved,
            deployed.float_weights,
            on_progress=lambda name: job.tell(f"mitigations: {name}", n, n),
        )
    accuracy = worst[1].bounds.clean_accuracy
    return BitAudit(
        network=network,
        layer=deployed.path,
        n_classes=n_classes,
        n_features=deployed.layer.shape[1],
        layer_bytes=deployed.layer.codes.numel(),
        model_bytes=deployed.n_bytes,
        clean_accuracy=accuracy,
        goal=goal,
        tolerance=tolerance,
        trigger_px=side,
        trigger_share=area_share(job.settings[0], u.shape[2], u.shape[3]),
        n_audit=min(n_audit, len(x)),
        n_evaluation=len(u),
        cases=tuple(bounds),
        mitigations=rows,
        mitigated=worst[1] if rows else None,
        recommendations=recommend(rows, tolerance),
        notes=tuple(_notes(job, accuracy, n_classes)),
        seconds=time.perf_counter() - start,
    )


def _side(sides: torch.Size) -> int:
    return max(1, round((_AREA * sides[0] * sides[1]) ** 0.5))


def _notes(job: BitJob, accuracy: float, n_classes: int) -> Iterator[str]:
    if accuracy < _POOR / n_classes:
        yield (
            f"the model is right on {accuracy:.1%} of the evaluation images, hardly more than "
            "guessing: if it is fed normalised images elsewhere, wrap it by with_normalisation"
        )
    if len(job.n_weights) > 1:
        yield (
            f"one sticker for each class and place, for the {max(job.n_weights)} highest-ranked "
            "features, serves every number of weights"
        )
    if job.is_emulated:
        yield "rows of the floating scale are the released code's way and count no memory flips"


def _check(
    goal: float,
    tolerance: float,
    n_weights: Sequence[int],
    seeds: Sequence[int],
    places: Sequence[str],
    n_audit: int,
) -> None:
    for value, name, low in ((goal, "goal", False), (tolerance, "tolerance", True)):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not (0 <= value <= 1) or (value == 0 and not low):
            start = "[0" if low else "(0"
            raise SpecError(f"{name} must be a number in {start}, 1], got {value!r}")
    for values, name in ((n_weights, "n_weights"), (seeds, "seeds")):
        if not isinstance(values, tuple | list | range) or not values:
            raise SpecError(f"{name} must be a list of whole numbers, got {values!r}")
        for value in values:
            whole_number(value, name, low=0)
    if isinstance(places, str) or not places:
        raise SpecError(f"places must be a list of {', '.join(PLACES)}, got {places!r}")
    whole_number(n_audit, "n_audit", low=1)


def _silent(what: str, done: int, total: int) -> None:
    """Tell nothing."""
