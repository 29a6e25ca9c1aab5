"""A cell read off a traced network: its chain, its links, its mass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from nnmass._from_plain import from_plain
from nnmass.topology import RELEASED, MassRule

CellKind = Literal["addition", "concatenation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Channels that one node of a chain gets from another one, two or more back.

    Attributes:
        source: Position in the chain where the link starts.
        target: Position where it ends, at least ``source + 2``.
        channels: How many channels it carries.
        has_layer: A weight layer stands on the way (a projection shortcut).
    """

    source: int
    target: int
    channels: int
    has_layer: bool = False

    def to_dict(self) -> dict[str, object]:
        """The link as plain data."""
        return {
            "source": self.source,
            "target": self.target,
            "channels": self.channels,
            "has_layer": self.has_layer,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedCell:
    """What lies between two cut nodes of a network, where there is more than one way through.

    Attributes:
        kind: ``"addition"`` (the cell ends in an addition) or ``"concatenation"``.
        chain: Module paths of the nodes v_0, v_1, ..: the path with the most weight layers. An
            addition takes the place of the last layer before it.
        widths: Channels of these nodes.
        link_list: The skips, in the order of their targets, then of their sources.
        is_ratio_one: An inverted residual without its expansion convolution, which the released
            code scores as if it had one (see `nnmass.MassRule.ratio_one`).
        flags: Why the metric was not made for this cell; empty where it was.
        unread: Operations inside that could not be followed. Then no number is given: the mass is
            ``nan``.

    Source:
        The rule for any network is ours; on the families of the paper it gives the released
        numbers exactly.

    Example:
        >>> skip = Link(source=0, target=3, channels=64)
        >>> cell = TracedCell(
        ...     kind="addition", chain=("stem", "conv1", "conv2", "add"),
        ...     widths=(64, 64, 64, 256), link_list=(skip,),
        ... )
        >>> cell.depth, cell.possible_links, cell.mass
        (3, 192, 64.0)
    """

    kind: CellKind
    chain: tuple[str, ...]
    widths: tuple[int, ...]
    link_list: tuple[Link, ...]
    is_ratio_one: bool = False
    flags: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """Weight layers of the chain: those after v_0 for additions, all for concatenations."""
        return len(self.widths) - (self.kind == "addition")

    def nodes(self, rule: MassRule = RELEASED) -> tuple[int, ...]:
        """The node widths that ``rule`` counts."""
        if self.is_ratio_one and rule.ratio_one == "released":
            return (self.widths[0], *self.widths)
        return self.widths

    def links_by(self, rule: MassRule = RELEASED) -> int:
        """Channels of the skips that ``rule`` counts."""
        kept = rule.count_projections or self.kind == "concatenation"
        return sum(link.channels for link in self.link_list if kept or not link.has_layer)

    def possible_links_by(self, rule: MassRule = RELEASED) -> int:
        """``sum over i >= 2 of |v_0| + .. + |v_(i-2)|``."""
        nodes = self.nodes(rule)
        return sum((len(nodes) - 2 - i) * width for i, width in enumerate(nodes[:-2]))

    def exact_mass_by(self, rule: MassRule = RELEASED) -> Fraction:
        """The mass under ``rule``, as an exact fraction; 0 where no link is possible.

            addition:       links / possible * (|v_0| + .. + |v_(d-1)|)
            concatenation:  links / possible * d * mean(|v_0| .. |v_(d-2)|)

        The width of the last node does not count, as for the classifier of the paper's MLP.
        """
        nodes = self.nodes(rule)
        possible = self.possible_links_by(rule)
        if not possible:
            return Fraction(0)
        if self.kind == "concatenation":
            scale = Fraction(len(nodes) * sum(nodes[:-1]), len(nodes) - 1)
        else:
            scale = Fraction(sum(nodes if rule.sum_over == "all-nodes" else nodes[:-1]))
        return Fraction(self.links_by(rule), possible) * scale

    @property
    def links(self) -> int:
        """Channels that the skips carry."""
        return self.links_by()

    @property
    def possible_links(self) -> int:
        """Channels that could be carried."""
        return self.possible_links_by()

    @property
    def exact_mass(self) -> Fraction:
        """The mass under the released rule, as an exact fraction."""
        return self.exact_mass_by()

    @property
    def density(self) -> float:
        """Links over possible links; 0 where none is possible, ``nan`` where not all was read."""
        if self.unread:
            return math.nan
        return self.links / self.possible_links if self.possible_links else 0.0

    @property
    def mass(self) -> float:
        """NN-Mass of the cell under the released rule; ``nan`` where it could not be read."""
        return math.nan if self.unread else float(self.exact_mass)

    def to_dict(self) -> dict[str, object]:
        """The cell and its numbers, as plain data."""
        return {
            "kind": self.kind,
            "chain": list(self.chain),
            "widths": list(self.widths),
            "depth": self.depth,
            "link_list": [link.to_dict() for link in self.link_list],
            "links": self.links,
            "possible_links": self.possible_links,
            "density": None if self.unread else self.density,
            "mass": None if self.unread else self.mass,
            "is_ratio_one": self.is_ratio_one,
            "flags": list(self.flags),
            "unread": list(self.unread),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TracedCell:
        """The cell that `to_dict` told of."""
        links = tuple(from_plain(Link, link) for link in values["link_list"])
        return from_plain(cls, values, link_list=links)
