"""Handing channels from layers to the layers that link to them, copying each link once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from nnmass.topology import Cell, Wiring, check_wiring


class Links(nn.Module):
    """The skip links of a cell.

    A layer that concatenates everything before it and then selects copies ``w (l-1)`` channels to
    read ``t``. Here every layer's output is gathered once, for all its readers together, and cut
    into their pieces: what is copied is the links, not the candidates, and going back there is
    one scatter a layer instead of one a pair of layers.

    The links are topology, not weights: a network that is built on the meta device holds their
    real numbers on the CPU, so that what reads its graph sees which channel goes where.

    Attributes:
        links: int64, the wiring of all layers, one after the other; a part of the state dict.
        gather: int64, the channels of every layer that others read, source after source.
    """

    links: Tensor
    gather: Tensor

    def __init__(self, cell: Cell, wiring: Wiring) -> None:
        super().__init__()
        self.cell = cell
        self.rewire(wiring)
        self.register_load_state_dict_post_hook(_follow_loaded_links)  # type: ignore[no-untyped-call]

    @property
    def wiring(self) -> Wiring:
        """For each layer, the channels it takes (see `nnmass.topology.Wiring`)."""
        return self._wiring

    def rewire(self, wiring: Wiring) -> None:
        """Take another wiring, on the device where the links are now; the CPU at first.

        Raises:
            SpecError: It does not fit the cell.
        """
        check_wiring(self.cell, wiring)
        self._wiring = wiring
        gather, self.pieces = _plan(self.cell, wiring)
        self.n_gathered = [sum(n for _, n in pieces) for pieces in self.pieces]
        # Named, so that a surrounding ``with torch.device("meta")`` leaves the links real.
        device = self.links.device if "links" in self._buffers else torch.device("cpu")
        links = torch.empty(self.cell.links, dtype=torch.int64, device=device)
        self.register_buffer("links", links)
        self.register_buffer("gather", torch.empty_like(links), persistent=False)
        self._gather_values = gather
        self.fill()

    def fill(self) -> None:
        """Write the wiring into the buffers; needed after ``to_empty``.

        Buffers that were moved to the meta device hold no numbers and are left alone.
        """
        if self.links.is_meta:
            return
        if self.gather.device != self.links.device:  # a state dict was assigned to a meta network
            self.gather = torch.empty_like(self.links)
        self.links.copy_(torch.from_numpy(np.concatenate(self._wiring)))
        self.gather.copy_(torch.from_numpy(self._gather_values))

    def empty_tray(self) -> list[list[Tensor]]:
        """For each layer, the pieces that wait for it; filled by `hand_out` in a forward pass."""
        return [[] for _ in range(self.cell.depth)]

    def hand_out(self, layer: int, features: Tensor, tray: list[list[Tensor]]) -> None:
        """Put the channels of ``layer`` that later layers read into ``tray``.

        Args:
            layer: Which layer gave the features.
            features: (N, width, ...).
            tray: From `empty_tray`.
        """
        pieces = self.pieces[layer]
        if not pieces:
            return
        start = sum(self.n_gathered[:layer])
        chosen = features.index_select(1, self.gather[start : start + self.n_gathered[layer]])
        for (reader, _), piece in zip(pieces, chosen.split([n for _, n in pieces], 1), strict=True):
            tray[reader].append(piece)


def _plan(
    cell: Cell, wiring: Wiring
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], list[list[tuple[int, int]]]]:
    """Channels to gather, source after source, and for each source (reader, channels)."""
    gather: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    pieces: list[list[tuple[int, int]]] = []
    for source in range(cell.depth):
        mine = []
        for reader in range(source + 2, cell.depth):
            links = wiring[reader]
            channels = links[links // cell.width == source] % cell.width
            if channels.size:
                gather.append(channels)
                mine.append((reader, int(channels.size)))
        pieces.append(mine)
    return np.concatenate([np.empty(0, np.int64), *gather]), pieces


def _follow_loaded_links(module: nn.Module, _incompatible: object) -> None:
    """After a state dict was loaded: wire as its links say."""
    assert isinstance(module, Links)
    if module.links.is_meta:
        return
    counts = [module.cell.links_into(layer) for layer in range(module.cell.depth)]
    loaded = np.split(module.links.cpu().numpy().copy(), np.cumsum(counts)[:-1])
    if any((a != b).any() for a, b in zip(loaded, module.wiring, strict=True)):
        module.rewire(tuple(loaded))
    else:
        module.fill()  # what follows from the links is not in the state dict
