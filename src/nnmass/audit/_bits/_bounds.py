"""Both ends for one class and one sticker: the proven floor, and the fewest flips found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from nnmass.audit._bits._flips import FlipCount, count_flips, n_flips
from nnmass.audit._bits._insert import insert_trojan
from nnmass.audit._bits._last_layer import LastLayer
from nnmass.audit._bits._need import UNREACHABLE, flips_needed, floor_of
from nnmass.audit._bits._ranking import rank_gradient, top_features
from nnmass.audit._bits._select import RowScores, select_flips

_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Images as the last layer sees them, without and with the sticker.

    Attributes:
        clean: float32 (B, N).
        stamped: The same images with the trigger.
        labels: int64 (B,).
    """

    clean: Tensor
    stamped: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One class and one sticker.

    Attributes:
        layer: As deployed.
        audit: What a search may look at.
        evaluation: What it is judged on; other images.
        target: The attacker's class.
        goal: Share of stamped images of other classes that must be won, in (0, 1].
        tolerance: Clean accuracy that may be lost, in [0, 1].
        n_weights: Of the published insertion, one try for each.
    """

    layer: LastLayer
    audit: Part
    evaluation: Part
    target: int
    goal: float
    tolerance: float
    n_weights: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrojanRow:
    """One flip set, judged on the evaluation images; shares in [0, 1].

    Attributes:
        method: ``inserted`` or ``selected``, or ``inserted, floating scale``.
        n_weights: That were free to move; of a selected one those that moved.
        flips: What differs in the last layer.
        accuracy: On clean images; TA.
        asr: Stamped images classified as the target, of all classes.
        asr_non: The same of the images of other classes.
        sr: (100 TA + 100 ASR - 100) / n_weights, as published.
    """

    method: str
    n_weights: int
    flips: FlipCount
    accuracy: float
    asr: float
    asr_non: float

    @property
    def sr(self) -> float:
        """The published score; not a number without weights."""
        if not self.n_weights:
            return float("nan")
        return 100 * (self.accuracy + self.asr - 1) / self.n_weights

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return {**asdict(self), "flips": self.flips.to_dict(), "sr": self.sr}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is known of the fewest flips that reach the goal.

    Attributes:
        clean_accuracy: Without flips; TA0.
        asr0: Of the sticker alone, without flips, over all classes.
        asr0_non: The same over the images of other classes.
        floor: No fewer flips in the target's row reach the goal; ``None``: none at all do.
        layer_floor: The same over the rows of target and rivals.
        upper: The flip set with fewest flips that reaches the goal within the tolerance; ``None``
            if none was found.
        rows: The published insertion at each number of weights.
    """

    clean_accuracy: float
    asr0: float
    asr0_non: float
    floor: int | None
    layer_floor: int | None
    upper: TrojanRow | None
    rows: tuple[TrojanRow, ...]

    @property
    def n_upper(self) -> int | None:
        """Flips of the upper bound."""
        return None if self.upper is None else self.upper.flips.n_flips

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return {
            "clean_accuracy": self.clean_accuracy,
            "asr0": self.asr0,
            "asr0_non": self.asr0_non,
            "floor": self.floor,
            "layer_floor": self.layer_floor,
            "upper": None if self.upper is None else self.upper.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
        }


