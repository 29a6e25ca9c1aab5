"""Labelled images in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.data._info import DatasetInfo
from nnmass.errors import DataError

Indices = npt.NDArray[np.int64]
"""Positions in an array, ascending, shape (n,); also labels, in any order."""

Pixels = npt.NDArray[np.uint8]
"""Images, shape (N, C, H, W), or the bytes that they are made of."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageData:
    """The training and the test images of a data set, or of a part of it.

    Attributes:
        info: The whole data set; its ``n_train``, ``n_test``, ``mean`` and ``std`` stay those of
            the whole, whatever part the arrays hold.
        train_images: uint8, shape (N, C, H, W), C-contiguous, values 0 .. ``info.scale``.
        train_labels: int64, shape (N,), positions in ``info.classes``.
        test_images: As ``train_images``.
        test_labels: As ``train_labels``.

    Raises:
        DataError: An array has another type, shape or range, or a part has no images.
    """

    info: DatasetInfo
    train_images: Pixels
    train_labels: Indices
    test_images: Pixels
    test_labels: Indices

    def __post_init__(self) -> None:
        """Check both parts."""
        _check_part(self.info, "train", self.train_images, self.train_labels)
        _check_part(self.info, "test", self.test_images, self.test_labels)


def _check_part(info: DatasetInfo, part: str, images: Pixels, labels: Indices) -> None:
    where = f"{info.name}: {part} images"
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != info.shape:
        wanted = ", ".join(map(str, info.shape))
        raise DataError(
            f"{where} must be uint8 of shape (N, {wanted}), got {images.dtype} of {images.shape}"
        )
    if len(images) == 0 or not images.flags.c_contiguous:
        raise DataError(f"{where} must be at least one and C-contiguous, got shape {images.shape}")
    if int(images.max()) > info.scale:
        raise DataError(f"{where} must lie in 0 .. {info.scale}, got {images.max()}")
    where = f"{info.name}: {part} labels"
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise DataError(
            f"{where} must be int64 of shape ({len(images)},), got {labels.dtype} of {labels.shape}"
        )
    low, high, last = int(labels.min()), int(labels.max()), len(info.classes) - 1
    if low < 0 or high > last:
        raise DataError(f"{where} must lie in 0 .. {last}, got {low if low < 0 else high}")
