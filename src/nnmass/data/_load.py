"""Loading a data set by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nnmass.data._cifar import read_cifar_set
from nnmass.data._digits import read_digits
from nnmass.data._idx import read_idx_set
from nnmass.data._images import ImageData
from nnmass.data._info import DatasetInfo
from nnmass.data._mat import read_mat_set
from nnmass.data._names import PointsName, is_described, parse_name
from nnmass.data._registry import dataset_info
from nnmass.data._status import look_for
from nnmass.errors import DataError

_READERS: Mapping[str, Callable[[DatasetInfo, Path], ImageData]] = {
    "mnist": read_idx_set,
    "fashion-mnist": read_idx_set,
    "fashion-mnist-approx": read_idx_set,
    "cifar10": read_cifar_set,
    "cifar100": read_cifar_set,
    "svhn": read_mat_set,
}


def load_dataset(
    name: str,
    *,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> ImageData:
    """The data set called ``name``.

    Every published file is checked against the size and md5 sum that its authors published before
    it is decoded. Nothing is fetched, and nothing else is taken in place of a file that is
    missing. An image that cannot be decoded is an error that names it, unless the name of the data
    set says to skip it.

    Args:
        name: A key of `DATASETS`, such as ``digits`` (part of the package) or ``cifar10``; or a
            name with arguments: ``segments(20)``, ``circles(20,range=100)``,
            ``folder(PATH,size=64)``, ``imagenet``, ``tiny-imagenet``.
        data_dir: The folder with the files, or with one of the sub-folders of
            `DatasetInfo.folders`. ``digits`` and made points need none.
        cache_dir: Where decoded image folders are kept, so that the next load is instant; None
            keeps nothing. Delete it whenever you like.
        tell: Takes lines about long work and about images that are left out.

    Returns:
        Writable arrays of the caller's own, in the order of the files; of an image folder with
        ``cache_dir``, read-only arrays on the disk.

    Raises:
        SpecError: There is no such data set, or ``data_dir`` is no path.
        DataError: Files are missing (all are named at once) or damaged.
        StoreError: The cache could not be written.
        MissingExtraError: Images must be decoded, and pillow is not installed.

    Example:
        >>> data = load_dataset("digits")
        >>> data.train_images.shape, data.test_images.shape
        ((1398, 1, 8, 8), (399, 1, 8, 8))
        >>> load_dataset("segments(20)").train_images.shape
        (12000, 2)
    """
    if isinstance(name, str) and is_described(name):
        return _load_described(name, data_dir, cache_dir, tell or _silent)
    info = dataset_info(name)
    if not info.files:
        return read_digits(info)
    status = look_for(info, data_dir)
    if status.folder is None or not status.is_found:
        raise DataError(f"{info.name}: {status.problem}. {info.how_to_get}")
    if status.layout == "strips":
        from nnmass.data._strips import read_strips

        return read_strips(info, status.folder)
    return _READERS[info.name](info, status.folder)


def _load_described(
    name: str,
    data_dir: str | Path | None,
    cache_dir: str | Path | None,
    tell: Callable[[str], None],
) -> ImageData:
    described = parse_name(name)
    if isinstance(described, PointsName):
        from nnmass.data._points import make_points

        return make_points(described)
    from nnmass.data._cache import load_folder
    from nnmass.data._folders import list_folder

    listing = list_folder(described, data_dir)
    if listing.n_ignored:
        tell(f"{described}: {listing.n_ignored:,} files in {listing.root} are no images, ignored")
    return load_folder(listing, cache_dir, tell)


def _silent(line: str) -> None:
    """Say nothing."""
