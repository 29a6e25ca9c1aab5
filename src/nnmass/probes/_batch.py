"""The images and labels that a probe is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nnmass.errors import ProbeError

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

Images = Tensor | npt.NDArray[np.floating]


def checked_images(images: Images) -> Tensor:
    """``images`` as a floating-point tensor (N, ...), detached, where it is.

    Double precision is numpy's default and says nothing about the network: arrays of it become
    torch's default type.

    Raises:
        ProbeError: It is no such tensor, is empty, or holds a number that is not finite.
    """
    images = _floats_of(images) if isinstance(images, np.ndarray) else images
    if not isinstance(images, Tensor) or images.dtype not in _FLOATS:
        got = type(images).__name__
        if isinstance(images, Tensor | np.ndarray):
            got = f"{images.dtype} {'tensor' if isinstance(images, Tensor) else 'array'}"
        raise ProbeError(
            "images must be a floating-point tensor of shape (N, ...), of 16, 32 or 64 bits, got "
            f"a {got}; divide bytes by 255 and normalise them as in training"
        )
    if images.is_meta or images.layout is not torch.strided:
        got = "one on the meta device" if images.is_meta else f"one of layout {images.layout}"
        raise ProbeError(f"images must be a dense tensor with values, got {got}")
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
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
        labels = torch.from_numpy(labels.astype(np.int64))  # a copy, in the machine's byte order
    is_whole = isinstance(labels, Tensor) and not (
        labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool
    )
    if not isinstance(labels, Tensor) or not is_whole or labels.shape != images.shape[:1]:
        is_typed = isinstance(labels, Tensor | np.ndarray)
        got = f"{labels.dtype}, {tuple(labels.shape)}" if is_typed else labels
        raise ProbeError(
            f"labels must be whole numbers of shape ({len(images)},), one for each image, got "
            f"{got!s:.60}"
        )
    labels = labels.detach().to(images.device, torch.int64)
    if int(labels.min()) < 0:
        raise ProbeError(f"labels must be at least 0, got {int(labels.min())}")
    return labels


def _floats_of(array: npt.NDArray[Any]) -> Tensor | npt.NDArray[Any]:
    """A tensor with a copy of ``array``; itself where it holds no floating-point numbers."""
    if array.dtype.kind != "f":
        return array
    is_short = array.dtype.itemsize < 8
    tensor = torch.from_numpy(array.astype(array.dtype.newbyteorder("=") if is_short else float))
    return tensor if is_short else tensor.to(torch.get_default_dtype())
