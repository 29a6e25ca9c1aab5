"""NN-Mass of a network of any widths: a closed form, read off the network once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from nnmass.errors import TraceError
from nnmass.slim._subnets._groups import ChannelGroups
from nnmass.slim._subnets._narrow import resized
from nnmass.slim._subnets._prices import Counts
from nnmass.tracing import Topology, TracedCell, trace

_CLOSE = 1e-9


class WidthMass:
    """NN-Mass as a function of the widths of a network.

    Widths change how many channels a skip carries and how many it could carry, but not which
    skips there are. So the network is traced once with another width for every group, from which
    each node of a cell tells its group, and once more to check the closed form. Where that is not
    the traced mass (channels that a shortcut pads, or joins in other ways), every candidate is
    traced, on the meta device.

    On residual networks a block whose shortcut carries all that it could has density 1, and the
    mass is the sum of the widths that its convolutions read: the mass is then *linear* in the
    widths, and a search for most mass per multiply-add keeps the channels of late stages, where a
    channel costs the fewest.

    Args:
        model: The network that ``groups`` were found in, on any device; it is left as it was.
        groups: Its channel groups.
        input_shape: Of one image, without the batch.

    Attributes:
        n_traces: Networks traced so far.
        is_closed: The closed form holds.

    Raises:
        TraceError: The network cannot be traced in other widths, or has an operation in a cell
            that cannot be followed, so that there is no mass.

    Source:
        Ours, from the definition of NN-Mass (Bhardwaj, Li, Marculescu, CVPR 2021).

    Example:
        >>> import nnmass
        >>> from nnmass.slim._subnets._find_groups import find_groups
        >>> net = nnmass.build("resnet(depth=18)", device="meta")
        >>> groups = find_groups(net, (3, 224, 224))
        >>> mass = WidthMass(net, groups, (3, 224, 224))
        >>> full = np.array([[group.channels for group in groups.groups]])
        >>> mass(full), nnmass.trace(net, (3, 224, 224)).mass, mass.n_traces
        (array([3392.]), 3392.0, 2)
    """

    def __init__(
        self, model: nn.Module, groups: ChannelGroups, input_shape: tuple[int, ...]
    ) -> None:
        self._model, self._groups, self._shape = model, groups, input_shape
        self.n_traces = 0
        full = np.array([group.channels for group in groups.groups], dtype=np.int64)
        free = np.flatnonzero([not group.whole for group in groups.groups])
        told_apart = full.copy()
        # Later groups are wider, so that a padded shortcut pads; no width of the network is used.
        told_apart[free] = 2 * full.max() + 1 + np.arange(len(free))
        number_of = {int(told_apart[number]): int(number) for number in free}
        cells = self._trace(told_apart).cells
        self._cells = [_Cell.of(cell, number_of, len(full)) for cell in cells]
        odd = full.copy()
        odd[free] = np.maximum(1, full[free] - 1 - np.arange(len(free)) % 3)
        closed = float(self._closed(odd[None])[0])
        self.is_closed = abs(closed - self._trace(odd).mass) <= _CLOSE * max(closed, 1.0)

    def __call__(self, counts: Counts) -> npt.NDArray[np.float64]:
        """NN-Mass of each candidate: float64 (candidates,)."""
        if self.is_closed:
            return self._closed(counts)
        return np.array([self._trace(row).mass for row in counts])

    def _closed(self, counts: Counts) -> npt.NDArray[np.float64]:
        return np.asarray(sum((cell.mass(counts) for cell in self._cells), np.zeros(len(counts))))

    def _trace(self, counts: npt.NDArray[np.int64]) -> Topology:
        self.n_traces += 1
        name = type(self._model).__name__
        topology = trace(resized(self._model, self._groups, counts), self._shape, name=name)
        if not topology.is_read:
            raise TraceError(
                f"{name} has no NN-Mass: an operation inside a cell cannot be followed "
                f"({'; '.join(topology.notes)}); choose levels by another method than 'mass'"
            )
        return topology


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cell:
    """A traced cell whose widths are taken from counts, with constants in columns after them.

    Attributes:
        is_addition: As against a concatenation.
        nodes: Column of each node's width.
        links: Two columns for each link; it carries the smaller number.
        constants: Widths that depend on no group.
    """

    is_addition: bool
    nodes: npt.NDArray[np.int64]
    links: npt.NDArray[np.int64]
    constants: npt.NDArray[np.int64]

    @classmethod
    def of(cls, cell: TracedCell, number_of: dict[int, int], n_groups: int) -> _Cell:
        """The cell of a network in which widths tell the groups."""
        constants = list[int]()

        def column(width: int) -> int:
            if width in number_of:
                return number_of[width]
            constants.append(width)
            return n_groups + len(constants) - 1

        is_addition = cell.kind == "addition"
        nodes = [column(width) for width in cell.widths]
        links = []
        for link in cell.link_list:
            carried = column(link.channels)
            other = nodes[link.target] if is_addition and carried < n_groups else carried
            links.append((carried, other))
        if cell.is_ratio_one:  # the released rule counts its input twice
            nodes = [nodes[0], *nodes]
        return cls(
            is_addition=is_addition,
            nodes=np.array(nodes, dtype=np.int64),
            links=np.array(links, dtype=np.int64).reshape(-1, 2),
            constants=np.array(constants, dtype=np.int64),
        )

    def mass(self, counts: Counts) -> npt.NDArray[np.float64]:
        """As `TracedCell.exact_mass_by`, for each candidate."""
        constants = np.broadcast_to(self.constants, (len(counts), len(self.constants)))
        widths = np.concatenate([counts, constants], axis=1)
        nodes = widths[:, self.nodes]
        links = np.minimum(widths[:, self.links[:, 0]], widths[:, self.links[:, 1]]).sum(1)
        n_nodes = nodes.shape[1]
        possible = nodes[:, :-2] @ np.arange(n_nodes - 2, 0, -1)
        scale = nodes[:, :-1].sum(1) * (1.0 if self.is_addition else n_nodes / (n_nodes - 1))
        return np.asarray(links * scale / np.maximum(possible, 1))
