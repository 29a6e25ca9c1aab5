"""Cells, links, density, NN-Mass and its inverse. No torch, and numpy only where arrays are."""

from typing import TYPE_CHECKING

from nnmass._lazy import lazy_names
from nnmass.topology._additive import RELEASED as RELEASED
from nnmass.topology._additive import AdditiveCell as AdditiveCell
from nnmass.topology._additive import MassRule as MassRule
from nnmass.topology._cell import AverageDegree as AverageDegree
from nnmass.topology._cell import Cell as Cell
from nnmass.topology._dense_block import DenseBlock as DenseBlock
from nnmass.topology._network import AnyCell as AnyCell
from nnmass.topology._network import network_degree as network_degree
from nnmass.topology._network import network_density as network_density
from nnmass.topology._network import network_mass as network_mass
from nnmass.topology._random_matrix import marchenko_pastur_root as marchenko_pastur_root
from nnmass.topology._random_matrix import mean_singular_value as mean_singular_value

if TYPE_CHECKING:
    from nnmass.topology._closed_form import cell_links as cell_links
    from nnmass.topology._closed_form import cell_mass as cell_mass
    from nnmass.topology._closed_form import link_cap_for_mass as link_cap_for_mass
    from nnmass.topology._dense_blocks import DenseBlocks as DenseBlocks
    from nnmass.topology._links import Wiring as Wiring
    from nnmass.topology._links import check_wiring as check_wiring
    from nnmass.topology._links import draw_links as draw_links
    from nnmass.topology._singular_value_law import SingularValueLaw as SingularValueLaw
    from nnmass.topology._singular_value_law import singular_value_density as singular_value_density

__getattr__ = lazy_names(
    __name__,
    {
        "SingularValueLaw": "nnmass.topology._singular_value_law",
        "cell_links": "nnmass.topology._closed_form",
        "cell_mass": "nnmass.topology._closed_form",
        "link_cap_for_mass": "nnmass.topology._closed_form",
        "DenseBlocks": "nnmass.topology._dense_blocks",
        "Wiring": "nnmass.topology._links",
        "check_wiring": "nnmass.topology._links",
        "draw_links": "nnmass.topology._links",
        "singular_value_density": "nnmass.topology._singular_value_law",
    },
)
