"""Reading the files of a data set, each checked against its md5 sum before anything decodes it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nnmass.data._info import DataFile, DatasetInfo
from nnmass.errors import DataError


def damaged(info: DatasetInfo, path: Path, fault: str) -> DataError:
    """The error for a file that is there and is not what it should be."""
    return DataError(f"{info.name}: {path} {fault}. Delete it and get it again. {info.how_to_get}")


def read_checked(info: DatasetInfo, folder: Path, file: DataFile) -> bytes:
    """The content of ``file`` in ``folder``, which is what its authors published.

    Raises:
        DataError: The file cannot be read, or its size or md5 sum is another.
    """
    path = folder / file.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{info.name}: cannot read {path}: {error.strerror}. {info.how_to_get}"
        ) from error
    if file.size_bytes not in (None, len(content)):
        raise damaged(
            info, path, f"has {len(content):,} bytes, expected {file.size_bytes:,} (md5 {file.md5})"
        )
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != file.md5:
        raise damaged(
            info,
            path,
            f"has the md5 sum {found}, expected {file.md5}{_size(file)}: it is damaged or another "
            "version",
        )
    return content


def _size(file: DataFile) -> str:
    return "" if file.size_bytes is None else f" ({file.size_bytes:,} bytes)"


def md5_of(path: Path) -> str:
    """The md5 sum of a file, which is not read into memory at once.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def is_published(path: Path, file: DataFile) -> bool:
    """``path`` is there and is what its authors published."""
    if not path.is_file() or file.size_bytes not in (None, path.stat().st_size):
        return False
    return md5_of(path) == file.md5
