"""What tracing a network gives: cells, mass, cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from nnmass._from_plain import from_plain
from nnmass.topology import RELEASED, MassRule
from nnmass.tracing._cell import TracedCell
from nnmass.tracing._mac_count import MacCount

if TYPE_CHECKING:
    from nnmass.tracing._weight_layer import WeightLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The skip topology and the cost of one network, as plain frozen data.

    Attributes:
        name: What the network is called.
        input_shape: Shape of one input, without the batch; a tuple of shapes where there are
            several inputs.
        cells: From input to output; empty for a plain network, whose mass is 0.
        params: Parameters, trainable or not, tied ones once.
        count: Multiply-adds for one input, by kind and by module.
        depth: Weight layers on the longest way from input to output.
        n_nodes: Nodes of the graph that lie on a way from input to output.
        n_edges: Edges between them.
        notes: What a reader of the numbers must know.
        layers: The weight layers, in the order of the forward pass.
        calls: Calls of norms and activations, by PyTorch's name of the operation.
    """

    name: str
    input_shape: tuple[int, ...] | tuple[tuple[int, ...], ...]
    cells: tuple[TracedCell, ...]
    params: int
    count: MacCount
    depth: int
    n_nodes: int
    n_edges: int
    notes: tuple[str, ...] = ()
    layers: tuple[WeightLayer, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def macs(self) -> int:
        """Multiply-adds (convolution, linear, matmul) for one input."""
        return self.count.macs

    @property
    def mass(self) -> float:
        """NN-Mass: the sum over the cells, under the released rule for addition skips.

        ``nan`` where an operation inside a cell could not be followed; `read_mass_by` then sums up
        the others.
        """
        return self.mass_by()

    def mass_by(self, rule: MassRule = RELEASED) -> float:
        """NN-Mass under another rule for addition skips; ``nan`` as `mass`."""
        return self.read_mass_by(rule) if self.is_read else math.nan

    @property
    def mass_without_projections(self) -> float:
        """NN-Mass of the identity shortcuts alone, those with a weight layer left out."""
        return self.mass_by(MassRule(count_projections=False))

    @property
    def is_read(self) -> bool:
        """Every cell could be followed, so that there is a mass."""
        return not any(cell.unread for cell in self.cells)

    def read_mass_by(self, rule: MassRule = RELEASED) -> float:
        """The sum over the cells that could be followed."""
        read = (cell for cell in self.cells if not cell.unread)
        return float(sum((cell.exact_mass_by(rule) for cell in read), Fraction(0)))

    @property
    def links(self) -> int:
        """Channels that all skips carry."""
        return sum(cell.links for cell in self.cells)

    @property
    def possible_links(self) -> int:
        """Channels that they could carry."""
        return sum(cell.possible_links for cell in self.cells)

    @property
    def density(self) -> float:
        """All links over all possible links; 0 where none is possible."""
        return self.links / self.possible_links if self.possible_links else 0.0

    def to_dict(self) -> dict[str, object]:
        """The topology and its numbers, as plain data; numbers that are not there are ``None``."""
        return {
            "name": self.name,
            "input_shape": [list(n) if isinstance(n, tuple) else n for n in self.input_shape],
            "mass": self.mass if self.is_read else None,
            "mass_without_projections": self.mass_without_projections if self.is_read else None,
            "density": self.density if self.is_read else None,
            "params": self.params,
            "macs": self.macs,
            "depth": self.depth,
            "cells": [cell.to_dict() for cell in self.cells],
            "notes": list(self.notes),
            "mac_count": self.count.to_dict(),
            "n_nodes": self.n_nodes,
            "n_edges": self.n_edges,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Topology:
        """The topology that `to_dict` told of, without ``layers`` and ``calls``."""
        cells = tuple(TracedCell.from_dict(cell) for cell in values["cells"])
        count = from_plain(MacCount, values["mac_count"])
        return from_plain(cls, values, cells=cells, count=count, layers=(), calls={})
