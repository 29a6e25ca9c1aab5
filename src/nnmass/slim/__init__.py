"""Smaller and faster networks: convolutions sparse by design, sub-networks of one network."""

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
    from nnmass.slim._subnets._calibrate import calibrate as calibrate
    from nnmass.slim._subnets._choose import choose_levels as choose_levels
    from nnmass.slim._subnets._controller import LevelController as LevelController
    from nnmass.slim._subnets._costs import WidthCosts as WidthCosts
    from nnmass.slim._subnets._family import SubnetFamily as SubnetFamily
    from nnmass.slim._subnets._find_groups import find_groups as find_groups
    from nnmass.slim._subnets._group_lasso import GroupLasso as GroupLasso
    from nnmass.slim._subnets._groups import ChannelGroup as ChannelGroup
    from nnmass.slim._subnets._groups import ChannelGroups as ChannelGroups
    from nnmass.slim._subnets._held_out import HeldOutLoss as HeldOutLoss
    from nnmass.slim._subnets._importance import channel_importance as channel_importance
    from nnmass.slim._subnets._joint import SandwichObjective as SandwichObjective
    from nnmass.slim._subnets._levels import ChosenLevels as ChosenLevels
    from nnmass.slim._subnets._mass import WidthMass as WidthMass
    from nnmass.slim._subnets._path_levels import PathLevels as PathLevels
    from nnmass.slim._subnets._paths import shrink_path as shrink_path
    from nnmass.slim._subnets._profile import profile_subnets as profile_subnets
    from nnmass.slim._subnets._server import Served as Served
    from nnmass.slim._subnets._server import SubnetServer as SubnetServer
    from nnmass.slim._subnets._subnet import Subnet as Subnet
    from nnmass.slim._subnets._subnet_table import SubnetPick as SubnetPick
    from nnmass.slim._subnets._subnet_table import SubnetTable as SubnetTable
    from nnmass.slim._subnets._subnet_table import SubnetTime as SubnetTime

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

_SUBNETS = {
    "GroupLasso": "nnmass.slim._subnets._group_lasso",
    "SandwichObjective": "nnmass.slim._subnets._joint",
    "calibrate": "nnmass.slim._subnets._calibrate",
    "shrink_path": "nnmass.slim._subnets._paths",
    "PathLevels": "nnmass.slim._subnets._path_levels",
    "ChosenLevels": "nnmass.slim._subnets._levels",
    "HeldOutLoss": "nnmass.slim._subnets._held_out",
    "LevelController": "nnmass.slim._subnets._controller",
    "Served": "nnmass.slim._subnets._server",
    "SubnetPick": "nnmass.slim._subnets._subnet_table",
    "SubnetServer": "nnmass.slim._subnets._server",
    "SubnetTable": "nnmass.slim._subnets._subnet_table",
    "SubnetTime": "nnmass.slim._subnets._subnet_table",
    "WidthMass": "nnmass.slim._subnets._mass",
    "channel_importance": "nnmass.slim._subnets._importance",
    "choose_levels": "nnmass.slim._subnets._choose",
    "profile_subnets": "nnmass.slim._subnets._profile",
    "ChannelGroup": "nnmass.slim._subnets._groups",
    "ChannelGroups": "nnmass.slim._subnets._groups",
    "Subnet": "nnmass.slim._subnets._subnet",
    "SubnetFamily": "nnmass.slim._subnets._family",
    "WidthCosts": "nnmass.slim._subnets._costs",
    "find_groups": "nnmass.slim._subnets._find_groups",
}

__getattr__ = lazy_names(__name__, {**_SHARED, **_SPARSE, **_SUBNETS})
