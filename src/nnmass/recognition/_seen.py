"""A traced network as the families look at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from nnmass.tracing import LayerReading, WeightLayer

T = TypeVar("T", int, float)


class UnlikeError(Exception):
    """The network is not of a family; the message says why, as the end of "family: ..."."""


@dataclass(frozen=True)
class Seen:
    """A network's layers, sorted by the part that they play.

    Attributes:
        reading: What was traced.
    """

    reading: LayerReading

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input.

        Raises:
            UnlikeError: There are several inputs.
        """
        shape = self.reading.topology.input_shape
        flat = tuple(n for n in shape if isinstance(n, int))
        if len(flat) != len(shape):
            raise UnlikeError(f"it takes {len(shape)} inputs, and every family takes one")
        return flat

    @property
    def image(self) -> dict[str, int]:
        """Channels, side and classes, as specs of images take them.

        Raises:
            UnlikeError: The input is no square image.
        """
        shape = self.input_shape
        if len(shape) != 3 or shape[1] != shape[2]:
            shown = "x".join(map(str, shape))
            raise UnlikeError(f"it was given {shown}, the family takes square images (C, N, N)")
        return {"in_channels": shape[0], "image": shape[1], "classes": self.last.shape.outputs}

    @property
    def last(self) -> WeightLayer:
        """The layer that gives the classes."""
        return self.main[-1]

    @cached_property
    def sides(self) -> tuple[WeightLayer, ...]:
        """Layers beside the way from input to output: squeeze-excitation and the like."""
        return tuple(layer for layer in self.reading.layers if layer.is_side)

    @cached_property
    def main(self) -> tuple[WeightLayer, ...]:
        """All layers on the way from input to output."""
        return tuple(layer for layer in self.reading.layers if not layer.is_side)

    @cached_property
    def convolutions(self) -> tuple[WeightLayer, ...]:
        """The convolutions on the way from input to output.

        Raises:
            UnlikeError: There is none, or a layer is neither convolution nor linear.
        """
        convs = tuple(
            layer
            for layer in self.main
            if layer.shape.kind == "convolution" and len(layer.shape.kernel) == 2
        )
        odd = [layer for layer in self.reading.layers if layer.shape.kind == "other"]
        if odd:
            raise UnlikeError(f"{odd[0].path} is neither a convolution nor linear")
        if not convs:
            raise UnlikeError("it has no two-dimensional convolution")
        return convs

    @property
    def linears(self) -> tuple[WeightLayer, ...]:
        """The linear layers on the way from input to output."""
        return tuple(layer for layer in self.main if layer.shape.kind == "linear")

    @cached_property
    def stem(self) -> tuple[WeightLayer, ...]:
        """The convolutions before the first skip; the first one where there is no skip."""
        convs, cells = self.convolutions, self.reading.topology.cells
        if cells:
            start = cells[0].chain[0]
            for index, layer in enumerate(convs):
                if layer.path == start:
                    return convs[: index + 1]
        return convs[:1]

    @cached_property
    def body(self) -> tuple[WeightLayer, ...]:
        """The convolutions behind the stem."""
        return self.convolutions[len(self.stem) :]

    def stem_kind(self, first_size: tuple[int, ...]) -> str:
        """``imagenet``, ``cifar`` or ``mnist``, given the size of the maps behind the stem."""
        first, image = self.stem[0].shape, self.image
        is_large = first.kernel == (7, 7) and first.stride == (2, 2)
        is_small = first.kernel == (3, 3) and first.stride == (1, 1) and len(self.stem) == 1
        quarter = (image["image"] + 3) // 4
        if is_large or (not is_small and first_size and first_size[0] <= quarter):
            return "imagenet"
        return self.small_stem

    @property
    def small_stem(self) -> str:
        """The stem at full size: ``mnist`` for grey images, else ``cifar``."""
        return "mnist" if self.image["in_channels"] == 1 else "cifar"


def most_common(values: Sequence[T]) -> T:
    """The value that stands there most often; of several the first."""
    return Counter(values).most_common(1)[0][0]
