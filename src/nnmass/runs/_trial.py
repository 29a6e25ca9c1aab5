"""One training of a study as data: what it is, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

TRIAL_COLUMNS = (
    *("spec", "family", "seed", "mass", "params", "macs", "depth", "width", "link_cap"),
    *("data", "n_train", "n_test", "recipe"),
    *("accuracy", "last_accuracy", "validation_accuracy", "loss", "ldi_mean", "ldi_std"),
    *("status", "reason", "trial", "torch", "seconds"),
)
"""Columns of a study's table; ``seconds`` alone may differ between two equal runs."""

STATUSES = ("pending", "running", "done", "failed")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One network, one seed, one recipe, one data set: what is trained once.

    Args:
        spec: Canonical spec string.
        seed: Of links, first weights, split and order of the data; at least 0.
        recipe: All fields of the recipe.
        data: Name of the data set.
        extra: All else that the result depends on: ``n_train`` and ``n_test`` (images, or null for
            all) and ``ldi_images`` (0 where LDI is not measured).
        facts: What the spec alone tells (family, mass, params, ..), for the table. Two trials that
            differ in nothing else are one.

    Example:
        >>> trial = Trial(spec="dense-mlp(w=8,d=4,t=1)", seed=0, recipe={"lr": 0.1}, data="mnist")
        >>> trial.id, trial == Trial.from_dict(trial.to_dict())
        ('50d1cc6637fa', True)
    """

    spec: str
    seed: int
    recipe: Mapping[str, object]
    data: str
    extra: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict, compare=False)

    @cached_property
    def id(self) -> str:
        """12 hexadecimal digits that follow from the content alone, on every machine."""
        content = {key: value for key, value in self.to_dict().items() if key != "facts"}
        return _hash(content)

    @cached_property
    def recipe_id(self) -> str:
        """The same of the recipe."""
        return _hash(dict(self.recipe))[:8]

    def __hash__(self) -> int:
        return hash(self.id)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "spec": self.spec,
            "seed": self.seed,
            "recipe": dict(self.recipe),
            "data": self.data,
            "extra": dict(self.extra),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Trial:
        """The trial that `to_dict` wrote."""
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A trial and what came of it.

    Attributes:
        trial: What was asked.
        status: ``pending``, ``running``, ``done`` or ``failed``.
        reason: Why it failed; else empty.
        accuracy: In [0, 1], on the test images, of the weights of the best epoch.
        last_accuracy: The same of the last epoch.
        validation_accuracy: In [0, 1], of the best epoch.
        loss: Validation loss of the best epoch, in nats.
        ldi_mean: Mean singular value at initialisation, where it was measured.
        ldi_std: Their standard deviation.
        seconds: Training and measuring; of networks trained together, an equal share.
        torch: Version that trained it.
    """

    trial: Trial
    status: str
    reason: str = ""
    accuracy: float | None = None
    last_accuracy: float | None = None
    validation_accuracy: float | None = None
    loss: float | None = None
    ldi_mean: float | None = None
    ldi_std: float | None = None
    seconds: float | None = None
    torch: str | None = None

    def outcome(self) -> dict[str, object]:
        """All but the trial, JSON-ready."""
        return {name: getattr(self, name) for name in _OUTCOME}

    def to_row(self) -> dict[str, object]:
        """One row of the table: `TRIAL_COLUMNS` with their values, None where there is none."""
        trial = self.trial
        known = {
            **trial.facts,
            **trial.extra,
            **self.outcome(),
            "spec": trial.spec,
            "seed": trial.seed,
            "data": trial.data,
            "recipe": trial.recipe_id,
            "trial": trial.id,
        }
        return {name: known.get(name) for name in TRIAL_COLUMNS}


_OUTCOME = tuple(name for name in TrialResult.__slots__ if name != "trial")


def _hash(content: Mapping[str, object]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
