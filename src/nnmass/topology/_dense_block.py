"""The dense block of a DenseNet: every layer reads all layers before it; links, density, mass."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from nnmass.errors import SpecError, whole_number
from nnmass.topology._additive import RELEASED, MassRule


def chain_step(inner: Any) -> Any:
    """Weight layers of one dense layer: 2 with a bottleneck, 1 without. Numbers or arrays."""
    return 1 + (inner > 0)


def count_links(inputs: Any, growth: Any, layers: Any) -> Any:
    """``n c + k n (n-1) / 2``: skip links of a block, in O(1). Numbers or arrays."""
    return layers * inputs + growth * (layers * (layers - 1) // 2)


def mass_ratio(inputs: Any, growth: Any, layers: Any, inner: Any) -> tuple[Any, Any]:
    """Numerator and denominator of a block's mass, both whole. Numbers or arrays."""
    s, n = chain_step(inner), layers
    a = 2 * inputs + growth * (n - 1)
    top = a * (s * n + 2) * (inputs + n * (inner + growth))
    return top, (s * a + 2 * inner * n) * (s * n + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseBlock:
    """A dense block and the layer that reads all of it, as one cell of concatenation skips.

    Each of ``layers`` n layers reads the block's ``inputs`` c channels and the ``growth`` k
    channels of every layer before it. With a bottleneck it is two convolutions, 1x1 to ``inner``
    h channels and 3x3 to k; without (h = 0) one 3x3. The cell's chain is

        c, h, k, h, k, .., h, k, last      d = s n + 2 nodes, s = 2   (with a bottleneck)
        c, k, k, .., k, last               d = s n + 2 nodes, s = 1   (without)

    where c is the convolution before the block and the last node what reads it whole: the
    transition's convolution, or the classifier; its width does not count. The layer j = 0 .. n-1
    reads c + j k channels, of which those of its neighbour on the chain are no skips, so it has
    c + (j-1) k links, the first one none; the last node has c + (n-1) k. A 3x3 behind a
    bottleneck reads its neighbour alone. So

        links      = sum over j = 1..n of c + (j-1) k = n (2 c + k (n-1)) / 2
        candidates = sum over i = 2..d-1 of |v_0| + .. + |v_(i-2)|
                   = n (s (2 c + k (n-1)) + 2 h n) / 2
        mass       = links / candidates * d * (c + n (h + k)) / (d - 1)

    and with A = 2 c + k (n-1), n cancels:

        density = A / (s A + 2 h n)
        mass    = A (s n + 2) (c + n (h + k)) / ((s A + 2 h n) (s n + 1))

    Without a bottleneck every possible link is there: the density is 1. With one it falls below
    1/2, since a 1x1 could read the inner channels of the layers before it, and does not.

    Args:
        inputs: Channels that come into the block, at least 1.
        growth: Channels that each layer adds, at least 1; the paper's k.
        layers: Layers of the block, at least 1.
        inner: Channels inside a bottleneck (the paper's 4 k); 0 for layers without one.

    Raises:
        SpecError: A value is not a whole number or is out of range.

    Source:
        Ours: the general rule for any network, on the blocks of Huang et al., CVPR 2017
        (arXiv:1608.06993). Equal to what `nnmass.trace` reads off a built network.

    Example:
        >>> block = DenseBlock(inputs=64, growth=32, layers=6, inner=128)  # of DenseNet-121
        >>> block.depth, block.links, block.possible_links, block.outputs
        (14, 864, 6336, 256)
        >>> round(block.mass, 4)
        150.3776
        >>> DenseBlock(inputs=16, growth=12, layers=12).density
        1.0
    """

    inputs: int
    growth: int
    layers: int
    inner: int = 0

    def __post_init__(self) -> None:
        """Check the four numbers."""
        for name, low in (("inputs", 1), ("growth", 1), ("layers", 1), ("inner", 0)):
            number = whole_number(getattr(self, name), f"DenseBlock.{name}", low=low)
            object.__setattr__(self, name, number)

    @property
    def has_bottleneck(self) -> bool:
        """Each layer is a 1x1 and a 3x3 convolution."""
        return self.inner > 0

    @property
    def depth(self) -> int:
        """Nodes of the cell: what comes in, the block's convolutions, what reads it whole."""
        return int(chain_step(self.inner)) * self.layers + 2

    @property
    def outputs(self) -> int:
        """Channels that the block gives: ``c + n k``."""
        return self.inputs + self.layers * self.growth

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the nodes, without the last, whose width does not count."""
        layer = (self.inner, self.growth) if self.has_bottleneck else (self.growth,)
        return (self.inputs, *layer * self.layers)

    @property
    def links(self) -> int:
        """Channels taken through skips, summed over the layers."""
        return int(count_links(self.inputs, self.growth, self.layers))

    @property
    def possible_links(self) -> int:
        """Channels that could be taken."""
        return int(chain_step(self.inner)) * self.links + self.inner * self.layers**2

    @property
    def exact_mass(self) -> Fraction:
        """The mass as an exact fraction, so that sums over cells are exact too."""
        return Fraction(*mass_ratio(self.inputs, self.growth, self.layers, self.inner))

    def exact_mass_by(self, rule: MassRule = RELEASED) -> Fraction:
        """The same under every rule: the choices of a rule concern addition skips.

        Raises:
            SpecError: ``rule`` is no `MassRule`.
        """
        if not isinstance(rule, MassRule):
            raise SpecError(f"a rule must be a MassRule, got {rule!r}")
        return self.exact_mass

    @property
    def density(self) -> float:
        """Links over possible links: 1 without a bottleneck, below 1/2 with one."""
        return self.links / self.possible_links

    @property
    def mass(self) -> float:
        """NN-Mass of the cell."""
        return float(self.exact_mass)

    def to_dict(self) -> dict[str, object]:
        """The cell and its numbers, as plain data."""
        return {
            "kind": "dense block",
            "inputs": self.inputs,
            "growth": self.growth,
            "layers": self.layers,
            "inner": self.inner,
            "depth": self.depth,
            "links": self.links,
            "possible_links": self.possible_links,
            "density": self.density,
            "mass": self.mass,
        }
