"""The cells of a network of ours beside the published form of their matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import fmean

from torch import nn

from nnmass.nets import Net
from nnmass.probes._theory_result import CellTheory, LayerTheory
from nnmass.specs import DenseConvSpec, DenseMLP, Spec
from nnmass.topology import Cell


def typical_layers(model: nn.Module) -> Iterator[tuple[Cell, tuple[str, ...]]]:
    """The cells of a network of ours, each with the layers 2, 3, .. that read skips in it.

    Of a depthwise layer that is the first convolution; the classifier of an MLP is left out.
    """
    spec: Spec | None = model.spec if isinstance(model, Net) else None
    if isinstance(spec, DenseMLP):
        yield spec.cells[0], tuple(f"layers.{i}" for i in range(2, spec.depth - 1))
    elif isinstance(spec, DenseConvSpec):
        for index, plan in enumerate(spec.plans):
            reader = re.compile(rf"cells\.{index}\.layers\.(\d+)\.conv(\.expand)?")
            matches = (reader.fullmatch(path) for path, _ in model.named_modules())
            readers = [match for match in matches if match and int(match[1]) >= 2]
            # Of a depthwise layer both the layer and its first convolution match.
            longest = {match[1]: match[0] for match in readers}
            yield plan.cell, tuple(longest.values())


def cell_theory(
    index: int, cell: Cell, paths: tuple[str, ...], layers: Sequence[LayerTheory]
) -> CellTheory:
    """The cell with what was measured at its layers, for each initialisation."""
    chosen = [layer for layer in layers if layer.path in paths]
    means, unit_means = list[float | None](), list[float | None]()
    for draw in range(len(layers[0].means)):
        pairs = [(layer.means[draw], layer.entry_stds[draw]) for layer in chosen]
        known = [(mean, std) for mean, std in pairs if mean is not None and std is not None]
        is_whole = bool(known) and len(known) == len(pairs)
        means.append(fmean(mean for mean, _ in known) if is_whole else None)
        unit_means.append(fmean(mean / std for mean, std in known) if is_whole else None)
    return CellTheory(
        index=index, cell=cell, paths=paths, means=tuple(means), unit_means=tuple(unit_means)
    )
