"""Slimming a network: pre-defined sparse convolution."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names

if TYPE_CHECKING:
    from nnmass.slim._sparse._layer import PSConv2d as PSConv2d
    from nnmass.slim._sparse._pattern import Pattern as Pattern
    from nnmass.slim._sparse._storage import StorageBits as StorageBits

_SPARSE = {
    "Pattern": "nnmass.slim._sparse._pattern",
    "PSConv2d": "nnmass.slim._sparse._layer",
    "StorageBits": "nnmass.slim._sparse._storage",
}

__getattr__ = lazy_names(__name__, {**_SPARSE})
