"""The logits and the loss of a lent model."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.errors import ProbeError

_LEAST_OUTPUTS = 2


def logits_of(model: nn.Module, images: Tensor, name: str) -> Tensor:
    """What ``model`` gives for ``images``: (N, classes).

    Raises:
        ProbeError: It cannot be run on them, or gives something else.
    """
    try:
        logits = model(images)
    except torch.OutOfMemoryError as error:
        raise ProbeError(
            f"{name} needs more memory for {len(images)} images than there is: give fewer images"
        ) from error
    except Exception as error:
        raise ProbeError(
            f"{name} cannot be run on images of shape {tuple(images.shape)} and {images.dtype}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        what = f"a {logits.dtype} tensor" if isinstance(logits, Tensor) else _described(logits)
        raise ProbeError(
            f"{name} must give one floating-point tensor of logits (N, classes), got {what}: wrap "
            "it in a module that gives the logits alone"
        )
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < _LEAST_OUTPUTS:
        raise ProbeError(
            f"{name} must give logits of shape ({len(images)}, classes), two classes at least, "
            f"got {tuple(logits.shape)}: wrap it in a module that gives those"
        )
    return logits


def loss_of(logits: Tensor, labels: Tensor, name: str) -> Tensor:
    """Cross-entropy, averaged over the images.

    Raises:
        ProbeError: A label has no logit.
    """
    highest, n_outputs = int(labels.max()), logits.shape[1]
    if highest >= n_outputs:
        raise ProbeError(
            f"labels must lie in 0 ... {n_outputs - 1}, since {name} has {n_outputs} outputs, got "
            f"{highest}: give the labels of its data set, or a network with more outputs"
        )
    return F.cross_entropy(logits, labels)


def _described(result: object) -> str:
    if isinstance(result, tuple | list):
        return f"a {type(result).__name__} of {len(result)}"
    if isinstance(result, dict):
        return f"a {type(result).__name__} with the keys {list(result)!r:.60}"
    return f"a {type(result).__name__}"
