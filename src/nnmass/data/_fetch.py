"""Fetching the files of a data set: the only use of the network in this package."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO

from nnmass._version import __version__
from nnmass.data._archive import unpack
from nnmass.data._files import is_published, md5_of
from nnmass.data._folder_info import how_to_get
from nnmass.data._info import DataFile, DatasetInfo, Origin
from nnmass.data._names import FolderName, is_described, parse_name
from nnmass.data._registry import check_name, dataset_info
from nnmass.data._status import look_for
from nnmass.errors import DataError, SpecError, StoreError

_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 60
_SCHEMES = ("https://", "http://", "file://")
_PARTIAL_CONTENT, _RANGE_REFUSED = 206, 416


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """Where a fetch is.

    Attributes:
        file: The file's name.
        done_bytes: What is here.
        total_bytes: Of the whole file; None if nobody says.
    """

    file: str
    done_bytes: int
    total_bytes: int | None


Watch = Callable[[FetchProgress], None]


def fetch_dataset(
    name: str,
    data_dir: str | Path,
    *,
    url: str | None = None,
    watch: Watch | None = None,
) -> Path:
    """Fetch the files of the data set called ``name`` that are not in ``data_dir`` yet.

    A file goes to ``NAME.part`` and gets its name once its md5 sum is right. A fetch that was cut
    off goes on where it stopped, as far as the server allows. Files that are there with the right
    md5 sum are not fetched again; a file with another one is replaced.

    Args:
        name: A key of `DATASETS` that has an `Origin`.
        data_dir: The files go into its sub-folder `Origin.folder`.
        url: Another folder in the net (or ``file://``) with the same files: a mirror.
        watch: Called as bytes arrive.

    Returns:
        The folder with the files.

    Raises:
        SpecError: There is no such data set, or it cannot be fetched.
        DataError: The server cannot be reached, or what it gave has another md5 sum.
        StoreError: The files could not be written.

    Source:
        The md5 sums are those that the authors of the data sets published.
    """
    name = check_name(name)
    if is_described(name):
        described = parse_name(name)
        hint = how_to_get(described) if isinstance(described, FolderName) else "It is made on use."
        raise SpecError(f"data set {name!r} is not fetched. {hint}")
    info = dataset_info(name)
    if info.origin is None:
        raise SpecError(f"data set {name!r} is not fetched. {info.how_to_get}")
    base = (info.origin.url if url is None else url).rstrip("/") + "/"
    if not base.startswith(_SCHEMES):
        raise SpecError(f"the URL must begin with {', '.join(_SCHEMES)}, got {url!r}")
    folder = Path(data_dir) / info.origin.folder
    status = look_for(info, data_dir)
    if status.is_found and status.layout == "files" and status.folder is not None:
        folder = status.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch_all(info, info.origin, base, folder, watch or (lambda progress: None))
    except OSError as error:
        raise StoreError(
            f"cannot write into {folder}: {error.strerror or error}. What has arrived is kept; "
            "free some space or choose another folder, and fetch again"
        ) from error
    return folder


def _fetch_all(info: DatasetInfo, origin: Origin, base: str, folder: Path, watch: Watch) -> None:
    lacking = [file for file in info.files if not is_published(folder / file.name, file)]
    if not lacking:
        return
    if origin.archive is None:
        for file in lacking:
            _fetch_file(info, base, folder, file, watch)
        return
    archive = origin.archive
    if not is_published(folder / archive.name, archive):
        _fetch_file(info, base, folder, archive, watch)
    unpack(info, folder, archive, lacking)
    (folder / archive.name).unlink()


def _fetch_file(info: DatasetInfo, base: str, folder: Path, file: DataFile, watch: Watch) -> None:
    part = folder / f"{file.name}.part"
    address = base + file.name
    had = part.stat().st_size if part.is_file() else 0
    _receive(info, address, part, file, watch)
    if md5_of(part) != file.md5 and had:
        # what was there from before may have been of another file
        part.unlink()
        _receive(info, address, part, file, watch)
    found = md5_of(part)
    if found != file.md5:
        size = part.stat().st_size
        part.unlink()
        raise DataError(
            f"{info.name}: {address} gave {size:,} bytes with the md5 sum {found}, expected "
            f"{file.md5}: it is damaged or another file, and was not kept. Fetch again, or name a "
            f"mirror with --url. {info.how_to_get}"
        )
    part.replace(folder / file.name)


def _receive(info: DatasetInfo, address: str, part: Path, file: DataFile, watch: Watch) -> None:
    """Append to ``part`` what is missing, or begin it."""
    start = part.stat().st_size if part.is_file() else 0
    if file.size_bytes is not None and start == file.size_bytes:
        return
    headers = {"User-Agent": f"nnmass/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            is_rest = getattr(answer, "status", None) == _PARTIAL_CONTENT
            _copy(answer, part, start if is_rest else 0, file, watch)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _RANGE_REFUSED and start:
            part.unlink()
            _receive(info, address, part, file, watch)
            return
        raise _unreachable(info, address, f"{error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _unreachable(info, address, str(error.reason)) from error
    except (TimeoutError, ConnectionError, ssl.SSLError, HTTPException, ValueError) as error:
        raise _unreachable(info, address, str(error) or type(error).__name__) from error


def _unreachable(info: DatasetInfo, address: str, why: str) -> DataError:
    return DataError(
        f"{info.name}: cannot fetch {address}: {why}. What has arrived is kept: the same command "
        f"goes on; --url names a mirror. {info.how_to_get}"
    )


def _copy(answer: IO[bytes], part: Path, start: int, file: DataFile, watch: Watch) -> None:
    with part.open("ab" if start else "wb") as stream:
        done = start
        watch(FetchProgress(file=file.name, done_bytes=done, total_bytes=file.size_bytes))
        while chunk := answer.read(_CHUNK_BYTES):
            stream.write(chunk)
            done += len(chunk)
            watch(FetchProgress(file=file.name, done_bytes=done, total_bytes=file.size_bytes))
    if file.size_bytes is not None and done < file.size_bytes:
        raise ConnectionError(f"cut off after {done:,} of {file.size_bytes:,} bytes")
