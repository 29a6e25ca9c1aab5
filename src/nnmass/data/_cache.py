"""Decoded images kept on the disk, so that the second load of a folder opens two files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from nnmass.data._decode import BrokenImage, Tell, decode_blocks, report_broken
from nnmass.data._folder_info import FolderListing, ImageFile, folder_info
from nnmass.data._images import ImageData, Indices, Pixels
from nnmass.errors import DataError, StoreError

CACHE_VARIABLE = "NNMASS_CACHE"

_VERSION = 1
_PARTS = ("train", "test")
_STALE_S = 24 * 3600
_DONE = "done.json"
"""Written last; a folder without it is no cache."""


def cache_folder() -> Path:
    """Where verbs and studies keep decoded images: ``NNMASS_CACHE``, or the user's own caches.

    Returns:
        A folder that need not be there yet: ``$NNMASS_CACHE``, else ``nnmass`` in
        ``$XDG_CACHE_HOME``, else in ``~/.cache``.
    """
    variable = os.environ.get(CACHE_VARIABLE, "")
    if variable:
        return Path(variable)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "nnmass"


def load_folder(listing: FolderListing, cache_dir: str | Path | None, tell: Tell) -> ImageData:
    """The decoded images of a folder, from the cache where it has them.

    Args:
        listing: What lies in the folder.
        cache_dir: Where decoded images are kept, one sub-folder for each content and size; None
            decodes into memory and keeps nothing.
        tell: Told what goes on.

    Raises:
        DataError: Images are broken and the name does not say to skip them.
        StoreError: The cache could not be written.
        MissingExtraError: pillow is not installed.
    """
    if cache_dir is None:
        return _decode_to_memory(listing, tell)
    folder = Path(cache_dir) / f"{listing.name.kind}-{_key(listing)}"
    if not (folder / _DONE).is_file():
        tell(f"decoding {len(listing.train) + len(listing.test):,} images into {folder}")
        try:
            _fill(listing, folder, tell)
        except OSError as error:
            raise StoreError(
                f"cannot write the cache {folder}: {error.strerror or error}. Free some space, or "
                "choose another folder with cache_dir= or NNMASS_CACHE"
            ) from error
    return _open(listing, folder)


def _key(listing: FolderListing) -> str:
    """Changes with the size of the images and whenever a file comes, goes or changes."""
    digest = hashlib.sha256(f"{_VERSION}:{listing.name.size}:{listing.name.broken}".encode())
    for files in (listing.train, listing.test):
        for file in files:
            path = os.path.relpath(file.path, listing.root)
            fields = (path, file.label, file.size_bytes, file.modified_ns)
            digest.update(repr(fields).encode(errors="surrogateescape"))
        digest.update(b"|")
    return digest.hexdigest()[:20]


def _decode_to_memory(listing: FolderListing, tell: Tell) -> ImageData:
    broken: list[BrokenImage] = []
    arrays = []
    for files in (listing.train, listing.test):
        blocks = list(decode_blocks(files, listing.name.size, broken=broken, tell=tell))
        arrays.append(blocks)
    report_broken(listing, broken, tell)
    parts = [_joined(listing, blocks) for blocks in arrays]
    return _data(listing, *parts)


def _joined(listing: FolderListing, blocks: list[tuple[Pixels, Indices]]) -> tuple[Pixels, Indices]:
    if not blocks:
        raise _nothing_left(listing)
    images, labels = zip(*blocks, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _nothing_left(listing: FolderListing) -> DataError:
    return DataError(
        f"{listing.name}: no image of the training or of the validation part in {listing.root} can "
        "be decoded, so that nothing is left. Put whole files in their place"
    )


def _data(
    listing: FolderListing, train: tuple[Pixels, Indices], test: tuple[Pixels, Indices]
) -> ImageData:
    return ImageData(
        info=folder_info(listing, n_train=len(train[1]), n_test=len(test[1])),
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
    )


def _fill(listing: FolderListing, folder: Path, tell: Tell) -> None:
    """Decode into a folder beside ``folder``, and put it in its place in one step."""
    temporary = folder.parent / f".{folder.name}.{secrets.token_hex(6)}"
    temporary.mkdir(parents=True)
    _remove_stale(folder.parent)
    try:
        broken: list[BrokenImage] = []
        counts = []
        for part, files in zip(_PARTS, (listing.train, listing.test), strict=True):
            blocks = decode_blocks(files, listing.name.size, broken=broken, tell=tell)
            labels = _write_images(temporary / f"{part}.npy", blocks, files, listing.name.size)
            np.save(temporary / f"{part}-labels.npy", labels, allow_pickle=False)
            counts.append(len(labels))
        report_broken(listing, broken, tell)
        if not all(counts):
            raise _nothing_left(listing)
        summary = {"name": str(listing.name), "broken": [str(image) for image in broken]}
        (temporary / _DONE).write_text(json.dumps(summary, indent=1))
        with suppress(OSError):  # another process was faster: its content is the same
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_stale(cache: Path) -> None:
    """Remove what a kill left behind; nobody decodes into a folder for a day without a new file."""
    for folder in cache.glob(".*-*.*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_S:
                shutil.rmtree(folder, ignore_errors=True)


def _write_images(
    path: Path, blocks: Iterator[tuple[Pixels, Indices]], files: tuple[ImageFile, ...], size: int
) -> Indices:
    """Write the images one block after the other, never all in memory; returns their labels."""
    labels: list[Indices] = []
    with path.open("xb") as stream:
        stream.write(_header(len(files), size))
        for images, classes in blocks:
            stream.write(images.data)
            labels.append(classes)
        n_written = sum(map(len, labels))
        stream.seek(0)
        stream.write(_header(n_written, size))
        stream.flush()
        os.fsync(stream.fileno())
    return np.concatenate(labels) if labels else np.empty(0, dtype=np.int64)


def _header(count: int, size: int) -> bytes:
    """Of an npy file; numpy leaves room, so that its length is the same for every count."""
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, size, size)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def _open(listing: FolderListing, folder: Path) -> ImageData:
    try:
        parts = [
            (
                np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False),
                np.load(folder / f"{part}-labels.npy", allow_pickle=False),
            )
            for part in _PARTS
        ]
    except (OSError, ValueError) as error:
        raise DataError(
            f"{listing.name}: the cache {folder} cannot be read: {error}. Delete it and load again"
        ) from error
    return _data(listing, *parts)
