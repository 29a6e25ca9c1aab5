"""The resume point of a training: one file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from nnmass.errors import CheckpointError
from nnmass.nets import check_same_spec, load_state, read_tensors, state_of
from nnmass.runs import write_atomic
from nnmass.specs import Spec
from nnmass.train._recipe import Recipe

LAST_FILE = "last.safetensors"
CHECKPOINT_SCHEMA = "nnmass.checkpoint/1"

Point = dict[str, float]


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a training is: what a resume needs besides the network and the optimiser.

    Attributes:
        curve: One point for each finished epoch.
        best: State dict of the best epoch: the highest validation accuracy, and among equals the
            lowest validation loss.
        best_epoch: That epoch, from 1.
        seconds: Time spent so far.
        objective: What the objective remembers, JSON values.
    """

    curve: list[Point]
    best: dict[str, Tensor]
    best_epoch: int | None = None
    seconds: float = 0.0
    objective: dict[str, object] = field(default_factory=dict)

    @property
    def epochs_done(self) -> int:
        """Finished epochs."""
        return len(self.curve)

    @property
    def best_point(self) -> Point | None:
        """The best epoch's point of the curve."""
        return self.curve[self.best_epoch - 1] if self.best_epoch else None

    def add(self, point: Point) -> bool:
        """Add an epoch to the curve; True if it is the best one so far."""
        best = self.best_point
        self.curve.append(point)
        # On a small validation set many epochs share one accuracy; the loss tells them apart.
        is_best = best is None or _rank(point) > _rank(best)
        if is_best:
            self.best_epoch = len(self.curve)
        return is_best


def _rank(point: Point) -> tuple[float, float]:
    return point["validation_accuracy"], -point["validation_loss"]


def write_checkpoint(
    folder: Path,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    *,
    spec: Spec | None,
    progress: Progress,
    terms: Mapping[str, object],
) -> None:
    """Write the resume point.

    Args:
        folder: Of the run.
        net: As after the last finished epoch.
        optimiser: The same.
        spec: What the network was built from, if it was.
        progress: The same.
        terms: What a resume must agree on (spec, recipe, data, seed), JSON values.

    Raises:
        StoreError: It could not be written; the one before is untouched.
    """
    tensors = {f"net.{key}": value for key, value in state_of(net).items()}
    tensors |= {f"best.{key}": value for key, value in progress.best.items()}
    for index, state in optimiser.state_dict()["state"].items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{index}.{key}"] = value.detach().cpu().contiguous()
    metadata = {
        "schema": CHECKPOINT_SCHEMA,
        **({"spec": json.dumps(spec.to_dict())} if spec else {}),
        "terms": json.dumps(terms),
        "curve": json.dumps(progress.curve),
        "best_epoch": json.dumps(progress.best_epoch),
        "seconds": json.dumps(progress.seconds),
        "objective": json.dumps(progress.objective),
    }
    # The best weights are often the last ones, and a network may be laid out with its channels
    # last: safetensors refuses shared storage and other layouts.
    copies = {
        key: value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()
    }
    write_atomic(folder / LAST_FILE, to_bytes(copies, metadata))


def read_checkpoint(
    folder: Path,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    *,
    spec: Spec | None,
    terms: Mapping[str, object],
) -> Progress:
    """Put ``net`` and ``optimiser`` where the checkpoint left them.

    Raises:
        CheckpointError: The file is damaged, of another spec, or of a run on other terms.
    """
    file = folder / LAST_FILE
    tensors, metadata = read_tensors(file, schema=CHECKPOINT_SCHEMA)
    check_terms(json.loads(metadata["terms"]), terms, where=file)
    if spec is not None:
        check_same_spec(spec, metadata, where=file)
    load_state(net, _part(tensors, "net."), where=file)
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in _part(tensors, "optimiser.").items():
        index, _, name = key.partition(".")
        states.setdefault(int(index), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": states, "param_groups": groups})
    return Progress(
        curve=json.loads(metadata["curve"]),
        best=_part(tensors, "best."),
        best_epoch=json.loads(metadata["best_epoch"]),
        seconds=json.loads(metadata["seconds"]),
        objective=json.loads(metadata.get("objective", "{}")),
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)}


def check_terms(saved: Mapping[str, object], asked: Mapping[str, object], *, where: Path) -> None:
    """Check that a run goes on with what it began with.

    Raises:
        CheckpointError: It would not; the message names every difference.
    """
    # a field of the recipe that is newer than the run had its default then
    defaults = {f"recipe.{key}": value for key, value in Recipe().to_dict().items()}
    was, now = _flat(saved), _flat(asked)
    was = {key: value for key, value in defaults.items() if key in now} | was
    differences = [
        f"{key} was {was.get(key)!r} and is now {now.get(key)!r}"
        for key in dict.fromkeys([*was, *now])
        if was.get(key) != now.get(key)
    ]
    if differences:
        raise CheckpointError(
            f"{where} cannot be continued on other terms: {'; '.join(differences)}. Give the same "
            "ones, or start afresh in another folder"
        )


def _flat(terms: Mapping[str, object]) -> dict[str, object]:
    """``{"recipe": {"lr": 1}}`` as ``{"recipe.lr": 1}``."""
    flat: dict[str, object] = {}
    for key, value in terms.items():
        inner = value if isinstance(value, Mapping) else None
        flat |= {key: value} if inner is None else {f"{key}.{k}": v for k, v in inner.items()}
    return flat


def has_checkpoint(folder: Path) -> bool:
    """A resume point is there."""
    return (folder / LAST_FILE).is_file()
