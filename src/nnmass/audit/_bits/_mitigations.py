"""What each cheap mitigation buys this model: measured again, never quoted."""

from __future__ import annotations

import hashlib
import statistics
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import Tensor

from nnmass.audit._bits._bounds import Solved, solve
from nnmass.audit._bits._case import Case, Part
from nnmass.audit._bits._flips import flip_mask, with_flips
from nnmass.audit._bits._last_layer import LastLayer, quantised_layer
from nnmass.audit._bits._repair import GROUP, checksums, majority, zeroed
from nnmass.audit._bits._trojan_row import Bounds

_QUANTILES = (0.99, 0.9)
_TRIES = 1000
_TIMED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MitigationRow:
    """One mitigation, measured on this model, class and sticker.

    Attributes:
        name: What it is.
        clean_accuracy: Of the model with it, without an attack; in [0, 1].
        floor: Proven least number of flips for the goal; ``None``: no number of flips is enough.
        upper: Fewest flips that were found to reach it; ``None``: none was found.
        detected: Share of the attack's flip set and of random ones that it notices; ``None`` if it
            notices nothing by design.
        recovered_accuracy: Clean accuracy after it has repaired the found attack.
        recovered_asr: ASR_non after that.
        extra_bytes: That it stores.
        check_us: Median time of a check of the last layer on this machine, in microseconds.
        note: What it costs, or does not stop.
    """

    name: str
    clean_accuracy: float
    floor: int | None
    upper: int | None
    detected: float | None = None
    recovered_accuracy: float | None = None
    recovered_asr: float | None = None
    extra_bytes: int = 0
    check_us: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return asdict(self)


def measure_mitigations(
    case: Case,
    solved: Solved,
    float_weights: Tensor,
    *,
    seed: int = 0,
    on_progress: Callable[[str], None] | None = None,
) -> tuple[MitigationRow, ...]:
    """The bounds of one case under each mitigation.

    Args:
        case: The class and the sticker.
        solved: The case without any mitigation.
        float_weights: Of the last layer before it was quantised, (M, N).
        seed: Of random flip sets.
        on_progress: Called with the name of each.

    Source:
        Group checksums after J. Li et al., RADAR, DATE 2021; the others are common practice. All
        figures are measured here.
    """
    rows: list[MitigationRow] = []
    for make in (_unchanged, _hashes, _groups, _copies):
        rows += make(case, solved, seed)
    for name, changed, note in _changed_models(case, float_weights):
        if on_progress is not None:
            on_progress(name)
        found = solve(changed).bounds
        rows.append(_row(name, found, note))
    return tuple(rows)


def _row(name: str, bounds: Bounds, note: str = "") -> MitigationRow:
    return MitigationRow(
        name=name,
        clean_accuracy=bounds.clean_accuracy,
        floor=bounds.floor,
        upper=bounds.n_upper,
        note=note,
    )


def _unchanged(case: Case, solved: Solved, seed: int) -> Iterator[MitigationRow]:
    yield _row("none", solved.bounds)


def _hashes(case: Case, solved: Solved, seed: int) -> Iterator[MitigationRow]:
    notes = {
        "sha256": "notices any change at the next check; the reference must lie where no flip goes",
        "crc32": "notices chance and all found flips; who knows the polynomial can find a set that "
        "it misses",
    }
    checks: dict[str, tuple[Callable[[Tensor], object], int]] = {
        "sha256": (lambda codes: hashlib.sha256(_bytes(codes)).digest(), 32),
        "crc32": (lambda codes: zlib.crc32(_bytes(codes)), 4),
    }
    for name, (check, size) in checks.items():
        yield replace(
            _row(f"{name} of the last layer", solved.bounds, notes[name]),
            detected=_detection(case, solved, seed, check),
            extra_bytes=size,
            check_us=_time_us(partial(check, case.layer.codes)),
        )


def _bytes(codes: Tensor) -> bytes:
    return codes.contiguous().numpy().tobytes()


