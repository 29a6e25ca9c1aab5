"""Slimming a network: pre-defined sparse convolution."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names

if TYPE_CHECKING:
    from nnmass.slim._files import load as load
    from nnmass.slim._files import open_slim as open_slim
    from nnmass.slim._files import save as save
    from nnmass.slim._fold import fold_batch_norm as fold_batch_norm
    from nnmass.slim._sparse._layer import PSConv2d as PSConv2d
    from nnmass.slim._sparse._pattern import Pattern as Pattern
    from nnmass.slim._sparse._plain import export_plain as export_plain
    from nnmass.slim._sparse._record import LayerRecord as LayerRecord
    from nnmass.slim._sparse._record import SparseSettings as SparseSettings
    from nnmass.slim._sparse._record import Sparsification as Sparsification
    from nnmass.slim._sparse._record import sparse_report as sparse_report
    from nnmass.slim._sparse._sparsify import sparsify as sparsify
    from nnmass.slim._sparse._storage import StorageBits as StorageBits

_SHARED = {
    "fold_batch_norm": "nnmass.slim._fold",
    "load": "nnmass.slim._files",
    "open_slim": "nnmass.slim._files",
    "save": "nnmass.slim._files",
}
_SPARSE = {
    "LayerRecord": "nnmass.slim._sparse._record",
    "Pattern": "nnmass.slim._sparse._pattern",
    "PSConv2d": "nnmass.slim._sparse._layer",
    "SparseSettings": "nnmass.slim._sparse._record",
    "Sparsification": "nnmass.slim._sparse._record",
    "StorageBits": "nnmass.slim._sparse._storage",
    "export_plain": "nnmass.slim._sparse._plain",
    "sparse_report": "nnmass.slim._sparse._record",
    "sparsify": "nnmass.slim._sparse._sparsify",
}

__getattr__ = lazy_names(__name__, {**_SHARED, **_SPARSE})
