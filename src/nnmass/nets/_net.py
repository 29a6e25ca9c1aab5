"""What every network built from a spec is."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from nnmass.specs import Spec


class Net(nn.Module):
    """A network that knows its spec.

    Attributes:
        spec: What it was built from.
        seed: The seed of its links and first weights.
        changed_by: The function that made other layers of some; empty where they are those of
            the spec.
    """

    spec: Spec
    seed: int
    changed_by: str = ""

    @property
    def mass(self) -> float:
        """NN-Mass of the spec."""
        return self.spec.mass

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of inputs (N, ...), each of ``spec.input_shape``."""
