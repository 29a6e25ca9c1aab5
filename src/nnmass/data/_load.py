"""Loading a data set by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nnmass.data._cifar import read_cifar_set
from nnmass.data._digits import read_digits
from nnmass.data._idx import read_idx_set
from nnmass.data._images import ImageData
from nnmass.data._info import DatasetInfo
from nnmass.data._registry import dataset_info
from nnmass.data._status import look_for
from nnmass.errors import DataError

_READERS: Mapping[str, Callable[[DatasetInfo, Path], ImageData]] = {
    "mnist": read_idx_set,
    "cifar10": read_cifar_set,
}


def load_dataset(name: str, *, data_dir: str | Path | None = None) -> ImageData:
    """The data set called ``name``, read whole into memory.

    Every file is checked against the size and md5 sum that its authors published before it is
    decoded. Nothing is fetched, and nothing else is taken in place of a file that is missing.

    Args:
        name: A key of `DATASETS`: ``digits`` (part of the package), ``mnist`` or ``cifar10``.
        data_dir: The folder with the files, or with one of the sub-folders of
            `DatasetInfo.folders`. ``digits`` needs none.

    Returns:
        Writable arrays of the caller's own, in the order of the files.

    Raises:
        SpecError: There is no such data set, or ``data_dir`` is no path.
        DataError: Files are missing (all are named at once) or damaged.

    Example:
        >>> data = load_dataset("digits")
        >>> data.train_images.shape, data.test_images.shape
        ((1398, 1, 8, 8), (399, 1, 8, 8))
    """
    info = dataset_info(name)
    if not info.files:
        return read_digits(info)
    status = look_for(info, data_dir)
    if status.folder is None or not status.is_found:
        raise DataError(f"{info.name}: {status.problem}. {info.how_to_get}")
    return _READERS[info.name](info, status.folder)
