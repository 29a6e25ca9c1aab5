"""Choosing bits directly on the deployed grid: a tighter upper bound than gradient steps give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nnmass.audit._bits._flips import n_flips
from nnmass.audit._bits._last_layer import LastLayer
from nnmass.audit._bits._need import bit_values
from nnmass.audit._bits._row_scores import RowScores

_CLEAN_WEIGHTS = (0.3, 1.0, 3.0, 10.0)
_BEYOND = 2.0  # flips searched beyond those that reach the goal on the audit images
_TABOO = 6  # steps for which a bit that was flipped stays as it is


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectedFlips:
    """Rows that a search passed through, the fewest flips first.

    Attributes:
        target: Whose row it is.
        rows: int8 (S, N).
        n_flips: int64 (S,), of each row against the deployed one, ascending.
    """

    target: int
    rows: Tensor
    n_flips: Tensor


def select_flips(
    layer: LastLayer,
    *,
    clean: RowScores,
    stamped: RowScores,
    target: int,
    goal: float,
    tolerance: float,
    most_flips: int = 256,
) -> SelectedFlips:
    """Search for few bits of row ``target`` that win stamped images and keep clean ones.

    Greedy, bit by bit: each step takes the flip, or takes back the one, that lowers
    CE(stamped, target) + w * CE(clean) most, every one of the 8 N bits tried exactly. Once the goal
    is reached on these images the search goes on a little, so that it can be reached on others,
    then drops flips that the goal does not need. Done for several w; all rows passed through are
    returned.

    Args:
        layer: As deployed.
        clean: Of the audit images.
        stamped: Of the same with the trigger.
        target: The attacker's class.
        goal: Share of stamped images of other classes to win, in (0, 1].
        tolerance: Accuracy that may be lost, in [0, 1].
        most_flips: The search ends there.

    Source:
        Ours.
    """
    start = layer.codes[target]
    at_least = float(clean.accuracy(clean.logits(layer.weights[target]))) - tolerance
    found = [start]
    for weight in _CLEAN_WEIGHTS:
        search = _Search(layer, clean, stamped, target=target, weight=weight)
        found += search.run(goal, at_least, most_flips)
    rows = torch.stack(found).unique(dim=0)
    flips = n_flips(start.expand_as(rows), rows)
    order = flips.argsort(stable=True)
    return SelectedFlips(target=target, rows=rows[order], n_flips=flips[order])


class _Search:
    """One greedy search: the bytes of the row, and what they give."""

    def __init__(
        self,
        layer: LastLayer,
        clean: RowScores,
        stamped: RowScores,
        *,
        target: int,
        weight: float,
    ) -> None:
        self.layer, self.target, self.weight = layer, target, weight
        self.clean, self.stamped = clean, stamped
        self.codes = layer.codes[target].clone()
        self.start = layer.codes[target]
        self.taboo: list[int] = []

    def run(self, goal: float, at_least: float, most_flips: int) -> Iterator[Tensor]:
        limit = most_flips
        is_met = False
        for _ in range(2 * most_flips):
            if not self._step():
                break
            yield self.codes.clone()
            flips = int(n_flips(self.start, self.codes))
            if not is_met and self._is_met(goal, at_least):
                is_met = True
                limit = min(most_flips, int(_BEYOND * flips) + 2)
            if flips >= limit:
                break
        if is_met:
            yield from self._dropped(goal, at_least)

    def _weights(self, codes: Tensor) -> Tensor:
        return codes.double() * float(self.layer.scale[self.target])

    def _is_met(self, goal: float, at_least: float) -> bool:
        weights = self._weights(self.codes)
        won = float(self.stamped.win_rate(self.stamped.logits(weights)))
        return won >= goal and float(self.clean.accuracy(self.clean.logits(weights))) >= at_least

    def _step(self) -> bool:
        """Take the best flip; none lowers the loss: False."""
        now = self.layer.codes.clone()
        now[self.target] = self.codes
        changes = bit_values(self.layer.with_codes(now), self.target)
        weights = self._weights(self.codes)
        before = self._loss(weights[:, None] * 0, weights)
        losses = self._loss(changes, weights).flatten()
        if self.taboo:
            losses[torch.tensor(self.taboo)] = torch.inf
        best = int(losses.argmin())
        if not float(losses[best]) < float(before.flatten()[0]):
            return False
        feature, bit = divmod(best, 8)
        self.codes.view(torch.uint8)[feature] ^= 1 << bit
        self.taboo = [*self.taboo, best][-_TABOO:]
        return True

    def _loss(self, changes: Tensor, weights: Tensor) -> Tensor:
        """Loss after each single change of a weight, (N, changes of each)."""
        return _mean_loss(self.stamped, changes, weights, None) + self.weight * _mean_loss(
            self.clean, changes, weights, self.clean.is_target
        )

    def _dropped(self, goal: float, at_least: float) -> Iterator[Tensor]:
        """Flips taken back one by one, the smallest changes first, while the goal stays met."""
        mask = self.codes.view(torch.uint8) ^ self.start.view(torch.uint8)
        flipped = [(bit, j) for j in range(len(mask)) for bit in range(8) if mask[j] >> bit & 1]
        for bit, feature in sorted(flipped):
            self.codes.view(torch.uint8)[feature] ^= 1 << bit
            if self._is_met(goal, at_least):
                yield self.codes.clone()
            else:
                self.codes.view(torch.uint8)[feature] ^= 1 << bit


def _mean_loss(
    scores: RowScores, changes: Tensor, weights: Tensor, is_target: Tensor | None
) -> Tensor:
    """Mean cross entropy after each change, (N, C); of the class itself without ``is_target``."""
    logits = scores.logits(weights)
    moved = logits[:, None, None] + scores.features[:, :, None] * changes
    gap = scores.others[:, None, None] - moved
    to_target = F.softplus(gap)
    if is_target is None:
        return to_target[~scores.is_target].mean(0)
    to_truth = F.softplus(-gap) + (scores.others - scores.true_logits)[:, None, None]
    return torch.where(is_target[:, None, None], to_target, to_truth).mean(0)
