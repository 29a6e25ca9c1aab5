"""Random-matrix theory beside the weights of a network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nnmass._device import describe
from nnmass.errors import ProbeError
from nnmass.probes._borrowed import borrowed, reject_compiled
from nnmass.probes._draws import Network, draws, name_of, seeds_for
from nnmass.probes._spectrum import LEVELS
from nnmass.probes._theory_cells import cell_theory, typical_layers
from nnmass.probes._theory_result import IsometryTheory, LayerTheory, ValueSpread, bin_edges
from nnmass.probes._weight_matrix import WeightLayer, WeightMatrix, weight_matrix
from nnmass.runs import environment
from nnmass.topology import Cell, SingularValueLaw


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A layer of the first initialisation that others are laid beside."""

    path: str
    kind: str
    size: tuple[int, ...]


def isometry_theory(
    network: Network,
    *,
    seeds: int | Sequence[int] | None = None,
    on_draw: Callable[[int | None], None] | None = None,
) -> IsometryTheory:
    """Singular values of the weights at initialisation beside the Marchenko-Pastur law.

    For each ``nn.Linear`` and ``nn.Conv1d``, ``2d`` and ``3d`` the singular values of its own
    matrix W, without the activation in front of it (`nnmass.ldi` measures the Jacobian, with it):

    - a linear layer: of its weight, exactly;
    - a convolution: for circular padding, where every frequency of the feature map has a matrix
      of ``out / groups`` rows and ``in / groups`` columns, whose entries have ``k_h k_w`` times
      the variance of a weight. With a stride a matrix has those columns once for each phase of
      the stride that the kernel reaches; their entries then differ in variance, and the law is
      told for the mean variance. Frequencies: 16 along each dimension, fewer for large matrices.

    For networks of ours (dense MLP, dense CNN) also each cell's average degree, and the mean
    singular value that width and mass predict. Neither images nor a forward pass are needed.

    Args:
        network: A module as it is, or a spec, a name, or a function that makes a module.
        seeds: Initialisations, how many or which; 5 unless told. Not for a module.
        on_draw: Called with the seed of each initialisation when it is done.

    Returns:
        Layers and cells, and a `caveat` about the scale that belongs beside every such number. A
        layer with weights that are not finite, or all equal, has a reason instead of numbers.

    Raises:
        ProbeError: It is no network, has no such layer or no weights, is compiled, or its layers
            differ from one initialisation to the next.

    Source:
        Marchenko and Pastur, 1967; convolutions by frequency: Sedghi, Gupta, Long, ICLR 2019
        (arXiv:1805.10408); the cell's matrix from the authors' simulation (LiGuihong/NN_MASS).

    Example:
        >>> theory = isometry_theory("dense-mlp(w=8,d=16,t=8)", seeds=5)
        >>> cell = theory.cells[0]
        >>> round(cell.predicted_fan_in, 2), round(cell.mean, 2)
        (0.54, 0.54)
    """
    start = time.perf_counter()
    chosen = seeds_for(network, seeds)
    shapes, left_out = list[_Shape](), tuple[str, ...]()
    found = list[list[WeightMatrix | str]]()
    cells = list[tuple[Cell, tuple[str, ...]]]()
    for seed, model in draws(network, chosen):
        reject_compiled(model, name_of(network))
        with borrowed(model, torch.device("cpu"), batch_norm="running"):
            layers = list(_weight_layers(model))
            drawn = [_Shape(path=p, kind=_kind(m), size=tuple(m.weight.shape)) for p, m in layers]
            _check_alike(model, shapes or drawn, drawn, seed)
            if not shapes:
                shapes, left_out = drawn, _left_out(model, layers)
                cells = list(typical_layers(model))
            found.append([_measured(layer) for _, layer in layers])
        if on_draw is not None:
            on_draw(seed)
    by_layer = [
        _layer(shape, drawn) for shape, drawn in zip(shapes, zip(*found, strict=True), strict=True)
    ]
    return IsometryTheory(
        network=name_of(network),
        seeds=chosen,
        layers=tuple(by_layer),
        cells=tuple(cell_theory(i, cell, paths, by_layer) for i, (cell, paths) in enumerate(cells)),
        left_out=left_out,
        elapsed_s=time.perf_counter() - start,
        environment=environment(describe(torch.device("cpu"))),
    )


