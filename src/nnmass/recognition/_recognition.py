"""What recognising a network gives."""

from __future__ import annotations

from dataclasses import dataclass

from nnmass.specs import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """The spec of a network, or why it has none.

    Attributes:
        name: What the network is called.
        spec: The spec whose closed forms give the network's mass, multiply-adds, cells and layers,
            and its parameters but for what ``differences`` names; ``None`` if there is none.
        closest: ``spec``, or else the spec that comes nearest; ``None`` if no family fits at all.
        family: Family of ``closest``.
        differences: What the network has and ``closest`` has not, or the other way round; without
            a ``closest``, why it is of no family. Sentences.
        mass: NN-Mass of the network; ``None`` where it could not be followed.
        params: Parameters of the network.
        macs: Multiply-adds of the network.

    Example:
        >>> found = Recognition(
        ...     name="mine", spec=None, closest=None, family=None,
        ...     differences=("mobilenet-v2: no depthwise convolution",), mass=8.0, params=9, macs=9,
        ... )
        >>> found.exact, str(found)
        (False, 'mine is of no family of ours: mobilenet-v2: no depthwise convolution')
    """

    name: str
    spec: Spec | None
    closest: Spec | None
    family: str | None
    differences: tuple[str, ...]
    mass: float | None
    params: int
    macs: int

    @property
    def exact(self) -> bool:
        """The network is its spec, as far as layers, norms, activations and numbers tell."""
        return self.spec is not None and not self.differences

    @property
    def advice(self) -> str:
        """What to do where the spec is missing; empty where it is there."""
        if self.spec is not None:
            return ""
        if self.closest is not None:
            return (
                f"give {str(self.closest)!r} itself to go on with that one, or another family "
                "(--family in the shell, family= in Python)"
            )
        return (
            "give a spec string that comes near it instead; `nnmass nets ls` lists the families, "
            "and `nnmass inspect` has the network's own numbers"
        )

    def __str__(self) -> str:
        """The result as a sentence."""
        but = "; ".join(self.differences)
        if self.spec is not None:
            return f"{self.name} is {self.spec}" + (f", but for this: {but}" if but else "")
        if self.closest is not None:
            return f"{self.name} comes nearest to {self.closest}, but is not that: {but}"
        return f"{self.name} is of no family of ours: {but}"

    def to_dict(self) -> dict[str, object]:
        """The result as plain data."""
        return {
            "name": self.name,
            "spec": None if self.spec is None else str(self.spec),
            "closest": None if self.closest is None else str(self.closest),
            "family": self.family,
            "exact": self.exact,
            "differences": list(self.differences),
            "mass": self.mass,
            "params": self.params,
            "macs": self.macs,
            "advice": self.advice,
        }
