"""One network of a family, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A level of a family.

    Attributes:
        name: What tables call it.
        widths: For each channel group that may be narrowed, how many channels it has.
        macs: Multiply-adds of one image.
        params: Trainable parameters.
        mass: NN-Mass; ``nan`` where it cannot be read.
    """

    name: str
    widths: dict[str, int]
    macs: int
    params: int
    mass: float

    def to_dict(self) -> dict[str, object]:
        """Plain data; a mass that is not there is ``None``."""
        return {
            "name": self.name,
            "widths": dict(self.widths),
            "macs": self.macs,
            "params": self.params,
            "mass": None if math.isnan(self.mass) else self.mass,
        }
