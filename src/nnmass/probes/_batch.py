"""The images and labels that a probe is given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nnmass.errors import ProbeError

Images = Tensor | npt.NDArray[np.floating]


def checked_images(images: Images) -> Tensor:
    """``images`` as a floating-point tensor (N, ...), detached, where it is.

    Raises:
        ProbeError: It is no such tensor, is empty, or holds a number that is not finite.
    """
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(np.ascontiguousarray(images))
    if not isinstance(images, Tensor) or not images.is_floating_point():
        got = f"{images.dtype} tensor" if isinstance(images, Tensor) else type(images).__name__
        raise ProbeError(
            f"images must be a floating-point tensor of shape (N, ...), got a {got}; "
            "divide bytes by 255 and normalise them as in training"
        )
    if images.ndim < 2 or images.numel() == 0:
        raise ProbeError(
            f"images must be at least one, of shape (N, ...), got shape {tuple(images.shape)}; for "
            "a single image give images[None]"
        )
    if not bool(images.isfinite().all()):
        bad = (~images.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
        raise ProbeError(
            f"images must be finite, but {len(bad)} of {len(images)} hold NaN or infinity (the "
            f"first is number {bad[0]}): mend or leave them out"
        )
    return images.detach()


def checked_labels(labels: Tensor | npt.NDArray[np.integer], images: Tensor) -> Tensor:
    """``labels`` as int64 (N,) on the device of ``images``.

    Raises:
        ProbeError: They are no whole numbers of at least 0, one for each image.
    """
    if isinstance(labels, np.ndarray):
        labels = torch.from_numpy(np.ascontiguousarray(labels))
    is_whole = isinstance(labels, Tensor) and not (
        labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool
    )
    if not is_whole or labels.shape != images.shape[:1]:
        got = f"{labels.dtype}, {tuple(labels.shape)}" if isinstance(labels, Tensor) else labels
        raise ProbeError(
            f"labels must be whole numbers of shape ({len(images)},), one for each image, got "
            f"{got!s:.60}"
        )
    if int(labels.min()) < 0:
        raise ProbeError(f"labels must be at least 0, got {int(labels.min())}")
    return labels.detach().to(images.device, torch.int64)
