"""Both ends for one class and one sticker: the proven floor, and the fewest flips found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nnmass.audit._bits._case import Case
from nnmass.audit._bits._flips import count_flips, n_flips
from nnmass.audit._bits._insert import insert_trojan
from nnmass.audit._bits._last_layer import LastLayer
from nnmass.audit._bits._need import UNREACHABLE, flips_needed, floor_of
from nnmass.audit._bits._ranking import rank_gradient, top_features
from nnmass.audit._bits._row_scores import RowScores
from nnmass.audit._bits._select import select_flips
from nnmass.audit._bits._trojan_row import Bounds, TrojanRow

_ROWS_AT_ONCE = 64


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
