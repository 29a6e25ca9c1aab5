"""The cell that ends in an addition (residual blocks), and the choices its mass depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from nnmass.errors import SpecError, whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class MassRule:
    """The choices that the released code makes for addition skips; the defaults are its own.

    Args:
        count_projections: Count a shortcut that has a convolution on it (a projection) like an
            identity. The released code does so for ResNets.
        ratio_one: How an inverted residual of expansion ratio 1 (two convolutions) is scored:
            ``"released"`` as if it had three, ``"own"`` as the two it has.
        sum_over: Which widths multiply the density: ``"conv-inputs"`` (n of the n + 1 nodes, as
            released) or ``"all-nodes"`` (as for the MLP, whose nodes are all counted).

    Raises:
        SpecError: A choice is not one of these.
    """

    count_projections: bool = True
    ratio_one: Literal["released", "own"] = "released"
    sum_over: Literal["conv-inputs", "all-nodes"] = "conv-inputs"

    def __post_init__(self) -> None:
        """Check the choices: another word would pass for one of the two."""
        _check_choice("count_projections", self.count_projections, (True, False))
        _check_choice("ratio_one", self.ratio_one, ("released", "own"))
        _check_choice("sum_over", self.sum_over, ("conv-inputs", "all-nodes"))


def _check_choice(name: str, value: object, allowed: tuple[object, object]) -> None:
    if type(value) is not type(allowed[0]) or value not in allowed:
        raise SpecError(f"MassRule.{name} must be {allowed[0]!r} or {allowed[1]!r}, got {value!r}")


RELEASED = MassRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditiveCell:
    """A residual block: a chain of convolutions whose output is added to a shortcut.

    Nodes are the block's input and every convolution's output. Candidates are, for each node
    from the second convolution's output on, all node widths two or more back; the shortcut
    carries ``carried`` channels.

        mass = carried / candidates * (sum of the convolutions' input widths)

    Args:
        widths: Channels of the nodes v_0 (input), v_1, .., v_d: at least three.
        carried: Channels that the shortcut carries, at most the input's.
        has_projection: The shortcut has a convolution on it.
        is_ratio_one: An inverted residual without its expansion convolution, which the released
            code scores as if it had one (see `MassRule.ratio_one`).

    Raises:
        SpecError: Fewer than three nodes, or a width that is not a whole number of at least 1.

    Source:
        Derived from the released code (SLDGroup/NN_Mass), whose numbers it gives exactly.

    Example:
        >>> AdditiveCell(widths=(64, 64, 64, 256), carried=64).mass  # a bottleneck
        64.0
        >>> AdditiveCell(widths=(64, 64, 64), carried=64).mass  # a basic block
        128.0
    """

    widths: tuple[int, ...]
    carried: int
    has_projection: bool = False
    is_ratio_one: bool = False

    def __post_init__(self) -> None:
        """Check the widths and the shortcut."""
        if not isinstance(self.widths, Sequence) or len(self.widths) < 3:
            raise SpecError(
                f"AdditiveCell.widths must have at least 3 nodes (the input and two "
                f"convolutions), got {self.widths!r}: over one convolution there is no skip"
            )
        name = "a width of AdditiveCell.widths"
        widths = tuple(whole_number(width, name, low=1) for width in self.widths)
        carried = whole_number(self.carried, "AdditiveCell.carried", low=0)
        if carried > widths[0]:
            raise SpecError(
                f"AdditiveCell.carried must be at most the input's {widths[0]} channels, "
                f"got {carried}"
            )
        # Lists would not hash, and numpy integers not go into JSON.
        object.__setattr__(self, "widths", widths)
        object.__setattr__(self, "carried", carried)

    def nodes(self, rule: MassRule = RELEASED) -> tuple[int, ...]:
        """The node widths that ``rule`` counts."""
        if self.is_ratio_one and rule.ratio_one == "released":
            return (self.widths[0], *self.widths)
        return self.widths

    def links_by(self, rule: MassRule = RELEASED) -> int:
        """Channels of the shortcut that ``rule`` counts."""
        return 0 if self.has_projection and not rule.count_projections else self.carried

    def possible_links_by(self, rule: MassRule = RELEASED) -> int:
        """``sum over i = 2..d of |v_0| + .. + |v_(i-2)|``."""
        nodes = self.nodes(rule)
        return sum((len(nodes) - 2 - i) * width for i, width in enumerate(nodes[:-2]))

    def exact_mass_by(self, rule: MassRule = RELEASED) -> Fraction:
        """The mass under ``rule``, as an exact fraction."""
        nodes = self.nodes(rule)
        counted = nodes if rule.sum_over == "all-nodes" else nodes[:-1]
        return Fraction(self.links_by(rule) * sum(counted), self.possible_links_by(rule))

    @property
    def links(self) -> int:
        """Channels that the shortcut carries."""
        return self.links_by()

    @property
    def possible_links(self) -> int:
        """Candidates under the released rule."""
        return self.possible_links_by()

    @property
    def exact_mass(self) -> Fraction:
        """The mass under the released rule, as an exact fraction."""
        return self.exact_mass_by()

    @property
    def density(self) -> float:
        """Links over possible links."""
        return self.links / self.possible_links

    @property
    def mass(self) -> float:
        """NN-Mass of the block under the released rule."""
        return float(self.exact_mass)

    def to_dict(self) -> dict[str, object]:
        """The cell and its numbers, as plain data."""
        return {
            "kind": "addition",
            "widths": list(self.widths),
            "depth": len(self.widths) - 1,
            "carried": self.carried,
            "has_projection": self.has_projection,
            "links": self.links,
            "possible_links": self.possible_links,
            "density": self.density,
            "mass": self.mass,
        }
