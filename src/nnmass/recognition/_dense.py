"""The dense MLP and the dense CNNs from layers: widths, depths, link caps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from nnmass.recognition._seen import Seen, UnlikeError
from nnmass.specs import DenseCNN, DenseCNNDepthwise, DenseMLP
from nnmass.tracing import WeightLayer


@dataclass(frozen=True, slots=True)
class _Read:
    """A layer of a cell: what it reads, what it gives."""

    inputs: int
    outputs: int


def dense_mlps(seen: Seen) -> Iterator[DenseMLP]:
    """The dense MLP whose layers read as many features."""
    layers = seen.reading.layers
    odd = next((layer for layer in layers if layer.shape.kind != "linear"), None)
    if odd is not None:
        raise UnlikeError(f"{odd.path} is a {odd}; the family has linear layers alone")
    inputs, width = layers[0].shape.inputs, layers[0].shape.outputs
    if inputs != prod(seen.input_shape):
        raise UnlikeError(
            f"its first layer reads {inputs} of the {prod(seen.input_shape)} numbers of an input"
        )
    if len(layers) < 3:
        raise UnlikeError(f"it has {len(layers)} layers; the family has at least 3")
    uneven = next((layer for layer in layers[:-1] if layer.shape.outputs != width), None)
    if uneven is not None:
        raise UnlikeError(f"{uneven.path} is not {width} wide, as the first layer is")
    activation, wiring = _activation(seen)
    yield DenseMLP(
        width=width,
        depth=len(layers),
        link_cap=max(0, *(layer.shape.inputs - width for layer in layers[2:])),
        inputs=inputs,
        classes=layers[-1].shape.outputs,
        activation=activation,
        wiring=wiring,
    )


def _activation(seen: Seen) -> tuple[str, str]:
    """The activation, and the wiring by how often it is called: the legacy one calls once less."""
    calls = seen.reading.calls
    known = max(("elu", "relu", "tanh"), key=lambda name: calls.get(name, 0))
    is_legacy = calls.get(known) == len(seen.reading.layers) - 2
    return known, "legacy" if is_legacy else "uniform"


def dense_cnns(seen: Seen) -> Iterator[DenseCNN]:
    """The dense CNN whose 3x3 convolutions read as many channels."""
    convs = seen.convolutions
    odd = next((layer for layer in convs if layer.shape.kernel != (3, 3)), None)
    if odd is not None:
        raise UnlikeError(f"{odd.path} is a {odd}; the family has 3x3 alone")
    reads = [_Read(layer.shape.inputs, layer.shape.outputs) for layer in convs]
    multiplier, depths, caps = _cells(reads, seen)
    yield DenseCNN(width_multiplier=multiplier, depths=depths, link_caps=caps, **seen.image)


def dense_cnns_depthwise(seen: Seen) -> Iterator[DenseCNNDepthwise]:
    """The dense CNN whose triples of 1x1, depthwise, 1x1 read as many channels."""
    first, *others = seen.convolutions
    triples = [others[at : at + 3] for at in range(0, len(others), 3)]
    odd = next((triple for triple in triples if not _is_separable(triple)), None)
    if odd is not None:
        raise UnlikeError(f"1x1, 3x3 depthwise, 1x1 was looked for at {odd[0].path}")
    reads = [_Read(first.shape.inputs, first.shape.outputs)]
    reads += [_Read(triple[0].shape.inputs, triple[-1].shape.outputs) for triple in triples]
    multiplier, depths, caps = _cells(reads, seen)
    yield DenseCNNDepthwise(
        width_multiplier=multiplier, depths=depths, link_caps=caps, **seen.image
    )


def _is_separable(layers: Sequence[WeightLayer]) -> bool:
    if len(layers) != 3:
        return False
    before, middle, after = layers
    is_pointwise = before.shape.kernel == after.shape.kernel == (1, 1)
    return is_pointwise and middle.is_depthwise and middle.shape.kernel == (3, 3)


def _cells(reads: Sequence[_Read], seen: Seen) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Width multiplier, and depth and link cap of each cell."""
    added = next((c for c in seen.reading.topology.cells if c.kind == "addition"), None)
    if added is not None:
        raise UnlikeError(f"something is added at {added.chain[-1]}; the family concatenates")
    if len(seen.linears) != 1 or seen.last.shape.kind != "linear":
        raise UnlikeError(f"it has {len(seen.linears)} linear layers; the family has one, the last")
    cells: list[list[_Read]] = []
    for read in reads:
        if not cells or cells[-1][-1].outputs != read.outputs:
            cells.append([])
        cells[-1].append(read)
    widths = [cell[0].outputs for cell in cells]
    if widths[0] % 16 or any(width != widths[0] << at for at, width in enumerate(widths)):
        raise UnlikeError(
            f"its cells are {', '.join(map(str, widths[:6]))} wide; the family has 16, 32, 64, .. "
            "times a whole number"
        )
    depths = tuple(map(len, cells))
    if min(depths) < 3:
        raise UnlikeError(f"a cell has {min(depths)} layers; the family has at least 3")
    caps = tuple(
        max(0, *(read.inputs - width for read in cell[2:]))
        for cell, width in zip(cells, widths, strict=True)
    )
    return widths[0] // 16, depths, caps
