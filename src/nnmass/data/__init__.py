"""Data sets as numpy arrays: found, checked, read, made, subset. No torch.

The network is used by `fetch_dataset` alone.
"""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.data._info import DataFile as DataFile
from nnmass.data._info import DatasetInfo as DatasetInfo
from nnmass.data._info import Origin as Origin
from nnmass.data._kinds import DATASET_KINDS as DATASET_KINDS
from nnmass.data._kinds import DatasetKind as DatasetKind
from nnmass.data._registry import DATASETS as DATASETS
from nnmass.data._registry import check_name as check_name
from nnmass.data._registry import dataset_info as dataset_info
from nnmass.data._status import DatasetStatus as DatasetStatus
from nnmass.data._status import dataset_status as dataset_status

if TYPE_CHECKING:
    from nnmass.data._cache import cache_folder as cache_folder
    from nnmass.data._check import DatasetCheck as DatasetCheck
    from nnmass.data._check import check_dataset as check_dataset
    from nnmass.data._fetch import FetchProgress as FetchProgress
    from nnmass.data._fetch import fetch_dataset as fetch_dataset
    from nnmass.data._images import ImageData as ImageData
    from nnmass.data._images import Indices as Indices
    from nnmass.data._images import Inputs as Inputs
    from nnmass.data._load import load_dataset as load_dataset
    from nnmass.data._subsets import take as take
    from nnmass.data._subsets import validation_split as validation_split

__getattr__ = lazy_names(
    __name__,
    {
        "DatasetCheck": "nnmass.data._check",
        "FetchProgress": "nnmass.data._fetch",
        "ImageData": "nnmass.data._images",
        "Indices": "nnmass.data._images",
        "Inputs": "nnmass.data._images",
        "cache_folder": "nnmass.data._cache",
        "check_dataset": "nnmass.data._check",
        "fetch_dataset": "nnmass.data._fetch",
        "load_dataset": "nnmass.data._load",
        "take": "nnmass.data._subsets",
        "validation_split": "nnmass.data._subsets",
    },
)
