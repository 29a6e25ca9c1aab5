"""Looking for the files of a data set: existence and size, nothing is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nnmass.data._info import DataFile, DatasetInfo
from nnmass.data._registry import dataset_info
from nnmass.errors import DataError, SpecError

STRIP_LABELS = "labels.npz"
"""The file beside the strips that holds their labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStatus:
    """Whether the files of a data set are there.

    Attributes:
        name: The data set.
        is_found: All files are there with the right size; their md5 sums were not looked at.
        folder: The folder with the files; None if none has any, or none is needed.
        problem: What is missing, in one sentence without its full stop; empty if found.
        layout: ``files`` as they are published, or ``strips`` of lossless WebP.
    """

    name: str
    is_found: bool
    folder: Path | None
    problem: str
    layout: str = "files"


def dataset_status(name: str, *, data_dir: str | Path | None) -> DatasetStatus:
    """Whether the data set called ``name`` is in ``data_dir``; takes well under a millisecond.

    Args:
        name: A key of `DATASETS`, or a name with arguments; an image folder is
            listed, which takes longer.
        data_dir: The folder to look into, with the sub-folders of `DatasetInfo.folders`.

    Raises:
        SpecError: There is no such data set, or ``data_dir`` is no path.

    Example:
        >>> dataset_status("digits", data_dir=None).is_found
        True
        >>> dataset_status("mnist", data_dir=None).problem
        'no data folder is given'
    """
    try:
        return look_for(dataset_info(name, data_dir=data_dir), data_dir)
    except DataError as error:  # of an image folder, whose files have no list
        return DatasetStatus(name=name, is_found=False, folder=None, problem=str(error))


def look_for(info: DatasetInfo, data_dir: str | Path | None) -> DatasetStatus:
    """Whether the files of ``info`` are in ``data_dir``.

    The folder that has the most of them counts; among equals the first. So a folder where one
    file is missing is named, and no other one is taken in silence.
    """
    if not info.files:
        return DatasetStatus(name=info.name, is_found=True, folder=None, problem="")
    if data_dir is not None and not isinstance(data_dir, str | os.PathLike):
        raise SpecError(f"data_dir must be a path, got {data_dir!r}")
    if data_dir is None or not os.fspath(data_dir):
        return _lost(info, "no data folder is given")
    root = Path(data_dir)
    try:
        return _look_into(info, root)
    except OSError as error:
        return _lost(info, f"cannot look into the data folder {root}: {error.strerror}")


def _lost(info: DatasetInfo, problem: str, folder: Path | None = None) -> DatasetStatus:
    return DatasetStatus(name=info.name, is_found=False, folder=folder, problem=problem)


def _look_into(info: DatasetInfo, root: Path) -> DatasetStatus:
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        return _lost(info, f"the data folder {root} {what}")
    places = [root / sub for sub in info.folders]
    missing = [
        [file for file in info.files if not (place / file.name).is_file()] for place in places
    ]
    best = min(range(len(places)), key=lambda k: len(missing[k]))
    strips = _find_strips(info, root) if missing[best] else None
    if strips is not None:
        return DatasetStatus(
            name=info.name, is_found=True, folder=strips, problem="", layout="strips"
        )
    if len(missing[best]) == len(info.files):
        names = ", ".join(file.name for file in info.files)
        looked = ", ".join(map(str, places))
        return _lost(info, f"none of its {len(info.files)} files ({names}) is in {looked}")
    problem = "; ".join(_faults(info, places[best], missing[best]))
    return DatasetStatus(name=info.name, is_found=not problem, folder=places[best], problem=problem)


def _find_strips(info: DatasetInfo, root: Path) -> Path | None:
    """The folder with the strips and the labels of the data set, if there is one."""
    if not info.strips:
        return None
    places = (root / info.name, root)
    return next((place for place in places if (place / STRIP_LABELS).is_file()), None)


def _faults(info: DatasetInfo, folder: Path, missing: list[DataFile]) -> list[str]:
    faults = []
    if missing:
        names = ", ".join(file.name for file in missing)
        faults.append(f"{len(missing)} of its {len(info.files)} files missing in {folder}: {names}")
    for file in info.files:
        if file in missing or file.size_bytes is None:
            continue
        size = (folder / file.name).stat().st_size
        if size != file.size_bytes:
            wanted = f"expected {file.size_bytes:,} (md5 {file.md5})"
            faults.append(f"{folder / file.name} has {size:,} bytes, {wanted}")
    return faults
