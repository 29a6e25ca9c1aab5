"""The votes of all images, kept once: every certificate is integer work on them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass.audit._patch._ablation import Ablation, Flags
from nnmass.audit._patch._threshold import TOP_ONE, checked_threshold
from nnmass.errors import CheckpointError, DataError
from nnmass.runs import write_atomic

VOTES_SCHEMA = "nnmass.votes/1"

Counts = npt.NDArray[np.int64]
"""Whole numbers; their shape stands where they are used."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoteTable:
    """The softmax of every copy of every image.

    Attributes:
        probabilities: float32 (B, n, K): images, copies, classes.
        labels: int64 (B,), in 0 .. K - 1.
        ablation: Which copies they are.
        network: Name of the network.
        fingerprint: sha256 of its weights and of what normalises its inputs.
        forward_copies: Copies that were run through it.
        seconds: That it took.
        notes: What a reader must know, such as votes that hang on the batch.

    Raises:
        DataError: The arrays do not fit each other, or a probability is not a number.
    """

    probabilities: npt.NDArray[np.float32]
    labels: Counts
    ablation: Ablation
    network: str
    fingerprint: str
    forward_copies: int
    seconds: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the arrays."""
        _check(self)

    def __len__(self) -> int:
        return len(self.labels)

    def votes(self, threshold: float | str) -> Flags:
        """Votes, booleans (B, n, K), of this threshold in (0, 1] or of the rule ``top-one``.

        Raises:
            SpecError: The threshold is neither.
        """
        return votes_of(self.probabilities, threshold)

    def possible_votes(self, threshold: float | str, tolerance: float) -> tuple[Flags, Flags]:
        """Votes that are sure and votes that are possible if probabilities err by ``tolerance``.

        Under ``top-one`` a class can win if it is within twice the tolerance of the largest.

        Args:
            threshold: Of the votes, or ``top-one``.
            tolerance: Of a probability, at least 0.
        """
        p = self.probabilities.astype(np.float64)
        if tolerance == 0:
            plain = self.votes(threshold)
            return plain, plain
        if threshold == TOP_ONE:
            near = p >= p.max(-1, keepdims=True) - 2 * tolerance
            return self.votes(threshold) & (near.sum(-1, keepdims=True) == 1), near
        level = float(np.float32(checked_threshold(threshold)))
        return p > level + tolerance, p >= level - tolerance

    def part(self, rows: slice) -> VoteTable:
        """The table of some of the images."""
        return VoteTable(
            probabilities=self.probabilities[rows],
            labels=self.labels[rows],
            ablation=self.ablation,
            network=self.network,
            fingerprint=self.fingerprint,
            forward_copies=self.forward_copies,
            seconds=self.seconds,
            notes=self.notes,
        )

    @property
    def digest(self) -> str:
        """sha256 of the votes, the labels, the ablation and the network."""
        told = json.dumps([self.ablation.to_dict(), self.fingerprint, self.probabilities.shape])
        digest = hashlib.sha256(told.encode())
        digest.update(np.ascontiguousarray(self.probabilities).tobytes())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        return digest.hexdigest()


def votes_of(probabilities: npt.NDArray[np.float32], threshold: float | str) -> Flags:
    """Votes, booleans (.., n, K), of probabilities of the same shape.

    Raises:
        SpecError: The threshold is out of range.
    """
    level = checked_threshold(threshold)
    if isinstance(level, str):
        first = probabilities.argmax(-1)
        return np.arange(probabilities.shape[-1]) == first[..., None]
    return probabilities >= np.float32(level)


def _check(table: VoteTable) -> None:
    p, labels = table.probabilities, table.labels
    if p.dtype != np.float32 or p.ndim != 3 or p.shape[1] != table.ablation.n or not len(p):
        raise DataError(
            f"probabilities must be float32 (images, {table.ablation.n}, classes) for "
            f"{table.ablation}, got {p.dtype} of {p.shape}"
        )
    if p.shape[2] < 2:
        raise DataError(f"a vote needs at least 2 classes, got {p.shape[2]}")
    if not np.isfinite(p).all():
        image, copy, _ = (int(place) for place in np.argwhere(~np.isfinite(p))[0])
        raise DataError(
            f"{table.network} gave no number for copy {copy} of image {image}: a network with NaN "
            "or infinite outputs cannot be certified"
        )
    if labels.dtype != np.int64 or labels.shape != (len(p),):
        raise DataError(f"labels must be int64 ({len(p)},), got {labels.dtype} of {labels.shape}")
    if labels.min() < 0 or labels.max() >= p.shape[2]:
        raise DataError(
            f"labels must lie in 0 .. {p.shape[2] - 1}, the classes of {table.network}, got "
            f"{labels.min()} .. {labels.max()}"
        )


def save_votes(table: VoteTable, path: str | Path) -> Path:
    """Write ``table`` to one safetensors file, whole or not at all.

    Args:
        table: From `collect_votes`.
        path: The file.

    Returns:
        The file.

    Raises:
        StoreError: It cannot be written.
    """
    from safetensors.numpy import save

    told = {
        "ablation": table.ablation.to_dict(),
        "network": table.network,
        "fingerprint": table.fingerprint,
        "forward_copies": table.forward_copies,
        "seconds": table.seconds,
        "notes": list(table.notes),
    }
    arrays: dict[str, npt.NDArray[Any]] = {
        "probabilities": np.ascontiguousarray(table.probabilities),
        "labels": np.ascontiguousarray(table.labels),
    }
    write_atomic(path, save(arrays, {"schema": VOTES_SCHEMA, "table": json.dumps(told)}))
    return Path(path)


def read_votes(path: str | Path) -> VoteTable:
    """Read what `save_votes` wrote.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("schema") != VOTES_SCHEMA:
                raise CheckpointError(
                    f"{path} is no vote table: its schema is {metadata.get('schema')!r}, not "
                    f"{VOTES_SCHEMA!r}"
                )
            told = json.loads(metadata["table"])
            arrays = {name: file.get_tensor(name) for name in ("probabilities", "labels")}
        ablation = Ablation(**{**told.pop("ablation")})
        notes = tuple(told.pop("notes"))
        return VoteTable(**arrays, ablation=ablation, notes=notes, **told)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path} cannot be read as a vote table: {error}; collect the votes again"
        ) from error
