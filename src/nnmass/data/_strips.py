"""CIFAR-10 as strips of lossless WebP: 500 images one below the other, in the official order."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from nnmass.data._images import ImageData, Indices, Pixels
from nnmass.data._info import DatasetInfo
from nnmass.data._pillow import decode_strip, import_pillow
from nnmass.data._status import STRIP_LABELS
from nnmass.errors import DataError

_TRAIN_FOLDERS = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST_FOLDERS = ("test_batch",)


def read_strips(info: DatasetInfo, folder: Path) -> ImageData:
    """The data set in strips, equal to the official files byte by byte.

    Raises:
        DataError: A strip is missing or damaged, or the pixels are not those of the data set.
        MissingExtraError: pillow is not installed.
    """
    import_pillow()
    train_labels, test_labels = _read_labels(info, folder)
    train = _read_pixels(info, folder, _TRAIN_FOLDERS, info.n_train, info.strips[0])
    test = _read_pixels(info, folder, _TEST_FOLDERS, info.n_test, info.strips[1])
    return ImageData(
        info=info,
        train_images=train,
        train_labels=train_labels,
        test_images=test,
        test_labels=test_labels,
    )


def _read_labels(info: DatasetInfo, folder: Path) -> tuple[Indices, Indices]:
    path = folder / STRIP_LABELS
    try:
        with np.load(path, allow_pickle=False) as stored:
            train, test = (stored[part].astype(np.int64) for part in ("train", "test"))
    except Exception as error:  # a damaged zip can raise anything
        raise DataError(f"{info.name}: cannot read {path}: {error}. Get it again") from error
    return train, test


def _read_pixels(
    info: DatasetInfo, folder: Path, batches: tuple[str, ...], count: int, sha256: str
) -> Pixels:
    channels, height, width = info.shape
    files = [file for name in batches for file in sorted((folder / name).glob("strip_*.webp"))]
    pixels = np.empty((count, height, width, channels), dtype=np.uint8)
    start = 0
    for file in files:
        strip = decode_strip(info, file, width)
        images = strip.reshape(-1, height, width, channels)
        pixels[start : start + len(images)] = images[: max(0, count - start)]
        start += len(images)
    if start != count:
        names = ", ".join(batches)
        raise DataError(
            f"{info.name}: the {len(files)} strips in {folder} ({names}) hold {start:,} images, "
            f"expected {count:,}: strips are missing. Get the folder again"
        )
    if hashlib.sha256(pixels.data).hexdigest() != sha256:
        raise DataError(
            f"{info.name}: the strips in {folder} ({', '.join(batches)}) do not hold the official "
            f"pixels (sha256 {sha256[:12]}..). Get the folder again. {info.how_to_get}"
        )
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
