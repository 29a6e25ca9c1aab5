"""What a bit-trojan audit found, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnmass._from_plain import from_plain
from nnmass.audit._bits._emulation import EmulatedRow
from nnmass.audit._bits._mitigations import MitigationRow
from nnmass.audit._bits._trojan_row import Bounds

OUTSIDE = (
    "flips in earlier layers, biases, norms or scales: the floors are of the last layer's weights",
    "other stickers than those tried: a floor is of its own sticker, an upper bound of any",
    "whether memory faults can make these flips: only where they would lie is told",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetBounds:
    """Bounds of one class with one sticker.

    Attributes:
        target: The attacker's class.
        place: Of the sticker.
        seed: Of the audit images that were drawn.
        bounds: Both ends, and the published insertion's rows.
        emulated: The released code's floating scale, where that was asked for: its flips are no
            count of what memory would have to change.
    """

    target: int
    place: str
    seed: int
    bounds: Bounds
    emulated: tuple[EmulatedRow, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        return {
            "target": self.target,
            "place": self.place,
            "seed": self.seed,
            **self.bounds.to_dict(),
            "emulated": [row.to_dict() for row in self.emulated],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TargetBounds:
        """The case that `to_dict` told of."""
        emulated = tuple(from_plain(EmulatedRow, row) for row in values["emulated"])
        return from_plain(cls, values, bounds=Bounds.from_dict(values), emulated=emulated)


@dataclass(frozen=True, slots=True, kw_only=True)
class BitAudit:
    """How few flipped bits of the last layer would implant a trojan.

    Attributes:
        network: Its name.
        layer: Path of the last linear layer.
        n_classes: Its rows.
        n_features: Its columns.
        layer_bytes: Of its codes.
        model_bytes: Of the codes of all convolutions and linear layers.
        clean_accuracy: Of the 8-bit model on the evaluation images; TA0.
        goal: Share of stamped images of other classes that count as a trojan.
        tolerance: Clean accuracy that the trojan may cost.
        trigger_px: Side of the sticker.
        trigger_share: Of the image's area; TAP.
        n_audit: Images that a search saw.
        n_evaluation: Images that judged it.
        cases: Each class, place and seed.
        mitigations: Measured on the worst case; empty if they were not asked for.
        mitigated: Which case that was.
        recommendations: What follows from them, in words.
        notes: What a reader must know.
        seconds: In all.
    """

    network: str
    layer: str
    n_classes: int
    n_features: int
    layer_bytes: int
    model_bytes: int
    clean_accuracy: float
    goal: float
    tolerance: float
    trigger_px: int
    trigger_share: float
    n_audit: int
    n_evaluation: int
    cases: tuple[TargetBounds, ...]
    mitigations: tuple[MitigationRow, ...]
    mitigated: TargetBounds | None
    recommendations: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def targets(self) -> tuple[int, ...]:
        """The classes that were audited."""
        return tuple(dict.fromkeys(case.target for case in self.cases))

    def of(self, target: int) -> tuple[TargetBounds, ...]:
        """All cases of a class."""
        return tuple(case for case in self.cases if case.target == target)

    def worst_of(self, target: int) -> TargetBounds:
        """The case of a class with the fewest flips found; where none was, with the least floor."""
        return min(self.of(target), key=badness)

    def floor_of(self, target: int) -> int | None:
        """The least floor of a class over its stickers, for flips in its own row.

        ``None``: no number of flips is enough.
        """
        floors = [f for case in self.of(target) if (f := case.bounds.floor) is not None]
        return min(floors, default=None)

    def layer_floor_of(self, target: int) -> int | None:
        """The same for flips anywhere in the last layer."""
        floors = [f for case in self.of(target) if (f := case.bounds.layer_floor) is not None]
        return min(floors, default=None)

    @property
    def floor(self) -> int | None:
        """The least of all classes' floors, for flips in the row of the class."""
        return min((f for t in self.targets if (f := self.floor_of(t)) is not None), default=None)

    @property
    def layer_floor(self) -> int | None:
        """The same for flips anywhere in the last layer."""
        floors = [f for t in self.targets if (f := self.layer_floor_of(t)) is not None]
        return min(floors, default=None)

    @property
    def worst(self) -> TargetBounds:
        """The worst case of all."""
        return min(self.cases, key=badness)

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON values."""
        worst = self.worst
        return {
            "network": self.network,
            "layer": self.layer,
            "n_classes": self.n_classes,
            "n_features": self.n_features,
            "layer_bytes": self.layer_bytes,
            "model_bytes": self.model_bytes,
            "clean_accuracy": self.clean_accuracy,
            "goal": self.goal,
            "tolerance": self.tolerance,
            "trigger_px": self.trigger_px,
            "trigger_share": self.trigger_share,
            "n_audit": self.n_audit,
            "n_evaluation": self.n_evaluation,
            "floor": self.floor,
            "layer_floor": self.layer_floor,
            "upper": worst.bounds.n_upper,
            "worst": _named(worst),
            "cases": [case.to_dict() for case in self.cases],
            "mitigations": [row.to_dict() for row in self.mitigations],
            "mitigated": None if self.mitigated is None else _named(self.mitigated),
            "recommendations": list(self.recommendations),
            "outside": list(OUTSIDE),
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BitAudit:
        """The audit that `to_dict` told of."""
        cases = tuple(map(TargetBounds.from_dict, values["cases"]))
        mitigated = next((case for case in cases if _named(case) == values["mitigated"]), None)
        rows = tuple(from_plain(MitigationRow, row) for row in values["mitigations"])
        return from_plain(cls, values, cases=cases, mitigations=rows, mitigated=mitigated)


def _named(case: TargetBounds) -> dict[str, object]:
    return {"target": case.target, "place": case.place, "seed": case.seed}


def badness(case: TargetBounds) -> tuple[float, float, int, str, int]:
    """Sorts cases: the fewest flips found first; where none were, the least floor."""
    upper, floor = case.bounds.n_upper, case.bounds.floor
    return (
        float("inf") if upper is None else upper,
        float("inf") if floor is None else floor,
        case.target,
        case.place,
        case.seed,
    )
