"""The data sets by name: those of fixed files, and those that a name with arguments describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from nnmass.data._catalogue import (
    CIFAR10,
    CIFAR100,
    DIGITS,
    FASHION_MNIST,
    FASHION_MNIST_APPROX,
    MNIST,
    SVHN,
)
from nnmass.data._info import DatasetInfo
from nnmass.data._kinds import DATASET_KINDS
from nnmass.data._names import FolderName, PointsName, is_described, parse_name
from nnmass.errors import SpecError, did_you_mean

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {
        info.name: info
        for info in (
            DIGITS,
            MNIST,
            FASHION_MNIST,
            FASHION_MNIST_APPROX,
            CIFAR10,
            CIFAR100,
            SVHN,
        )
    }
)
"""What is known of each data set of fixed files, by its name; `DATASET_KINDS` has the others."""


def check_name(name: str) -> str:
    """The canonical name of the data set called ``name``; no file is looked at.

    Raises:
        SpecError: There is no such data set, or its arguments are wrong; the message names the
            closest, or all that is wrong.

    Example:
        >>> check_name("segments( 20, seed=0, noise=0.010 )")
        'segments(20,noise=0.01)'
    """
    described = _described(name)
    return _fixed(name).name if described is None else str(described)


def dataset_info(name: str, *, data_dir: str | Path | None = None) -> DatasetInfo:
    """What is known of the data set called ``name`` before it is loaded.

    Args:
        name: A key of `DATASETS`, or a name of one of the `DATASET_KINDS`, such as
            ``segments(20)``.
        data_dir: Where image folders are looked for; their classes and images are counted.

    Raises:
        SpecError: There is no such data set; the message names the closest.
        DataError: An image folder is not there or not laid out as one.

    Example:
        >>> dataset_info("circles(10)").shape
        (2,)
    """
    described = _described(name)
    if described is None:
        return _fixed(name)
    if isinstance(described, PointsName):
        from nnmass.data._points import points_info

        return points_info(described)
    from nnmass.data._folder_info import folder_info
    from nnmass.data._folders import list_folder

    return folder_info(list_folder(described, data_dir))


def _described(name: object) -> PointsName | FolderName | None:
    is_text = isinstance(name, str)
    return parse_name(str(name)) if is_text and is_described(str(name)) else None


def _fixed(name: str) -> DatasetInfo:
    try:
        return DATASETS[name]
    except (KeyError, TypeError):
        known = [*DATASETS, *DATASET_KINDS]
        raise SpecError(
            f"unknown data set {name!r}.{did_you_mean(str(name), known)} Known: "
            f"{', '.join(DATASETS)}; segments(S), circles(S), folder(PATH), imagenet, tiny-imagenet"
        ) from None
