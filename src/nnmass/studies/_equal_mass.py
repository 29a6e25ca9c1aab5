"""The equal-mass study: does a smaller network of equal mass reach equal accuracy?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnmass.data import ImageData
from nnmass.design import Candidate, design
from nnmass.errors import SpecError, whole_number
from nnmass.runs import RunRecord
from nnmass.specs import Spec, parse
from nnmass.topology import Cell
from nnmass.train import Recipe, Step, train

EQUAL_MARGIN = 0.01
"""Accuracies that differ by no more than one point are called equal."""

CONTROL_SHARE = 0.08
"""Mass of the control over the reference's."""

ROLES = ("reference", "designed", "control")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One network of the study.

    Attributes:
        role: ``reference``, ``designed`` or ``control``.
        candidate: The network and its closed-form numbers.
    """

    role: str
    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """What came of training one network with several seeds.

    Attributes:
        arm: The network.
        records: One for each seed.
        curves: One for each seed: a point for each epoch.
    """

    arm: Arm
    records: tuple[RunRecord, ...]
    curves: tuple[tuple[dict[str, float], ...], ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Test accuracy of each seed, in [0, 1]."""
        return tuple(record.test_accuracy or 0.0 for record in self.records)

    @property
    def mean(self) -> float:
        """Mean test accuracy, in [0, 1]."""
        return statistics.fmean(self.accuracies)

    @property
    def spread(self) -> float:
        """Standard deviation of the test accuracy over the seeds; 0 for a single one."""
        return statistics.stdev(self.accuracies) if len(self.records) > 1 else 0.0

    @property
    def seconds(self) -> float:
        """Mean training time of one network."""
        return statistics.fmean(record.train_seconds for record in self.records)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "role": self.arm.role,
            **self.arm.candidate.to_dict(),
            "test_accuracy": list(self.accuracies),
            "test_accuracy_mean": self.mean,
            "test_accuracy_std": self.spread,
            "train_seconds_mean": self.seconds,
            "seeds": [record.seed for record in self.records],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualMassResult:
    """The study's outcome.

    Attributes:
        reference: The network to be matched.
        designed: The smaller one of equal mass.
        control: One of about the smaller one's size and much less mass.
    """

    reference: ArmResult
    designed: ArmResult
    control: ArmResult

    @property
    def arms(self) -> tuple[ArmResult, ...]:
        """Reference, designed, control."""
        return (self.reference, self.designed, self.control)

    @property
    def difference(self) -> float:
        """Mean accuracy of the designed network minus the reference's."""
        return self.designed.mean - self.reference.mean

    @property
    def standard_error(self) -> float:
        """Of the difference, from the spread over the seeds; a single seed counts as none."""
        pairs = (self.designed, self.reference)
        return math.sqrt(sum(arm.spread**2 / len(arm.records) for arm in pairs))

    @property
    def is_equal(self) -> bool:
        """The designed network is no more than `EQUAL_MARGIN` away from the reference."""
        return abs(self.difference) <= EQUAL_MARGIN + 1e-12  # 0.96 - 0.95 is a little more

    @property
    def is_told_apart(self) -> bool:
        """The difference is more than twice its standard error; a single seed tells nothing."""
        return self._has_spread and abs(self.difference) > 2 * self.standard_error

    @property
    def _has_spread(self) -> bool:
        return min(len(arm.records) for arm in (self.designed, self.reference)) > 1

    def verdict(self) -> str:
        """What was measured, in plain words."""
        has_spread = self._has_spread
        error = f"{100 * self.standard_error:.1f}" if has_spread else "unknown from one seed"
        points = f"{100 * self.difference:+.1f} points (standard error {error})"
        factor = self.reference.arm.candidate.params / self.designed.arm.candidate.params
        gap = 100 * (self.control.mean - self.designed.mean)
        share = self.control.arm.candidate.mass / self.reference.arm.candidate.mass
        if self.is_equal:
            claim = f"Equal mass gave equal accuracy: {points}"
        elif not self.is_told_apart:
            claim = f"Too few seeds to tell whether equal mass gave equal accuracy: {points}"
        elif self.difference > 0:
            claim = f"Equal mass did not give equal accuracy, it gave more: {points}"
        else:
            claim = f"Equal mass did not give equal accuracy: {points}"
        size = f"{factor:.1f}x fewer" if factor >= 1 else f"{1 / factor:.1f}x more"
        return (
            f"{claim}, with {size} parameters. The control of about the smaller "
            f"one's size and {share:.0%} of the mass: {gap:+.1f} points against the designed one."
        )

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "verdict": self.verdict(),
            "is_equal": self.is_equal,
            "is_told_apart": self.is_told_apart,
            "margin": EQUAL_MARGIN,
            "difference": self.difference,
            "standard_error": self.standard_error,
            "networks": [arm.to_dict() for arm in self.arms],
        }


