"""Slimming a network: pre-defined sparse convolution."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names

if TYPE_CHECKING:
    from nnmass.slim._sparse._layer import PSConv2d as PSConv2d
    from nnmass.slim._sparse._pattern import Pattern as Pattern
    from nnmass.slim._sparse._record import LayerRecord as LayerRecord
    from nnmass.slim._sparse._record import Sparsification as Sparsification
    from nnmass.slim._sparse._record import SparseSettings as SparseSettings
    from nnmass.slim._sparse._record import sparse_report as sparse_report
    from nnmass.slim._sparse._sparsify import sparsify as sparsify
    from nnmass.slim._sparse._storage import StorageBits as StorageBits

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

__getattr__ = lazy_names(__name__, {**_SPARSE})