def _weight_layers(model: nn.Module) -> Iterator[tuple[str, WeightLayer]]:
    for path, module in model.named_modules():
        if isinstance(module, WeightLayer):
            yield path, module


def _kind(layer: WeightLayer) -> str:
    return "linear" if isinstance(layer, nn.Linear) else "convolution"


def _left_out(model: nn.Module, layers: Sequence[tuple[str, WeightLayer]]) -> tuple[str, ...]:
    taken = tuple(f"{path}." if path else "" for path, _ in layers)
    return tuple(
        path
        for path, parameter in model.named_parameters()
        if parameter.ndim >= 2 and not path.startswith(taken)
    )


def _check_alike(
    model: nn.Module, first: Sequence[_Shape], drawn: Sequence[_Shape], seed: int | None
) -> None:
    if not drawn:
        raise ProbeError(
            f"{type(model).__name__} has no nn.Linear, nn.Conv1d, nn.Conv2d or nn.Conv3d, and the "
            "law is one of their weights: give a network with such layers"
        )
    if list(first) != list(drawn):
        pairs = zip(first, drawn, strict=False)
        other = next((b for a, b in pairs if a != b), None)
        where = f"{other.path} of shape {other.size}" if other else f"{len(drawn)} layers"
        raise ProbeError(
            f"seed {seed} gave another network than the first: {where} where there was something "
            "else. Initialisations of one network must have the same layers"
        )


def _measured(layer: WeightLayer) -> WeightMatrix | str:
    """The layer's matrices, or why there are no numbers."""
    try:
        return weight_matrix(layer)
    except ProbeError as error:
        return str(error)


def _layer(shape: _Shape, drawn: Sequence[WeightMatrix | str]) -> LayerTheory:
    """One layer over all initialisations."""
    known = [matrix for matrix in drawn if isinstance(matrix, WeightMatrix)]
    reason = next((reason for reason in drawn if isinstance(reason, str)), "")
    first = known[0] if known else None
    bare = LayerTheory(
        path=shape.path,
        kind=shape.kind,
        rows=first.rows if first else shape.size[0],
        columns=first.columns if first else shape.size[1],
        n_matrices=first.n_matrices if first else 1,
        grid=first.grid if first else (),
        is_even=first.is_even if first else True,
        entry_stds=tuple(None if isinstance(m, str) else m.entry_std for m in drawn),
        means=tuple(None if isinstance(m, str) else float(m.values @ m.shares) for m in drawn),
        reason=reason,
    )
    return bare if reason else _with_numbers(bare, known)


def _with_numbers(layer: LayerTheory, drawn: Sequence[WeightMatrix]) -> LayerTheory:
    values = np.concatenate([matrix.values for matrix in drawn])
    shares = np.concatenate([matrix.shares for matrix in drawn]) / len(drawn)
    order = np.argsort(values, kind="stable")
    values, shares = values[order], shares[order]
    law = SingularValueLaw(layer.rows, layer.columns, layer.entry_std or 0)
    units = np.concatenate([matrix.values / matrix.law.scale for matrix in drawn])[order]
    histogram, _ = np.histogram(units, bin_edges(layer.rows, layer.columns), weights=shares)
    mean = float(values @ shares)
    middles = np.cumsum(shares) - shares / 2
    return replace(
        layer,
        measured=ValueSpread(
            mean=mean,
            std=float(np.sqrt(((values - mean) ** 2) @ shares)),
            quantiles=tuple(np.interp(LEVELS, middles, values).tolist()),
        ),
        predicted=ValueSpread(
            mean=law.mean, std=law.deviation, quantiles=tuple(law.quantiles(LEVELS).tolist())
        ),
        distance=distance(values, shares, law),
        histogram=tuple(histogram.tolist()),
    )


def distance(
    values: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], law: SingularValueLaw
) -> float:
    """Kolmogorov and Smirnov's distance of ascending values, of which each counts its share."""
    expected, upper = law.distribution(values), np.cumsum(shares)
    return float(np.maximum(np.abs(upper - expected), np.abs(upper - shares - expected)).max())
