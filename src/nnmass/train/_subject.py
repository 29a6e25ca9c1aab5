"""What is trained, as a record names it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from nnmass.errors import SpecError
from nnmass.specs import Spec
from nnmass.tracing import trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The name and the sizes of a network that is trained.

    Attributes:
        name: What the record shows as its ``spec``.
        mass: NN-Mass; ``None`` where it is not known.
        params: Trainable parameters.
        macs: Multiply-adds of one input.
        spec: The spec that the network was built from, if it can be built from it again.
    """

    name: str
    mass: float | None
    params: int
    macs: int
    spec: Spec | None = None

    def __post_init__(self) -> None:
        """A name is what a record is found by."""
        _check_name(self.name)

    @classmethod
    def of_spec(cls, spec: Spec) -> Subject:
        """The network of a spec."""
        return cls(name=str(spec), mass=spec.mass, params=spec.params, macs=spec.macs, spec=spec)

    @classmethod
    def of_module(cls, net: nn.Module, input_shape: Sequence[int], *, name: str) -> Subject:
        """Any module, traced on an input of ``input_shape`` (without the batch).

        Args:
            net: Left as it was.
            input_shape: Of one input, (C, H, W) for images.
            name: Of the network, not empty.

        Raises:
            SpecError: The name is empty.
            TraceError: It cannot be run on such an input.

        Example:
            >>> net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
            >>> subject = Subject.of_module(net, (1, 8, 8), name="one layer")
            >>> subject.params, subject.macs
            (650, 640)
        """
        _check_name(name)
        found = trace(net, input_shape, name=name)
        mass = None if math.isnan(found.mass) else found.mass
        return cls(name=name, mass=mass, params=found.params, macs=found.macs)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name.strip():
        raise SpecError(f"a training needs the name of its network, got {name!r}")
