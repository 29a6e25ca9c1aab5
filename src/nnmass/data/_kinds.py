"""Data sets that differ in the arguments of their name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetKind:
    """Data sets that differ in the arguments of their name.

    Attributes:
        name: The word in front of the bracket.
        syntax: How a name is written; what stands in square brackets may be left out.
        title: What they are.
        example: A name.
    """

    name: str
    syntax: str
    title: str
    example: str


_POINTS = "range=1|100,noise=SD,seed=N"
_IMAGES = "size=PIXELS,broken=stop|skip"
DATASET_KINDS: Mapping[str, DatasetKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            DatasetKind(
                name="segments",
                syntax=f"segments(S[,{_POINTS}])",
                title="Made points on a line, S segments of alternating classes",
                example="segments(20)",
            ),
            DatasetKind(
                name="circles",
                syntax=f"circles(S[,{_POINTS}])",
                title="Made points in a disc, S rings of alternating classes",
                example="circles(20)",
            ),
            DatasetKind(
                name="folder",
                syntax=f"folder(PATH[,{_IMAGES}])",
                title="A folder of images with train/CLASS/ and val/CLASS/",
                example="folder(photos,size=64)",
            ),
            DatasetKind(
                name="imagenet",
                syntax=f"imagenet[({_IMAGES})]",
                title="ImageNet (ILSVRC 2012) in folders train/ and val/",
                example="imagenet(size=128)",
            ),
            DatasetKind(
                name="tiny-imagenet",
                syntax=f"tiny-imagenet[({_IMAGES})]",
                title="Tiny ImageNet, as its archive unpacks",
                example="tiny-imagenet",
            ),
        )
    }
)
"""The data sets that are described by their names, by the word in front of the bracket."""
