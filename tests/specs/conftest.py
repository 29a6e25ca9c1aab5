"""A count of parameters and multiply-adds, layer by layer, that knows no closed form."""

from __future__ import annotations

from math import prod

import pytest


class LayerTally:
    """Adds up the layers of a network as they are named, following the side of the image."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.params = 0
        self.macs = 0

    def conv(self, inputs, outputs, kernel, *, stride=1, groups=1, bias=False, pad=None, at=None):
        """``at``: the side that comes in, for a branch beside the main path."""
        size = self.size if at is None else at
        pad = kernel // 2 if pad is None else pad
        size = (size + 2 * pad - kernel) // stride + 1
        weight = (outputs, inputs // groups, kernel, kernel)
        assert inputs % groups == outputs % groups == 0
        self.params += prod(weight) + (outputs if bias else 0)
        self.macs += prod(weight) * size * size
        if at is None:
            self.size = size

    def norm(self, channels):
        self.params += channels + channels

    def linear(self, inputs, outputs):
        self.params += inputs * outputs + outputs
        self.macs += inputs * outputs

    def pool(self, kernel, stride, pad=0):
        self.size = (self.size + 2 * pad - kernel) // stride + 1

    @property
    def both(self):
        return self.params, self.macs


@pytest.fixture(scope="session")
def tally():
    return LayerTally
