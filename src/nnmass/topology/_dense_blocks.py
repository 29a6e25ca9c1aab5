"""Many dense blocks at once: links, density and mass over arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nnmass._arrays import Floats, Ints, common_shape, whole_array
from nnmass.errors import SpecError
from nnmass.topology._dense_block import chain_step, count_links, mass_ratio

_LARGEST = 1 << 62
"""Every intermediate of the closed forms must fit a 64-bit integer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DenseBlocks:
    """Dense blocks as arrays: the numbers of `DenseBlock`, in closed form for all of them.

        links      = n (2 c + k (n-1)) / 2
        candidates = s links + h n^2                 s = 2 with a bottleneck (h > 0), 1 without
        mass       = A (s n + 2) (c + n (h + k)) / ((s A + 2 h n) (s n + 1)),   A = 2 c + k (n-1)

    The four broadcast against each other; each number has the common shape. Numerator and
    denominator of the mass are exact integers, so it is that of `DenseBlock` to the last bit
    where both lie below 2^53.

    Args:
        inputs: Channels that come in (c), whole numbers of at least 1.
        growth: Channels that each layer adds (k), at least 1.
        layers: Layers (n), at least 1.
        inner: Channels inside a bottleneck (h), at least 0; 0 for layers without one.

    Raises:
        SpecError: A value is not whole or is out of range (the message names the first one), the
            shapes do not broadcast, or a block is too large for 64-bit integers.

    Source:
        Ours; see `DenseBlock`.

    Example:
        >>> import numpy as np
        >>> growth = np.array([24, 32, 48])
        >>> blocks = DenseBlocks(inputs=64, growth=growth, layers=6, inner=4 * growth)
        >>> blocks.links.tolist(), blocks.outputs.tolist()
        ([744, 864, 1104], [208, 256, 352])
        >>> blocks.mass.round(2).tolist()
        [127.06, 150.38, 196.07]
    """

    inputs: Ints
    growth: Ints
    layers: Ints
    inner: Ints

    if TYPE_CHECKING:  # what a caller may give; `__post_init__` makes arrays of it

        def __init__(
            self,
            *,
            inputs: npt.ArrayLike,
            growth: npt.ArrayLike,
            layers: npt.ArrayLike,
            inner: npt.ArrayLike,
        ) -> None: ...

    def __post_init__(self) -> None:
        """Check the four and bring them to one shape."""
        given = {
            name: whole_array(getattr(self, name), name, low=low)
            for name, low in (("inputs", 1), ("growth", 1), ("layers", 1), ("inner", 0))
        }
        shape = common_shape(**given)
        if 0 not in shape:
            _check_size(**{name: int(array.max()) for name, array in given.items()})
        for name, array in given.items():
            object.__setattr__(self, name, np.broadcast_to(array, shape))

    @property
    def outputs(self) -> Ints:
        """Channels that each block gives."""
        outputs: Ints = self.inputs + self.layers * self.growth
        return outputs

    @property
    def links(self) -> Ints:
        """Channels taken through skips, summed over the layers of a block."""
        links: Ints = np.asarray(count_links(self.inputs, self.growth, self.layers))
        return links

    @property
    def possible_links(self) -> Ints:
        """Channels that could be taken."""
        links: Ints = chain_step(self.inner) * self.links + self.inner * self.layers**2
        return links

    @property
    def density(self) -> Floats:
        """Links over possible links, float64."""
        density: Floats = np.asarray(self.links / self.possible_links)
        return density

    @property
    def mass(self) -> Floats:
        """NN-Mass of each block, float64."""
        top, bottom = mass_ratio(self.inputs, self.growth, self.layers, self.inner)
        mass: Floats = np.asarray(top / bottom)
        return mass


def _check_size(inputs: int, growth: int, layers: int, inner: int) -> None:
    # The numerator is the largest of all: the denominator's terms are among its own.
    top, _ = mass_ratio(inputs, growth, layers, max(inner, 1))
    if top >= _LARGEST:
        raise SpecError(
            "inputs c, growth k, layers n and inner h must keep (2c + k(n-1)) (2n+2) (c + n(h+k)) "
            f"< 2^62 (64-bit integers), got up to {inputs}, {growth}, {layers} and {inner}: use "
            "DenseBlock(...).mass, which has no limit"
        )
