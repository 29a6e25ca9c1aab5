"""What one worker does at a time: trials that are trained together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nnmass.runs import Trial
from nnmass.specs import DenseMLP, parse

MOST_TOGETHER = 40
"""Networks of one batched training: more gain little, leave some workers idle at the end of a
study, and are lost with a killed worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Trials for one worker.

    Attributes:
        trials: All that are trained together. They follow from the study alone, not from what is
            done already, so that a resumed study computes what an undisturbed one does.
        wanted: Ids of those whose results are asked for.
        losses: How often a worker was lost with it.
    """

    trials: tuple[Trial, ...]
    wanted: frozenset[str]
    losses: int = 0

    @property
    def wanted_trials(self) -> tuple[Trial, ...]:
        """Those of `trials` whose results are asked for."""
        return tuple(trial for trial in self.trials if trial.id in self.wanted)

    @property
    def is_together(self) -> bool:
        """More than one network is trained at once."""
        return len(self.trials) > 1

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, for a worker."""
        return {
            "trials": [trial.to_dict() for trial in self.trials],
            "wanted": sorted(self.wanted),
            "losses": self.losses,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Job:
        """The job that `to_dict` wrote."""
        return cls(
            trials=tuple(Trial.from_dict(trial) for trial in values["trials"]),
            wanted=frozenset(values["wanted"]),
            losses=values["losses"],
        )


def jobs_of(trials: Iterable[Trial], done: Collection[str] = ()) -> list[Job]:
    """Trials as jobs: dense MLPs of one width, depth, input, data and recipe together.

    Args:
        trials: All of a study.
        done: Ids of those that need no training; jobs of such alone are left out.

    Returns:
        Jobs in the order of the trials, of at most `MOST_TOGETHER` trials each; those of one group
        differ by one trial at most, and have few seeds, since networks of one seed share images.

    Example:
        >>> def trial(spec, seed):
        ...     return Trial(spec=spec, seed=seed, recipe={}, data="mnist")
        >>> specs = [f"dense-mlp(w=8,d=16,t={t})" for t in range(13)] + ["resnet(depth=18)"]
        >>> [len(job.trials) for job in jobs_of(trial(s, k) for s in specs for k in range(5))]
        [33, 32, 1, 1, 1, 1, 1]
    """
    groups: dict[object, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(_group_key(trial), []).append(trial)
    jobs = []
    for group in groups.values():
        group.sort(key=lambda trial: trial.seed)
        n_parts = math.ceil(len(group) / MOST_TOGETHER)
        bounds = [math.ceil(len(group) * i / n_parts) for i in range(n_parts + 1)]
        for start, end in pairwise(bounds):
            part = tuple(group[start:end])
            wanted = frozenset(trial.id for trial in part) - set(done)
            if wanted:
                jobs.append(Job(trials=part, wanted=wanted))
    return jobs


def _group_key(trial: Trial) -> object:
    if not trial.spec.startswith(f"{DenseMLP.family}("):
        return trial.id
    spec = parse(trial.spec)
    assert isinstance(spec, DenseMLP)
    shape = (spec.width, spec.depth, spec.inputs, spec.classes, spec.activation, spec.wiring)
    return (*shape, trial.data, trial.recipe_id, tuple(sorted(trial.extra.items())))
