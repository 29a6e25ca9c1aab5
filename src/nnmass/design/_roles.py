"""What may vary in a space, family by family, and what that means for its mass."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Role = Literal["width", "depth", "links"]

WIDTHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dense-mlp": ("w",),
        "dense-cnn": ("wm",),
        "dense-cnn-dw": ("wm",),
        "densenet": ("growth", "bottleneck", "compression"),
        "resnet": ("wm",),
        "wide-resnet": ("widen",),
        "resnext": ("groups", "width"),
        "mobilenet-v2": ("wm",),
    }
)
"""Keys that set widths, the main one first: masses are comparable where they are equal."""

DEPTHS: Mapping[str, str] = MappingProxyType(
    {
        "dense-mlp": "d",
        "dense-cnn": "d",
        "dense-cnn-dw": "d",
        "densenet": "blocks",
        "resnet": "blocks",
        "wide-resnet": "blocks",
        "resnext": "blocks",
        "mobilenet-v2": "rows",
    }
)
"""The key that sets the depths of cells, blocks, stages or rows."""

LINKED = ("dense-mlp", "dense-cnn", "dense-cnn-dw")
"""Families whose cells have link caps, under the key ``t``."""

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "dense-mlp": "cell",
        "dense-cnn": "cell",
        "dense-cnn-dw": "cell",
        "densenet": "block",
        "resnet": "stage",
        "wide-resnet": "stage",
        "resnext": "stage",
        "mobilenet-v2": "row",
    }
)
"""What the parts of such a network are called."""


def role_of(family: str, key: str) -> Role | None:
    """What varying the field ``key`` means; ``None`` where it may not vary."""
    if key in WIDTHS.get(family, ()):
        return "width"
    if key == DEPTHS.get(family):
        return "depth"
    return "links" if key == "t" and family in LINKED else None