class Judge:
    """The evaluation images of a case, and what rows of the target's class do to them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        part = case.evaluation
        self.clean = RowScores.of(case.layer, part.clean, part.labels, case.target)
        self.stamped = RowScores.of(case.layer, part.stamped, part.labels, case.target)

    def row(self, codes: Tensor, *, method: str, n_weights: int | None = None) -> TrojanRow:
        """The whole verdict on one row, int8 (N,)."""
        layer, target = self.case.layer, self.case.target
        after = layer.codes.clone()
        after[target] = codes
        flips = count_flips(layer.codes, after)
        accuracy, won = self.scores(codes[None])
        logits = self.stamped.logits(self._weights(codes))
        return TrojanRow(
            method=method,
            n_weights=flips.n_bytes if n_weights is None else n_weights,
            flips=flips,
            accuracy=float(accuracy[0]),
            asr=float(self.stamped.is_won(logits).double().mean()),
            asr_non=float(won[0]),
        )

    def scores(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Clean accuracy and ASR_non of rows, int8 (S, N)."""
        accuracy, won = [], []
        for some in rows.split(_ROWS_AT_ONCE):
            weights = self._weights(some)
            accuracy.append(self.clean.accuracy(self.clean.logits(weights)))
            won.append(self.stamped.win_rate(self.stamped.logits(weights)))
        return torch.cat(accuracy), torch.cat(won)

    def _weights(self, codes: Tensor) -> Tensor:
        return codes.double() * float(self.case.layer.scale[self.case.target])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solved:
    """Bounds, and the last layer under the flips of the upper one, in memory alone.

    Attributes:
        bounds: Of the case.
        codes: int8 (M, N); ``None`` where there is no upper bound.
    """

    bounds: Bounds
    codes: Tensor | None


def solve(case: Case) -> Solved:
    """Floor and upper bound of a case; always floor <= upper, since both are of the same images."""
    judge = Judge(case)
    deployed = judge.row(case.layer.codes[case.target], method="deployed")
    part = case.evaluation
    others = part.stamped[part.labels != case.target]
    by_row = flips_needed(case.layer, others, case.target)
    by_layer = flips_needed(case.layer, others, case.target, whole_layer=True)
    inserted = {n: inserted_layer(case, n).codes[case.target] for n in case.n_weights}
    rows = tuple(judge.row(codes, method="inserted", n_weights=n) for n, codes in inserted.items())
    floor = floor_of(by_row, case.goal)
    tried = [case.layer.codes[case.target], *inserted.values()]
    # where no flips of the row are enough, none need be searched for
    upper, codes = (None, None) if floor is None else _fewest(case, judge, tried, rows)
    bounds = Bounds(
        clean_accuracy=deployed.accuracy,
        asr0=deployed.asr,
        asr0_non=deployed.asr_non,
        floor=floor,
        layer_floor=floor_of(by_layer, case.goal),
        upper=upper,
        rows=rows,
    )
    return Solved(bounds=bounds, codes=codes)


def _fewest(
    case: Case, judge: Judge, tried: Sequence[Tensor], rows: Sequence[TrojanRow]
) -> tuple[TrojanRow | None, Tensor | None]:
    """The flip set with fewest flips that meets goal and tolerance, and the layer under it."""
    found = select_flips(
        case.layer,
        clean=RowScores.of(case.layer, case.audit.clean, case.audit.labels, case.target),
        stamped=RowScores.of(case.layer, case.audit.stamped, case.audit.labels, case.target),
        target=case.target,
        goal=case.goal,
        tolerance=case.tolerance,
    )
    candidates = torch.cat((torch.stack(list(tried)), found.rows))
    accuracy, won = judge.scores(candidates)
    at_least = float(accuracy[0]) - case.tolerance  # the first is the deployed row
    is_met = (won >= case.goal) & (accuracy >= at_least)
    if not is_met.any():
        return None, None
    flips = n_flips(case.layer.codes[case.target].expand_as(candidates), candidates)
    best = int(torch.where(is_met, flips, UNREACHABLE).argmin())
    codes = case.layer.codes.clone()
    codes[case.target] = candidates[best]
    if 0 < best < len(tried):
        return rows[best - 1], codes
    method = "selected" if best else "deployed"
    return judge.row(candidates[best], method=method), codes


def inserted_layer(case: Case, n_weights: int, *, is_floating: bool = False) -> LastLayer:
    """The layer after the published insertion with so many weights."""
    audit = case.audit
    gradient = rank_gradient(case.layer, audit.clean, audit.labels)[case.target]
    return insert_trojan(
        case.layer,
        clean=audit.clean,
        labels=audit.labels,
        stamped=audit.stamped,
        target=case.target,
        indices=top_features(gradient, n_weights),
        is_floating=is_floating,
    ).layer
