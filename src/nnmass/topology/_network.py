"""Sums over the cells of a network."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from nnmass.topology._additive import RELEASED, AdditiveCell, MassRule
from nnmass.topology._cell import AverageDegree, Cell
from nnmass.topology._dense_block import DenseBlock

AnyCell = Cell | AdditiveCell | DenseBlock


def network_mass(cells: Sequence[AnyCell], rule: MassRule = RELEASED) -> float:
    """NN-Mass of a network: the sum over its cells, exact until the last division.

    Args:
        cells: The cells, in any order. No cells (a plain network) gives 0.
        rule: The choices for addition skips; cells with concatenations do not depend on it.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780), NN-Mass of a network.

    Example:
        >>> from nnmass.topology import Cell
        >>> network_mass([Cell(8, 16, 112), Cell(8, 16, 0)])
        128.0
    """
    return float(sum((_exact(cell, rule) for cell in cells), Fraction(0)))


def _exact(cell: AnyCell, rule: MassRule) -> Fraction:
    return cell.exact_mass if isinstance(cell, Cell) else cell.exact_mass_by(rule)


def network_density(cells: Sequence[AnyCell]) -> float:
    """All links over all possible links, in [0, 1]; 0 for a network without cells.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780), density of a cell; over several
        cells ours.

    Example:
        >>> from nnmass.topology import Cell
        >>> network_density([Cell(8, 16, 56), Cell(8, 16, 112)])
        0.8666666666666667
    """
    possible = sum(cell.possible_links for cell in cells)
    return sum(cell.links for cell in cells) / possible if possible else 0.0


def network_degree(cells: Sequence[AnyCell]) -> AverageDegree | None:
    """Average degree over all nodes of all cells.

    Returns:
        ``None`` for a network without cells, or with others than `Cell`: the paper defines the
        average degree for concatenation skips among layers of one width alone.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780), average degree; the means over
        cells are ours.
    """
    concatenating = [cell for cell in cells if isinstance(cell, Cell)]
    if not concatenating or len(concatenating) < len(cells):
        return None
    degrees = [cell.average_degree for cell in concatenating]
    nodes = [cell.width * cell.depth for cell in concatenating]
    linkable = [cell.width * (cell.depth - 2) for cell in concatenating]
    return AverageDegree(
        exact=_mean([degree.exact for degree in degrees], nodes),
        asymptotic=_mean([degree.asymptotic for degree in degrees], nodes),
        mean_fan_in=_mean([degree.mean_fan_in for degree in degrees], linkable),
    )


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
