"""A network beside a spec: the same, or what differs by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnmass.nets import build
from nnmass.recognition._layer_differences import layer_differences, signature
from nnmass.recognition._seen import Seen
from nnmass.specs import Spec
from nnmass.tracing import LayerReading, TracedCell, WeightLayer, trace_layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What comparing a network with a spec gave.

    Attributes:
        spec: The spec.
        refusals: Why the network is not that; empty where all numbers agree.
        remarks: What the network has that no number of the spec shows.
        distance: 0 for the same layers, 1 for none in common.
    """

    spec: Spec
    refusals: tuple[str, ...]
    remarks: tuple[str, ...]
    distance: float


def compare(seen: Seen, spec: Spec) -> Comparison:
    """Layers, cells, mass, multiply-adds and parameters of a network against those of ``spec``.

    The numbers are those of the closed forms; the layers and cells are traced from the network
    that the spec builds.
    """
    theirs = seen.reading
    ours = trace_layers(build(spec, device="meta"), spec.input_shape)
    remarks, named = _extras(theirs, ours)
    refusals = (
        *_on_layers(seen, ours),
        *_on_cells(theirs, ours),
        *_on_numbers(theirs, ours, spec, named),
    )
    return Comparison(
        spec=spec,
        refusals=refusals,
        remarks=(*remarks, *_on_calls(theirs, ours), *_on_input(theirs, spec)),
        distance=_distance(theirs.layers, ours.layers),
    )


def _distance(theirs: Sequence[WeightLayer], ours: Sequence[WeightLayer]) -> float:
    mine, other = Counter(map(signature, theirs)), Counter(map(signature, ours))
    return 1 - (mine & other).total() / max(1, (mine | other).total())


def _on_layers(seen: Seen, ours: LayerReading) -> Iterator[str]:
    if _is_same(seen.reading.layers, ours.layers):
        return
    if seen.sides:
        yield (
            f"{len(seen.sides)} layers stand beside the way from input to output, such as "
            f"{seen.sides[0].path} (squeeze-excitation or the like), where the spec has none"
        )
    yield from layer_differences(seen.main, ours.layers)


def _is_same(theirs: Sequence[WeightLayer], ours: Sequence[WeightLayer]) -> bool:
    return Counter(map(signature, theirs)) == Counter(map(signature, ours))


def _on_cells(theirs: LayerReading, ours: LayerReading) -> Iterator[str]:
    mine, other = theirs.topology.cells, ours.topology.cells
    if len(mine) != len(other):
        yield f"it has {len(mine)} cells with skips, the spec has {len(other)}"
        return
    for number, (one, two) in enumerate(zip(mine, other, strict=True), start=1):
        if _shape(one) != _shape(two):
            yield (
                f"cell {number} of {len(mine)} (ends at {one.chain[-1]}) is "
                f"{_in_words(one)}; in the spec it is {_in_words(two)}"
            )
            return


def _shape(cell: TracedCell) -> tuple[object, ...]:
    return (cell.kind, cell.widths, cell.links, cell.is_ratio_one, cell.unread)


def _in_words(cell: TracedCell) -> str:
    article = "an" if cell.kind == "addition" else "a"
    lost = " and cannot be followed" if cell.unread else ""
    widths = "/".join(map(str, cell.widths[:8])) + ("/.." if len(cell.widths) > 8 else "")
    return f"{article} {cell.kind} over {widths} channels with {cell.links} links{lost}"


def _on_numbers(theirs: LayerReading, ours: LayerReading, spec: Spec, named: int) -> Iterator[str]:
    topology = theirs.topology
    if not topology.is_read:
        yield f"its mass could not be followed: {topology.notes[0]}"
    elif topology.mass != spec.mass:
        more = topology.mass - spec.mass
        numbers = f"{topology.mass:,.2f}, that of the spec {spec.mass:,.2f} ({more:+,.2f})"
        yield f"its NN-Mass is {numbers}"
    if topology.macs != spec.macs:
        yield _number("MACs", topology.macs, spec.macs)
    if topology.params - named != spec.params:
        without = f" without the {named:,} named here" if named else ""
        is_same = _is_same(theirs.layers, ours.layers)
        why = "; all weight layers are equal, so they lie in norms or the like" if is_same else ""
        what = f"parameters{without}"
        yield _number(what, topology.params - named, spec.params) + why


def _number(what: str, theirs: int, ours: int) -> str:
    return f"it has {theirs:,} {what}, the spec has {ours:,} ({theirs - ours:+,})"


def _extras(theirs: LayerReading, ours: LayerReading) -> tuple[list[str], int]:
    """Parameters that the family has not, in sentences and in all."""
    biases = _biases(theirs.layers) - _biases(ours.layers)
    unused = sum(theirs.unused.values())
    remarks = []
    if biases > 0:
        remarks.append(
            f"its layers have {biases:,} parameters of biases, where the family has none"
        )
    if unused:
        where = ", ".join(path or "the model itself" for path in list(theirs.unused)[:3])
        remarks.append(f"{unused:,} parameters take no part in its forward pass ({where})")
    return remarks, max(0, biases) + unused


def _biases(layers: Sequence[WeightLayer]) -> int:
    return sum(
        layer.shape.outputs
        for layer in layers
        if layer.shape.has_bias and not layer.is_side and "#" not in layer.path
    )


def _on_calls(theirs: LayerReading, ours: LayerReading) -> Iterator[str]:
    """Norms and activations of another kind; how often they are called is not compared."""
    mine, other = set(theirs.calls), set(ours.calls)
    if mine != other:
        yield (
            f"its norms and activations are {_listed(mine)}; those of the spec are {_listed(other)}"
        )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _on_input(theirs: LayerReading, spec: Spec) -> Iterator[str]:
    """A spec of a flat input takes anything that flattens to it."""
    shape = theirs.topology.input_shape
    if shape != spec.input_shape:
        shown = "x".join(map(str, shape))
        yield f"its input is {shown}, that of the spec {'x'.join(map(str, spec.input_shape))}"
