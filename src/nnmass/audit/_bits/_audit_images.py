"""Images that a search may look at, and others that it is judged on."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from nnmass.audit._images import checked_images
from nnmass.errors import DataError, SpecError
from nnmass.nets import generator_for

Images = tuple[object, object]
"""Pixels in [0, 1] or uint8, (B, C, H, W), and as many labels."""


def checked_pair(audit: Images, evaluation: Images) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Both sets, checked, with no image in common.

    Raises:
        DataError: They are no images, of two shapes, or share some; the message names the first.
    """
    for value, name in ((audit, "audit"), (evaluation, "evaluation")):
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise DataError(f"{name} must be (images, labels), got {type(value).__name__}")
    x, y = checked_images(*audit, name="audit images")
    u, v = checked_images(*evaluation, name="evaluation images")
    if x.shape[1:] != u.shape[1:]:
        raise DataError(
            f"audit images are {tuple(x.shape[1:])}, evaluation images {tuple(u.shape[1:])}: give "
            "both from one source"
        )
    first = {digest: index for index, digest in reversed(list(enumerate(_digests(x))))}
    shared = [(first[d], index) for index, d in enumerate(_digests(u)) if d in first]
    if shared:
        raise DataError(
            f"{len(shared)} evaluation images are audit images too, first evaluation image "
            f"{shared[0][1]} (audit image {shared[0][0]}): what a search has seen cannot judge it; "
            "take them from different parts of the data"
        )
    return x, y, u, v


def _digests(images: Tensor) -> list[bytes]:
    return [hashlib.sha256(image.numpy().tobytes()).digest() for image in images.contiguous()]


def drawn(images: Tensor, labels: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """``n`` of the images, without repetition; all if there are no more."""
    order = torch.randperm(len(images), generator=generator_for(seed, "audit images"))[:n]
    return images[order], labels[order]


def check_labels(labels: Tensor, n_classes: int, *, name: str) -> None:
    """Every label is a class of the model.

    Raises:
        DataError: One is not.
    """
    if int(labels.max()) >= n_classes:
        raise DataError(
            f"labels of the {name} go up to {int(labels.max())}, but the model has classes 0 .. "
            f"{n_classes - 1}"
        )


def checked_targets(targets: object, n_classes: int) -> tuple[int, ...]:
    """Classes to audit, all of them for ``None``.

    Raises:
        SpecError: One is no class of the model.
    """
    if targets is None:
        return tuple(range(n_classes))
    if not isinstance(targets, tuple | list | range) or not targets:
        raise SpecError(f"targets must be a list of classes, got {targets!r}")
    for target in targets:
        if isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < n_classes:
            raise SpecError(f"targets must be classes in 0 .. {n_classes - 1}, got {target!r}")
    return tuple(dict.fromkeys(targets))
