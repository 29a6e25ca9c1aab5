"""SVHN's files: MATLAB 5 MAT files, of which only arrays of unsigned bytes are read.

Source:
    MathWorks, "MAT-File Format" (level 5): a header of 128 bytes, then elements of a type, a size
    and a padded content; an array is an element of elements (flags, sizes, name, values); values
    are in Fortran order; a compressed element holds one element, packed by zlib.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nnmass.data._files import damaged, read_checked
from nnmass.data._images import ImageData, Indices, Pixels
from nnmass.data._info import DataFile, DatasetInfo

_INT8, _UINT8, _INT32, _MATRIX, _COMPRESSED = 1, 2, 5, 14, 15
_HEADER_BYTES = 128


def read_mat_set(info: DatasetInfo, folder: Path) -> ImageData:
    """The data set in two files with ``X``, uint8 (H, W, C, N), and ``y``, (N, 1) in 1 .. classes.

    The class 10 of the files, the digit 0, gets the label 0.

    Raises:
        DataError: A file is damaged or holds other arrays.
    """
    train, test = (_read_part(info, folder, file) for file in info.files)
    return ImageData(
        info=info,
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
    )


def _read_part(info: DatasetInfo, folder: Path, file: DataFile) -> tuple[Pixels, Indices]:
    content = read_checked(info, folder, file)
    path = folder / file.name
    try:
        arrays = _read_arrays(content)
    except (struct.error, zlib.error, ValueError) as error:
        raise damaged(info, path, f"is not a whole MAT file of version 5 ({error})") from None
    count = info.n_train if file is info.files[0] else info.n_test
    channels, height, width = info.shape
    pixels, classes = arrays.get("X"), arrays.get("y")
    shape = (height, width, channels, count)
    if pixels is None or pixels.shape != shape:
        found = None if pixels is None else pixels.shape
        raise damaged(info, path, f"has an X of shape {found}, expected {shape}")
    if classes is None or classes.size != count:
        found = None if classes is None else classes.shape
        raise damaged(info, path, f"has a y of shape {found}, expected {(count, 1)}")
    labels = classes.reshape(-1).astype(np.int64)
    labels[labels == len(info.classes)] = 0
    return np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)), labels


def _read_arrays(content: bytes) -> dict[str, Pixels]:
    if content[126:128] != b"IM":  # MI, as a little-endian machine writes it
        raise ValueError("no little-endian header")
    arrays = {}
    for kind, element in _elements(memoryview(content)[_HEADER_BYTES:]):
        unpacked = [(kind, element)]
        if kind == _COMPRESSED:
            unpacked = list(_elements(memoryview(zlib.decompress(element))))
        for inner, body in unpacked:
            if inner == _MATRIX:
                name, values = _matrix(body)
                arrays[name] = values
    return arrays


def _elements(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The type and the content of each element."""
    at = 0
    while at + 8 <= len(content):
        kind, size = struct.unpack_from("<II", content, at)
        if kind >> 16:  # a small element: size, type and up to 4 bytes of content in 8
            yield kind & 0xFFFF, content[at + 4 : at + 4 + (kind >> 16)]
            at += 8
            continue
        if at + 8 + size > len(content):
            raise ValueError(f"an element of {size:,} bytes is cut off")
        yield kind, content[at + 8 : at + 8 + size]
        # a compressed element is not padded
        at += 8 + (size if kind == _COMPRESSED else -(-size // 8) * 8)


def _matrix(body: memoryview) -> tuple[str, Pixels]:
    _, sizes, name, values = list(_elements(body))[:4]
    if sizes[0] != _INT32 or name[0] not in (_INT8, _UINT8) or values[0] != _UINT8:
        raise ValueError(f"an array of the types {sizes[0]}, {name[0]}, {values[0]}")
    shape = np.frombuffer(sizes[1], dtype="<i4")
    array = np.frombuffer(values[1], dtype=np.uint8)
    return bytes(name[1]).decode("latin-1"), array.reshape(tuple(shape.tolist()), order="F")
