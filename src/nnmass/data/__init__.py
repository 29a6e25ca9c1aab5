"""Image data sets as numpy arrays: found, checked, read, subset. No torch, no network."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.data._info import DataFile as DataFile
from nnmass.data._info import DatasetInfo as DatasetInfo
from nnmass.data._registry import DATASETS as DATASETS
from nnmass.data._status import DatasetStatus as DatasetStatus
from nnmass.data._status import dataset_status as dataset_status

if TYPE_CHECKING:
    from nnmass.data._images import ImageData as ImageData
    from nnmass.data._images import Indices as Indices
    from nnmass.data._load import load_dataset as load_dataset
    from nnmass.data._subsets import take as take
    from nnmass.data._subsets import validation_split as validation_split

__getattr__ = lazy_names(
    __name__,
    {
        "ImageData": "nnmass.data._images",
        "Indices": "nnmass.data._images",
        "load_dataset": "nnmass.data._load",
        "take": "nnmass.data._subsets",
        "validation_split": "nnmass.data._subsets",
    },
)
