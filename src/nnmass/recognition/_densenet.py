"""DenseNet from layers: blocks, growth, bottleneck, compression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnmass.recognition._seen import Seen, UnlikeError, most_common
from nnmass.recognition._simplest import simplest
from nnmass.specs import DenseNet
from nnmass.tracing import WeightLayer


def densenets(seen: Seen) -> Iterator[DenseNet]:
    """The DenseNet whose blocks have as many layers."""
    if not any(cell.kind == "concatenation" for cell in seen.reading.topology.cells):
        raise UnlikeError("it has no dense block: nothing is concatenated")
    first, *body = seen.convolutions
    body = [layer for layer in body if layer.shape.kernel in ((1, 1), (3, 3))]
    word = "".join("13"[layer.shape.kernel == (3, 3)] for layer in body)
    growth = most_common(
        [layer.shape.outputs for layer in body if layer.shape.kernel == (3, 3)] or [0]
    )
    if not growth:
        raise UnlikeError("it has no 3x3 convolution behind the stem")
    has_bottleneck = 2 * word.count("13") > word.count("3")
    if has_bottleneck:  # 3x3 convolutions before the first 1x1 are those of a deeper stem
        n_stem = len(word) - len(word.lstrip("3"))
        first = body[n_stem - 1] if n_stem else first
        body, word = body[n_stem:], word[n_stem:]
    inner = [body[at].shape.outputs for at in range(len(word)) if word.startswith("13", at)]
    blocks, transitions = _blocks(body, word, has_bottleneck=has_bottleneck)
    shape: dict[str, Any] = {
        "blocks": tuple(blocks),
        "growth": growth,
        "bottleneck": max(1, round(most_common(inner) / growth)) if has_bottleneck else 0,
        "stem": seen.stem_kind(body[0].size),
        "first": first.shape.outputs,
        **seen.image,
    }
    if transitions:
        shape["compression"] = _compression(shape, transitions)
    yield DenseNet(**shape)


def _blocks(
    body: Sequence[WeightLayer], word: str, *, has_bottleneck: bool
) -> tuple[list[int], list[WeightLayer]]:
    """Layers of each block, and the transitions between them."""
    layer, blocks, transitions, at = "13" if has_bottleneck else "3", [0], list[WeightLayer](), 0
    while at < len(word):
        if word.startswith(layer, at):
            blocks[-1] += 1
            at += len(layer)
        elif word[at] == "1":
            transitions.append(body[at])
            blocks.append(0)
            at += 1
        else:
            raise UnlikeError(f"{body[at].path} is a {body[at]} without a 1x1 before it")
    if not all(blocks):
        raise UnlikeError(f"a block without a layer was found (layers: {blocks})")
    return blocks, transitions


def _compression(shape: Mapping[str, Any], transitions: Sequence[WeightLayer]) -> float:
    """The share that gives the channels behind every transition."""
    given = [layer.shape.outputs for layer in transitions]
    shares = [layer.shape.outputs / layer.shape.inputs for layer in transitions]
    high = min(1.0, *((n + 1) / n * share for n, share in zip(given, shares, strict=True)))

    def fits(share: float) -> bool:
        cells = DenseNet(compression=share, **shape).cells
        return [cell.inputs for cell in cells[1:]] == given

    usual = next((share for share in (0.5, 1.0) if fits(share)), None)
    return usual or simplest(max(shares), high, fits) or min(1.0, shares[0])
