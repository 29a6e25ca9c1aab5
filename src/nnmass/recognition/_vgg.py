"""VGG from layers."""

from __future__ import annotations

from collections.abc import Iterator

from nnmass.recognition._seen import Seen, UnlikeError
from nnmass.specs import VGG

_DEPTHS = (11, 13, 16, 19)


def vggs(seen: Seen) -> Iterator[VGG]:
    """The VGG with as many convolutions, with and without batch norm."""
    if seen.reading.topology.cells:
        raise UnlikeError("it has skips, and the family has none")
    threes = [layer for layer in seen.convolutions if layer.shape.kernel == (3, 3)]
    others = [layer for layer in seen.convolutions if layer.places > 1 and layer not in threes]
    if others:
        raise UnlikeError(f"{others[0].path} is a {others[0]}; the family has 3x3 alone")
    is_known = [depth for depth in _DEPTHS if depth - 3 == len(threes)]
    if not is_known:
        raise UnlikeError(
            f"it has {len(threes)} convolutions of 3x3; the family has 8, 10, 13 or 16"
        )
    n_head = len(seen.main) - len(threes)
    stem = "imagenet" if n_head > 1 else "cifar"
    has_norm = any("batch_norm" in call for call in seen.reading.calls)
    yield VGG(depth=is_known[0], batch_norm=has_norm, stem=stem, **seen.image)
