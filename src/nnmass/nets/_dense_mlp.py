"""The dense MLP as a module."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.nets._link_plan import Links
from nnmass.nets._net import Net
from nnmass.specs import DenseMLP
from nnmass.topology import Wiring

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": F.elu,
    "relu": F.relu,
    "tanh": torch.tanh,
}


class DenseMLPNet(Net):
    """`nnmass.specs.DenseMLP`, built.

    Layer l >= 2 reads the activated concatenation of layer l-1 and its links; everything is
    stored before its activation. ``legacy`` wiring differs as the spec says.

    Args:
        spec: What is built.
        wirings: The links of its one cell, from `nnmass.topology.draw_links`.
    """

    def __init__(self, spec: DenseMLP, wirings: tuple[Wiring, ...]) -> None:
        super().__init__()
        self.spec = spec
        cell = spec.cells[0]
        self.activation = ACTIVATIONS[spec.activation]
        self.is_legacy = spec.wiring == "legacy"
        self.links = Links(cell, wirings[0])
        w, last = cell.width, cell.depth - 1
        self.layers = nn.ModuleList(
            nn.Linear(
                spec.inputs if layer == 0 else w + cell.links_into(layer),
                spec.classes if layer == last else w,
            )
            for layer in range(cell.depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of (N, inputs), or of anything that flattens to it."""
        tray = self.links.empty_tray()
        last = len(self.layers) - 1
        z = x.flatten(1)
        for index, layer in enumerate(self.layers):
            if index:
                z = torch.cat([z, *tray[index]], 1) if tray[index] else z
                is_plain = self.is_legacy and index in (1, last)
                z = z if is_plain else self.activation(z)
            z = layer(z)
            if self.is_legacy and index == 0:
                z = self.activation(z)
            self.links.hand_out(index, z, tray)
        return z
