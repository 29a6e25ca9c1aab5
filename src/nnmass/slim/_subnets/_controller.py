"""Which level serves the next request, from what the last ones took."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nnmass.errors import SpecError, positive_number, whole_number


class LevelController:
    """Keeps a latency budget: down at once, up only after a while.

    After each request, with a = ``smoothing`` and T the measured table,

        ratio <- (1 - a) ratio + a * measured / T[level],     predicted(i) = ratio * T[i]

    Where predicted(level) is above the budget, the level changes at once to the largest whose
    prediction is within it, or to the smallest. Where predicted(the next larger) * ``margin`` was
    within it for ``patience`` requests without a break, that one takes over. The same times
    give the same levels: nothing here reads a clock.

    Args:
        times_ms: T: what each level takes on an idle machine, the largest first, falling.
        budget_ms: That one request may take.
        smoothing: Weight of the last request, in (0, 1].
        margin: At least 1: what the next larger level must leave of the budget.
        patience: Requests before a larger level is tried.

    Attributes:
        level: The level for the next request, a place in ``times_ms``.
        ratio: How much slower than in the table the machine is now.

    Raises:
        SpecError: An argument is wrong.

    Source:
        Ours; the level falls under load as in Lou et al., DynamicOFA (CVPR workshops 2021).

    Example:
        >>> controller = LevelController([10.0, 5.0, 2.0], budget_ms=12.0, smoothing=0.5)
        >>> controller.level, controller.observe(20.0), controller.ratio  # predicted: 15 ms
        (0, 1, 1.5)
        >>> [controller.observe(5.0) for _ in range(13)].index(0)  # ten after it fits
        11
    """

    def __init__(
        self,
        times_ms: Sequence[float],
        budget_ms: float,
        *,
        smoothing: float = 0.2,
        margin: float = 1.1,
        patience: int = 10,
    ) -> None:
        self.times_ms = _falling(times_ms)
        self.smoothing = positive_number(smoothing, "smoothing")
        self.margin = positive_number(margin, "margin")
        if self.smoothing > 1 or self.margin < 1:
            raise SpecError(
                "smoothing must be at most 1 and margin at least 1, got "
                f"smoothing={smoothing!r}, margin={margin!r}"
            )
        self.patience = whole_number(patience, "patience", low=1)
        self.ratio = 1.0
        self.level = 0
        self._n_good = 0
        self.budget_ms = budget_ms

    @property
    def budget_ms(self) -> float:
        """That one request may take; a new one that is not met changes the level at once."""
        return self._budget_ms

    @budget_ms.setter
    def budget_ms(self, budget_ms: float) -> None:
        self._budget_ms = positive_number(budget_ms, "budget_ms")
        self._n_good = 0
        self._lower()

    def predicted_ms(self, level: int) -> float:
        """What ``level`` would take now."""
        return self.ratio * self.times_ms[level]

    def observe(self, measured_ms: float) -> int:
        """Take note of what the last request took; the level for the next one.

        Raises:
            SpecError: ``measured_ms`` is no finite number above 0.
        """
        measured = positive_number(measured_ms, "measured_ms")
        seen = measured / self.times_ms[self.level]
        self.ratio += self.smoothing * (seen - self.ratio)
        if self._lower():
            return self.level
        is_good = self.level > 0 and self.predicted_ms(self.level - 1) * self.margin <= (
            self._budget_ms
        )
        self._n_good = self._n_good + 1 if is_good else 0
        if self._n_good == self.patience:
            self.level -= 1
            self._n_good = 0
        return self.level

    def _lower(self) -> bool:
        """Go to the largest level that is within the budget, if the present one is not."""
        if self.predicted_ms(self.level) <= self._budget_ms:
            return False
        last = len(self.times_ms) - 1
        while self.level < last and self.predicted_ms(self.level) > self._budget_ms:
            self.level += 1
        self._n_good = 0
        return True


def _falling(times_ms: Sequence[float]) -> tuple[float, ...]:
    if isinstance(times_ms, str) or not isinstance(times_ms, Sequence) or not times_ms:
        raise SpecError(f"times_ms must be one time or more, the largest first, got {times_ms!r}")
    times = tuple(positive_number(time, "each of times_ms") for time in times_ms)
    for larger, smaller in pairwise(times):
        if smaller >= larger:
            raise SpecError(
                f"times_ms must fall from level to level, got {larger:g} ms and then {smaller:g} "
                "ms: leave out levels that are no faster than a larger one (SubnetTable.useful)"
            )
    return times
