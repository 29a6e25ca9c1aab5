"""CIFAR's official batches: Python 2 pickles, read by an unpickler that can build arrays only."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnmass.data._files import damaged, read_checked
from nnmass.data._images import ImageData, Indices, Pixels
from nnmass.data._info import DataFile, DatasetInfo
from nnmass.errors import DataError

_ALLOWED: Mapping[tuple[str, str], Any] = {
    # taken from an array, since its module's name differs between numpy 1 and 2
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
"""The three names that the official files ask for, and what they get."""


class _RefusedGlobalError(Exception):
    pass


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that hands out nothing but what numpy arrays are rebuilt with."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """The object of that name, if it is one of the three."""
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise _RefusedGlobalError(f"{module_name}.{global_name}") from None


def read_cifar_set(info: DatasetInfo, folder: Path) -> ImageData:
    """The data set in pickled batches: any number for training, one test batch, the class names.

    Raises:
        DataError: A file is damaged, asks for a name that no official file asks for, or does not
            hold the images, labels and class names that ``info`` describes.
    """
    *train, test, meta = info.files
    _check_names(info, folder, meta)
    train_images, train_labels = _read_batches(info, folder, train, info.n_train)
    test_images, test_labels = _read_batches(info, folder, [test], info.n_test)
    return ImageData(
        info=info,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )


def _key(info: DatasetInfo, key: bytes) -> bytes:
    """CIFAR-100 has fine labels, which are taken, and coarse ones."""
    return b"fine_" + key if info.name == "cifar100" else key


def _unpickle(info: DatasetInfo, folder: Path, file: DataFile) -> Mapping[bytes, Any]:
    content = read_checked(info, folder, file)
    path = folder / file.name
    try:
        # "bytes": Python 2 strings stay bytes, so no 30 MB are decoded and encoded again
        loaded = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except _RefusedGlobalError as error:
        raise DataError(
            f"{info.name}: {path} is refused: its pickle asks for {error}, which no official file "
            "does and which could run code. Delete the file and do not open it with pickle. "
            f"{info.how_to_get}"
        ) from None
    except Exception as error:  # a damaged pickle can raise anything
        raise damaged(info, path, f"is not a whole pickle ({error})") from None
    if not isinstance(loaded, dict):
        raise damaged(info, path, f"holds a {type(loaded).__name__}, expected a dict")
    return loaded


def _check_names(info: DatasetInfo, folder: Path, file: DataFile) -> None:
    names = _unpickle(info, folder, file)
    key = _key(info, b"label_names")
    found, expected = names.get(key), [name.encode() for name in info.classes]
    if found != expected:
        raise damaged(
            info, folder / file.name, f"has the {key.decode()} {found!r}, expected {expected!r}"
        )


def _read_batches(
    info: DatasetInfo, folder: Path, files: list[DataFile], count: int
) -> tuple[Pixels, Indices]:
    images = np.empty((count, *info.shape), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    flat = images.reshape(count, -1)
    start = 0
    for file in files:
        batch = _unpickle(info, folder, file)
        pixels, classes = _check_batch(info, folder / file.name, batch)
        stop = start + len(pixels)
        if stop <= count:
            flat[start:stop], labels[start:stop] = pixels, classes
        start = stop
    if start != count:
        names = ", ".join(file.name for file in files)
        raise DataError(f"{info.name}: {names} hold {start:,} images, expected {count:,}")
    return images, labels


def _check_batch(
    info: DatasetInfo, path: Path, batch: Mapping[bytes, Any]
) -> tuple[Pixels, list[int]]:
    pixels, labels = batch.get(b"data"), batch.get(_key(info, b"labels"))
    row = int(np.prod(info.shape))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (row,):
        raise damaged(info, path, f"has no uint8 array 'data' of shape (n, {row})")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise damaged(
            info, path, f"has no list of whole numbers '{_key(info, b'labels').decode()}'"
        )
    if len(labels) != len(pixels):
        raise damaged(info, path, f"has {len(labels)} labels for {len(pixels)} images")
    if labels and not 0 <= min(labels) <= max(labels) < len(info.classes):
        last = len(info.classes) - 1
        raise damaged(
            info, path, f"has labels from {min(labels)} to {max(labels)}, expected 0 to {last}"
        )
    return pixels, labels
