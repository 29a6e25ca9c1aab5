"""Smaller and faster networks: convolutions sparse by design, sub-networks of one network."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names

if TYPE_CHECKING:
    from nnmass.slim._sparse._layer import PSConv2d as PSConv2d
    from nnmass.slim._sparse._pattern import Pattern as Pattern
    from nnmass.slim._sparse._record import LayerRecord as LayerRecord
    from nnmass.slim._sparse._record import SparseSettings as SparseSettings
    from nnmass.slim._sparse._record import Sparsification as Sparsification
    from nnmass.slim._sparse._record import sparse_report as sparse_report
    from nnmass.slim._sparse._sparsify import sparsify as sparsify
    from nnmass.slim._sparse._storage import StorageBits as StorageBits
    from nnmass.slim._subnets._costs import WidthCosts as WidthCosts
    from nnmass.slim._subnets._family import SubnetFamily as SubnetFamily
    from nnmass.slim._subnets._find_groups import find_groups as find_groups
    from nnmass.slim._subnets._groups import ChannelGroup as ChannelGroup
    from nnmass.slim._subnets._groups import ChannelGroups as ChannelGroups
    from nnmass.slim._subnets._subnet import Subnet as Subnet

_SPARSE = {
    "LayerRecord": "nnmass.slim._sparse._record",
    "Pattern": "nnmass.slim._sparse._pattern",
    "PSConv2d": "nnmass.slim._sparse._layer",
    "SparseSettings": "nnmass.slim._sparse._record",
    "Sparsification": "nnmass.slim._sparse._record",
    "StorageBits": "nnmass.slim._sparse._storage",
    "sparse_report": "nnmass.slim._sparse._record",
    "sparsify": "nnmass.slim._sparse._sparsify",
}

_SUBNETS = {
    "ChannelGroup": "nnmass.slim._subnets._groups",
    "ChannelGroups": "nnmass.slim._subnets._groups",
    "Subnet": "nnmass.slim._subnets._subnet",
    "SubnetFamily": "nnmass.slim._subnets._family",
    "WidthCosts": "nnmass.slim._subnets._costs",
    "find_groups": "nnmass.slim._subnets._find_groups",
}

__getattr__ = lazy_names(__name__, {**_SPARSE, **_SUBNETS})
