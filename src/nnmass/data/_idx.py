"""The idx format of MNIST: a big-endian header, then bytes.

Source:
    The format's description at yann.lecun.com/exdb/mnist: magic ``0x08 << 8 | dimensions`` for
    unsigned bytes, one int32 a dimension, the values in C order.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from nnmass.data._files import damaged, read_checked
from nnmass.data._images import ImageData, Pixels
from nnmass.data._info import DataFile, DatasetInfo

_UNSIGNED_BYTES = 0x0800


def read_idx_set(info: DatasetInfo, folder: Path) -> ImageData:
    """The data set in four gzipped idx files: train images, train labels, test images and labels.

    Raises:
        DataError: A file is damaged, or is not the idx file that ``info`` describes.
    """
    train_images, train_labels, test_images, test_labels = info.files
    return ImageData(
        info=info,
        train_images=_read_images(info, folder, train_images, info.n_train),
        train_labels=_read_idx(info, folder, train_labels, (info.n_train,)).astype(np.int64),
        test_images=_read_images(info, folder, test_images, info.n_test),
        test_labels=_read_idx(info, folder, test_labels, (info.n_test,)).astype(np.int64),
    )


def _read_images(info: DatasetInfo, folder: Path, file: DataFile, count: int) -> Pixels:
    flat = _read_idx(info, folder, file, (count, *info.shape[1:]))
    # a copy, because an array on top of bytes is read-only, which torch warns of
    return flat.reshape(count, *info.shape).copy()


def _read_idx(info: DatasetInfo, folder: Path, file: DataFile, shape: tuple[int, ...]) -> Pixels:
    packed = read_checked(info, folder, file)
    path = folder / file.name
    try:
        raw = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(info, path, f"is not a whole gzip file ({error})") from None
    n_header = 4 * (1 + len(shape))
    header = tuple(np.frombuffer(raw[:n_header].ljust(n_header, b"\0"), dtype=">i4").tolist())
    expected = (_UNSIGNED_BYTES | len(shape), *shape)
    if header != expected:
        raise damaged(
            info, path, f"has the idx header {header}, expected {expected} (magic, then sizes)"
        )
    n_values = int(np.prod(shape))
    if len(raw) - n_header != n_values:
        raise damaged(info, path, f"holds {len(raw) - n_header:,} values, expected {n_values:,}")
    return np.frombuffer(raw, dtype=np.uint8, offset=n_header).reshape(shape)