def _masks(case: Case, solved: Solved, seed: int) -> Iterator[Tensor]:
    """The found attack's flips, then random ones of as many."""
    draws = torch.Generator().manual_seed(seed)
    found = solved.codes
    n = max(1, solved.bounds.n_upper or solved.bounds.floor or 1)
    for number in range(_TRIES):
        if number == 0 and found is not None and not torch.equal(found, case.layer.codes):
            yield flip_mask(case.layer.codes, found)
            continue
        mask = torch.zeros(case.layer.shape, dtype=torch.uint8)
        for _ in range(n):
            place = int(torch.randint(mask[0].numel(), (), generator=draws))
            bit = int(torch.randint(8, (), generator=draws))
            mask[case.target, place] ^= 1 << bit
        if mask.any():
            yield mask


def _detection(case: Case, solved: Solved, seed: int, check: Callable[[Tensor], object]) -> float:
    clean = check(case.layer.codes)
    noticed = [check(with_flips(case.layer.codes, m)) != clean for m in _masks(case, solved, seed)]
    return sum(noticed) / len(noticed)


def _groups(case: Case, solved: Solved, seed: int) -> Iterator[MitigationRow]:
    clean = checksums(case.layer.codes)
    row = replace(
        _row(
            f"2-bit checksums of groups of {GROUP}, failing groups set to 0",
            solved.bounds,
            "made for flips of the top bit: those of low bits can escape, and two in a group can "
            "cancel",
        ),
        detected=_detection(case, solved, seed, lambda codes: tuple(checksums(codes).tolist())),
        extra_bytes=-(-2 * len(clean) // 8),
        check_us=_time_us(lambda: checksums(case.layer.codes)),
    )
    if solved.codes is None:
        yield row
        return
    repaired = case.layer.with_codes(zeroed(solved.codes, checksums(solved.codes) != clean))
    accuracy, asr = _judged(case, repaired)
    yield replace(row, recovered_accuracy=accuracy, recovered_asr=asr)


def _judged(case: Case, layer: LastLayer) -> tuple[float, float]:
    """Clean accuracy and ASR_non of a whole layer."""
    part = case.evaluation
    right = layer.logits(part.clean).argmax(1) == part.labels
    others = part.labels != case.target
    won = layer.logits(part.stamped[others]).argmax(1) == case.target
    return float(right.double().mean()), float(won.double().mean())


def _copies(case: Case, solved: Solved, seed: int) -> Iterator[MitigationRow]:
    three = torch.stack([case.layer.codes] * 3)
    bounds = solved.bounds
    upper = bounds.n_upper
    yield replace(
        _row(
            "three copies of the last layer, bitwise majority",
            bounds,
            "every flip has to be made in two copies; a repair costs nothing more",
        ),
        floor=None if bounds.floor is None else 2 * bounds.floor,
        upper=None if upper is None else 2 * upper,
        extra_bytes=2 * case.layer.codes.numel(),
        check_us=_time_us(lambda: majority(three)),
    )


def _time_us(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_TIMED):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def _changed_models(case: Case, float_weights: Tensor) -> Iterator[tuple[str, Case, str]]:
    """Models with another last layer or other features; nothing is trained again."""
    for q in _QUANTILES:
        limit = float(case.audit.clean.flatten().quantile(q))
        audit, evaluation = (_clipped(part, limit) for part in (case.audit, case.evaluation))
        yield (
            f"features clipped at {limit:.3g}, their {q:.0%} quantile",
            replace(case, audit=audit, evaluation=evaluation),
            "not trained again; training with the clip costs less accuracy",
        )
    for q in _QUANTILES:
        limit = float(float_weights.abs().flatten().quantile(q))
        layer = quantised_layer(float_weights.clamp(-limit, limit), case.layer.bias)
        yield (
            f"weights clipped at their {q:.0%} quantile, scale {float(layer.scale[0]):.2g}",
            replace(case, layer=layer),
            "a flip moves a logit by at most 128 scales times a feature; not trained again",
        )
    yield (
        "a scale for each row",
        replace(case, layer=quantised_layer(float_weights, case.layer.bias, per_row=True)),
        "a row of small weights gets a smaller step, so that a flip there moves less",
    )


def _clipped(part: Part, limit: float) -> Part:
    return replace(part, clean=part.clean.clamp(max=limit), stamped=part.stamped.clamp(max=limit))