def plan_equal_mass(reference: Spec | str) -> tuple[Arm, Arm, Arm]:
    """Reference, the cheapest network of equal mass in every cell, and the control.

    The control has 8 % of the reference's mass, shared out in the same way, and the depth at
    which its parameters come closest to the designed network's.

    Args:
        reference: A spec or a spec string of a family with link caps.

    Returns:
        The arms ``reference``, ``designed`` and ``control``, in this order.

    Raises:
        SpecError: The reference's family cannot be designed, or its mass is 0.

    Source:
        Ours; the claim under test is of Bhardwaj, Li, Marculescu, CVPR 2021.

    Example:
        >>> arms = plan_equal_mass("dense-cnn(wm=1,d=21,t=20/40/60,in=1,image=8)")
        >>> [str(arm.candidate.spec).split(",")[1] for arm in arms]
        ['d=21', 'd=10', 'd=16']
    """
    reference = parse(reference) if isinstance(reference, str) else reference
    cells = _linked_cells(reference)
    # Every cell keeps its mass: with the sum alone the cheapest network puts all links into the
    # narrow cells, which cost accuracy on CIFAR-10 (docs/measured.md).
    designed = design(like=reference, match="cells")[0]
    deepest = max(cell.depth for cell in cells)
    sparse = design(
        like=reference,
        mass=CONTROL_SHARE * reference.mass,
        match="cells",
        depth=(max(3, deepest // 2), deepest),  # one depth for all cells: an optimum at each
        top=deepest,
    )
    control = min(sparse, key=lambda candidate: abs(candidate.params - designed.params))
    return (
        Arm(role="reference", candidate=Candidate.of(reference)),
        Arm(role="designed", candidate=designed),
        Arm(role="control", candidate=control),
    )


def _linked_cells(reference: object) -> Sequence[Cell]:
    """The cells of the reference, all with link caps."""
    cells = reference.cells if isinstance(reference, Spec) else ()
    linked = [cell for cell in cells if isinstance(cell, Cell)]
    if linked:
        return linked
    shown = reference.family if isinstance(reference, Spec) else reference
    raise SpecError(
        "the equal-mass study needs a reference of a family with link caps (dense-mlp, dense-cnn, "
        f"dense-cnn-dw), got {shown!r}"
    )


def run_equal_mass(
    arms: Sequence[Arm],
    data: ImageData,
    *,
    recipe: Recipe,
    n_seeds: int = 3,
    device: str = "cpu",
    on_step: Callable[[Arm, int, Step], None] | None = None,
) -> EqualMassResult:
    """Train every arm with ``n_seeds`` seeds.

    Args:
        arms: From `plan_equal_mass`.
        data: What to train on.
        recipe: How.
        n_seeds: Trainings of each network, with the seeds 0, 1, ...
        device: Where.
        on_step: Called after every step with the arm, the seed and where it is.

    Returns:
        Accuracies in [0, 1] and times in seconds of every training, and the verdict.

    Raises:
        SpecError: A network does not fit the data, or ``arms`` are others than planned.
        TrainingError: A loss is no longer a number.
    """
    n_seeds = whole_number(n_seeds, "n_seeds", low=1)
    if tuple(arm.role for arm in arms) != ROLES:
        raise SpecError(
            f"arms must be {', '.join(ROLES)} in this order, as plan_equal_mass gives them, got "
            f"{', '.join(arm.role for arm in arms) or 'none'}"
        )
    results = [
        _train_arm(arm, data, recipe=recipe, n_seeds=n_seeds, device=device, on_step=on_step)
        for arm in arms
    ]
    reference, designed, control = results
    return EqualMassResult(reference=reference, designed=designed, control=control)


def _train_arm(
    arm: Arm,
    data: ImageData,
    *,
    recipe: Recipe,
    n_seeds: int,
    device: str,
    on_step: Callable[[Arm, int, Step], None] | None,
) -> ArmResult:
    records, curves = [], []
    for seed in range(n_seeds):

        def watch(step: Step, seed: int = seed) -> None:
            if on_step is not None:
                on_step(arm, seed, step)

        result = train(
            arm.candidate.spec, data, recipe=recipe, seed=seed, device=device, on_step=watch
        )
        records.append(result.record)
        curves.append(result.curve)
    return ArmResult(arm=arm, records=tuple(records), curves=tuple(curves))
