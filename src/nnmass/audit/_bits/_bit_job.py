"""The steps of a bit-trojan audit: what can be computed once is computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from nnmass.audit._bits._audit_images import drawn
from nnmass.audit._bits._bit_result import TargetBounds
from nnmass.audit._bits._bounds import Solved, solve
from nnmass.audit._bits._case import Case, Part
from nnmass.audit._bits._deployed import DeployedModel
from nnmass.audit._bits._emulation import emulated
from nnmass.audit._bits._ranking import rank_gradient, top_features
from nnmass.audit._bits._trigger import TriggerSettings, make_triggers, stamp

Tell = Callable[[str, int, int], None]
"""Called with what was done, how many steps are, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BitJob:
    """One audit: everything that its steps share."""

    deployed: DeployedModel
    audit: tuple[Tensor, Tensor]
    evaluation: tuple[Tensor, Tensor]
    targets: tuple[int, ...]
    n_weights: tuple[int, ...]
    settings: tuple[TriggerSettings, ...]
    seeds: tuple[int, ...]
    n_audit: int
    goal: float
    tolerance: float
    is_emulated: bool
    tell: Tell

    def run(self) -> Iterator[tuple[Case, TargetBounds, Solved]]:
        """Every case; what does not hang on the sticker is computed once."""
        done, total = 0, len(self.seeds) * len(self.settings) * len(self.targets)
        self.tell("features of the evaluation images", done, total)
        clean = self.deployed.features(self.evaluation[0])
        for seed in self.seeds:
            images, labels = drawn(*self.audit, self.n_audit, seed)
            seen = self.deployed.features(images)
            gradient = rank_gradient(self.deployed.layer, seen, labels)
            chosen = [top_features(gradient[t], max(self.n_weights)) for t in self.targets]
            for settings in self.settings:
                self.tell(f"stickers, {settings.place}", done, total)
                shape = (images.shape[1], images.shape[2], images.shape[3])
                triggers = make_triggers(self.deployed, chosen, settings, shape)
                for target, trigger in zip(self.targets, triggers, strict=True):
                    audit, evaluation = (
                        Part(
                            clean=features,
                            stamped=self.deployed.features(stamp(pixels, trigger, settings)),
                            labels=truth,
                        )
                        for pixels, features, truth in (
                            (images, seen, labels),
                            (self.evaluation[0], clean, self.evaluation[1]),
                        )
                    )
                    yield self._solved(audit, evaluation, target, settings.place, seed)
                    done += 1
                    self.tell(f"class {target}, {settings.place}", done, total)

    def _solved(
        self, audit: Part, evaluation: Part, target: int, place: str, seed: int
    ) -> tuple[Case, TargetBounds, Solved]:
        case = Case(
            layer=self.deployed.layer,
            audit=audit,
            evaluation=evaluation,
            target=target,
            goal=self.goal,
            tolerance=self.tolerance,
            n_weights=self.n_weights,
        )
        solved = solve(case)
        as_released = tuple(emulated(case, n) for n in self.n_weights if self.is_emulated)
        bounds = TargetBounds(
            target=target, place=place, seed=seed, bounds=solved.bounds, emulated=as_released
        )
        return case, bounds, solved
