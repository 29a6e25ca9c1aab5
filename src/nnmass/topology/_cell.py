"""The cell with concatenation skips: links, density, mass, average degree."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from nnmass.errors import whole_number


@dataclass(frozen=True, slots=True)
class AverageDegree:
    """Edges per node of a cell, every edge counted once.

    Attributes:
        exact: ``(w^2 (d-1) + w * links) / (w d)``, from the explicit edge list.
        asymptotic: ``w + mass / 2``, its limit for a deep cell; also the effective width of the
            random matrices that predict the singular values.
        mean_fan_in: mean number of inputs of one neuron of the layers 2 .. d-1.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780), average degree; re-derived.
        Counting two ends per edge instead would give ``2 w + mass``.
    """

    exact: float
    asymptotic: float
    mean_fan_in: float

    def to_dict(self) -> dict[str, float]:
        """The three numbers by name."""
        return {
            "exact": self.exact,
            "asymptotic": self.asymptotic,
            "mean_fan_in": self.mean_fan_in,
        }


def count_links(width: int, depth: int, link_cap: int) -> int:
    """Skip links of one cell, summed over its layers: ``sum_i min(t, w (i-1))``, in O(1)."""
    n = depth - 2
    full = min(link_cap // width, n)  # layers that take every channel they may
    return width * full * (full + 1) // 2 + link_cap * (n - full)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of ``depth`` layers of ``width`` channels with random concatenation skips.

    Consecutive layers are fully connected. Layer i >= 2 also takes ``min(link_cap, width (i-1))``
    channels, drawn without replacement from the layers 0 .. i-2.

        rho = sum_i min(t, w (i-1)) / sum_i w (i-1),   i = 2 .. d-1
        mass = rho * w * d

    Args:
        width: Channels (or neurons) of each layer, at least 1; the paper's w_c.
        depth: Layers of the cell, all of them counted, at least 3; the paper's d_c.
        link_cap: Most channels that one layer takes through skips, at least 0; the paper's t_c.

    Raises:
        SpecError: A value is not a whole number or is out of range.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780), definitions of cell density and
        NN-Mass. Differs from the authors' code in nothing but the arithmetic: integers are
        summed exactly and divided once.

    Example:
        >>> cell = Cell(width=8, depth=8, link_cap=10)
        >>> cell.links, cell.possible_links
        (58, 168)
        >>> round(cell.density, 4), round(cell.mass, 2)
        (0.3452, 22.1)
        >>> Cell(width=8, depth=16, link_cap=1).average_degree.exact
        8.375
    """

    width: int
    depth: int
    link_cap: int

    def __post_init__(self) -> None:
        """Check the three numbers."""
        no_link = "with fewer layers none has an earlier layer that is not its neighbour"
        object.__setattr__(self, "width", whole_number(self.width, "Cell.width", low=1))
        depth = whole_number(self.depth, "Cell.depth", low=3, why=no_link)
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "link_cap", whole_number(self.link_cap, "Cell.link_cap", low=0))

    @property
    def links(self) -> int:
        """Channels taken through skips, summed over the layers."""
        return count_links(self.width, self.depth, self.link_cap)

    @property
    def possible_links(self) -> int:
        """Channels that could be taken: ``w (d-1)(d-2) / 2``."""
        return self.width * (self.depth - 1) * (self.depth - 2) // 2

    @property
    def exact_mass(self) -> Fraction:
        """The mass as an exact fraction, so that sums over cells are exact too."""
        return Fraction(self.width * self.depth * self.links, self.possible_links)

    @property
    def density(self) -> float:
        """Links over possible links, in [0, 1]."""
        return self.links / self.possible_links

    @property
    def mass(self) -> float:
        """NN-Mass of the cell, in [0, width * depth]."""
        return self.width * self.depth * self.links / self.possible_links

    @property
    def average_degree(self) -> AverageDegree:
        """Edges per node, exact and in the limit of a deep cell."""
        return AverageDegree(
            exact=(self.width * (self.depth - 1) + self.links) / self.depth,
            asymptotic=self.width + self.mass / 2,
            mean_fan_in=self.width + self.links / (self.depth - 2),
        )

    def links_into(self, layer: int) -> int:
        """Channels that ``layer`` takes through skips; 0 for the layers 0 and 1."""
        return min(self.link_cap, self.width * max(layer - 1, 0))

    def to_dict(self) -> dict[str, object]:
        """The cell and its numbers, as plain data."""
        return {
            "kind": "concatenation",
            "width": self.width,
            "depth": self.depth,
            "link_cap": self.link_cap,
            "links": self.links,
            "possible_links": self.possible_links,
            "density": self.density,
            "mass": self.mass,
            "average_degree": self.average_degree.to_dict(),
        }
