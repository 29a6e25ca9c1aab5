"""What is known of flips: one set of them, and the two ends for a class and a sticker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nnmass._from_plain import from_plain
from nnmass.audit._bits._flips import FlipCount


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrojanRow:
        """The flip set that `to_dict` told of."""
        return from_plain(cls, values, flips=from_plain(FlipCount, values["flips"]))


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Bounds:
        """The bounds that `to_dict` told of."""
        upper = values["upper"]
        rows = tuple(map(TrojanRow.from_dict, values["rows"]))
        return from_plain(
            cls, values, rows=rows, upper=None if upper is None else TrojanRow.from_dict(upper)
        )
