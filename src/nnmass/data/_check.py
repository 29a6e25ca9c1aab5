"""Checking a data set: every file and every image, not only that they are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnmass.data._files import md5_of
from nnmass.data._images import Indices
from nnmass.data._info import DatasetInfo
from nnmass.data._load import load_dataset
from nnmass.data._names import FolderName, is_described, parse_name
from nnmass.data._registry import check_name, dataset_info
from nnmass.data._status import look_for
from nnmass.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCheck:
    """What a check of a data set found.

    Attributes:
        name: The data set.
        faults: What is wrong, one entry each; empty if nothing is.
        n_train: Images (or points) of the training part that are good.
        n_test: The same of the test part.
        train_counts: Of each class, how many of the good training images; empty if none was read.
        test_counts: The same of the test part.
    """

    name: str
    faults: tuple[str, ...]
    n_train: int = 0
    n_test: int = 0
    train_counts: tuple[int, ...] = ()
    test_counts: tuple[int, ...] = ()

    @property
    def is_good(self) -> bool:
        """Nothing is wrong."""
        return not self.faults

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        return {
            "name": self.name,
            "is_good": self.is_good,
            "faults": list(self.faults),
            "n_train": self.n_train,
            "n_test": self.n_test,
            "train_counts": list(self.train_counts),
            "test_counts": list(self.test_counts),
        }


def check_dataset(
    name: str,
    *,
    data_dir: str | Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> DatasetCheck:
    """Read the data set called ``name`` to the last byte, and say all that is wrong with it.

    Published files are compared with their md5 sums and decoded; every image of an image folder is
    decoded. Nothing is kept, and no cache is used.

    Args:
        name: As of `load_dataset`.
        data_dir: The same.
        tell: Takes lines about long work.

    Raises:
        SpecError: There is no such data set.
        DataError: The data are not there at all.
        MissingExtraError: Images must be decoded, and pillow is not installed.

    Example:
        >>> check_dataset("digits").is_good
        True
    """
    name = check_name(name)
    if is_described(name):
        described = parse_name(name)
        if isinstance(described, FolderName):
            return _check_folder(described, data_dir, tell or (lambda line: None))
    info = dataset_info(name)
    status = look_for(info, data_dir)
    if status.folder is None and not status.is_found:
        raise DataError(f"{info.name}: {status.problem}. {info.how_to_get}")
    if status.folder is not None and status.layout == "files":
        faults = _file_faults(info, status.folder)
        if faults:
            return DatasetCheck(name=name, faults=tuple(faults))
    return _check_loaded(info, data_dir)


def _file_faults(info: DatasetInfo, folder: Path) -> list[str]:
    faults = []
    for file in info.files:
        path = folder / file.name
        try:
            found = md5_of(path)
        except OSError as error:
            faults.append(f"{path}: cannot be read: {error.strerror}")
            continue
        if found != file.md5:
            size = path.stat().st_size
            faults.append(f"{path} has {size:,} bytes and the md5 sum {found}, expected {file.md5}")
    return faults


def _check_loaded(info: DatasetInfo, data_dir: str | Path | None) -> DatasetCheck:
    try:
        data = load_dataset(info.name, data_dir=data_dir)
    except DataError as error:
        return DatasetCheck(name=info.name, faults=(str(error),))
    faults = [
        f"{len(labels):,} {part} images, expected {expected:,}"
        for part, labels, expected in (
            ("train", data.train_labels, info.n_train),
            ("test", data.test_labels, info.n_test),
        )
        if len(labels) != expected
    ]
    return _checked(info.name, faults, data.train_labels, data.test_labels, len(info.classes))


def _check_folder(
    name: FolderName, data_dir: str | Path | None, tell: Callable[[str], None]
) -> DatasetCheck:
    from nnmass.data._decode import BrokenImage, decode_blocks
    from nnmass.data._folders import list_folder

    listing = list_folder(name, data_dir)
    broken: list[BrokenImage] = []
    parts = []
    for files in (listing.train, listing.test):
        blocks = decode_blocks(files, name.size, broken=broken, tell=tell)
        labels = [block_labels for _, block_labels in blocks]
        parts.append(np.concatenate([np.empty(0, dtype=np.int64), *labels]))
    faults = [str(image) for image in broken]
    return _checked(str(name), faults, parts[0], parts[1], len(listing.classes))


def _checked(
    name: str, faults: Sequence[str], train: Indices, test: Indices, n_classes: int
) -> DatasetCheck:
    return DatasetCheck(
        name=name,
        faults=tuple(faults),
        n_train=len(train),
        n_test=len(test),
        train_counts=tuple(np.bincount(train, minlength=n_classes).tolist()),
        test_counts=tuple(np.bincount(test, minlength=n_classes).tolist()),
    )
