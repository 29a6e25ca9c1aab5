"""Labelled images, or points with features, in memory."""

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

Inputs = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
"""What networks are given: images as `Pixels`, or features, float32 of shape (N, F)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageData:
    """The training and the test images of a data set, or of a part of it.

    Points with features take the same place: where ``info.shape`` is a single number F, the
    "images" are float32 of shape (N, F). All that works on rows and labels takes both; a consumer
    that needs pixels looks at ``info.shape``.

    Attributes:
        info: The whole data set; its ``n_train``, ``n_test``, ``mean`` and ``std`` stay those of
            the whole, whatever part the arrays hold.
        train_images: uint8, shape (N, C, H, W), C-contiguous, values 0 .. ``info.scale``; or
            float32, shape (N, F), finite. A large set may lie on the disk, as a read-only
            `numpy.memmap`.
        train_labels: int64, shape (N,), positions in ``info.classes``.
        test_images: As ``train_images``.
        test_labels: As ``train_labels``.

    Raises:
        DataError: An array has another type, shape or range, or a part has no images.
    """

    info: DatasetInfo
    train_images: Inputs
    train_labels: Indices
    test_images: Inputs
    test_labels: Indices

    def __post_init__(self) -> None:
        """Check both parts."""
        _check_part(self.info, "train", self.train_images, self.train_labels)
        _check_part(self.info, "test", self.test_images, self.test_labels)


def _check_part(info: DatasetInfo, part: str, images: Inputs, labels: Indices) -> None:
    _check_inputs(info, f"{info.name}: {part} images", images)
    where = f"{info.name}: {part} labels"
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise DataError(
            f"{where} must be int64 of shape ({len(images)},), got {labels.dtype} of {labels.shape}"
        )
    low, high, last = int(labels.min()), int(labels.max()), len(info.classes) - 1
    if low < 0 or high > last:
        raise DataError(f"{where} must lie in 0 .. {last}, got {low if low < 0 else high}")


def _check_inputs(info: DatasetInfo, where: str, images: Inputs) -> None:
    kind = "float32" if info.has_features else "uint8"
    n_dimensions = 1 + len(info.shape)
    if images.dtype != kind or images.ndim != n_dimensions or images.shape[1:] != info.shape:
        wanted = ", ".join(map(str, info.shape))
        raise DataError(
            f"{where} must be {kind} of shape (N, {wanted}), got {images.dtype} of {images.shape}"
        )
    if len(images) == 0 or not images.flags.c_contiguous:
        raise DataError(f"{where} must be at least one and C-contiguous, got shape {images.shape}")
    if info.has_features:
        if not np.isfinite(images).all():
            raise DataError(f"{where} must be finite numbers")
    # no byte is above 255, and what lies on the disk is not read for nothing
    elif info.scale < 255 and int(images.max()) > info.scale:
        raise DataError(f"{where} must lie in 0 .. {info.scale}, got {images.max()}")
