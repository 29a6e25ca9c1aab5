"""The dense MLP: one cell of fully connected layers, its classifier included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nnmass.specs._cost import Cost, linear
from nnmass.specs._dense_memory import kept_channels, most_kept_channels
from nnmass.specs._kinds import Choice, Whole
from nnmass.specs._spec import Spec, spec_field
from nnmass.topology import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseMLP(Spec):
    """Fully connected layers of one width with random concatenation skips.

    The cell counts all ``depth`` layers, the classifier (the last one) among them.

    Args:
        width: Neurons of each layer (key ``w``).
        depth: Layers, at least 3 (key ``d``).
        link_cap: Most neurons that one layer takes through skips (key ``t``).
        inputs: Input features (key ``in``), 784 unless told.
        classes: Outputs, 10 unless told.
        activation: ``elu``, ``relu`` or ``tanh`` (key ``act``).
        wiring: ``uniform`` activates what every layer after the first reads. ``legacy`` is the
            released forward pass: layer 0 is stored after its activation (so its skips are
            activated twice) and the classifier reads inputs that are not activated.

    Raises:
        SpecError: A field is missing or out of range.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021; SLDGroup/NN_Mass, ``Dense_MLP``. Differs in the
        ``uniform`` wiring, and in having no unused layers.

    Example:
        >>> spec = DenseMLP(width=8, depth=16, link_cap=1)
        >>> spec.params, spec.macs, str(spec)
        (7492, 7362, 'dense-mlp(w=8,d=16,t=1)')
    """

    family: ClassVar[str] = "dense-mlp"
    summary: ClassVar[str] = "fully connected layers with random concatenation skips"
    example: ClassVar[str] = "dense-mlp(w=8,d=16,t=8)"

    width: int = spec_field("w", Whole(1), help="neurons of each layer")
    depth: int = spec_field("d", Whole(3), help="layers, the classifier included")
    link_cap: int = spec_field("t", Whole(0), help="most neurons a layer takes through skips")
    inputs: int = spec_field("in", Whole(1), 784, help="input features")
    classes: int = spec_field("classes", Whole(1), 10, help="outputs")
    activation: str = spec_field(
        "act", Choice(("elu", "relu", "tanh")), "elu", help="activation function"
    )
    wiring: str = spec_field(
        "wiring", Choice(("uniform", "legacy")), "uniform", help="legacy: as the released code"
    )

    def __post_init__(self) -> None:
        """Check the fields and fill in the defaults."""
        self._fill_in()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The one cell."""
        return (Cell(self.width, self.depth, self.link_cap),)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(inputs,)``."""
        return (self.inputs,)

    @property
    def cost(self) -> Cost:
        """Closed form: the links of the classifier cost ``classes`` each, all others ``width``."""
        cell, w, d = self.cells[0], self.width, self.depth
        last = cell.links_into(d - 1)
        inner_links = cell.links - last
        inner = (d - 2) * linear(w, w) + Cost(inner_links * w, inner_links * w)
        return linear(self.inputs, w) + inner + linear(w + last, self.classes)

    def _alive(self) -> Iterator[int]:
        w, d, t = self.width, self.depth, self.link_cap
        yield self.inputs + w
        yield most_kept_channels(w, d, t, last=d - 2) + 2 * w
        yield kept_channels(self.cells[0], d - 1) + w + self.classes
