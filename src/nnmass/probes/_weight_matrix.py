"""The matrix of a weight layer and its singular values, without any activation."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nnmass.errors import ProbeError
from nnmass.topology import SingularValueLaw

FREQUENCIES = 16
"""Along each dimension of a convolution's grid; halved until the work is affordable."""

_FEWEST, _MOST_WORK = 2, 1e9
_SMALL = 50  # rows below which a decomposition costs its overhead

WeightLayer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightMatrix:
    """The matrices of one layer and the singular values of all of them.

    A linear layer has one. A convolution with circular padding has one for every frequency of the
    feature map and every group, with ``out / groups`` rows and ``in / groups`` columns for each
    phase of the stride that its kernel reaches; their singular values together are those of the
    whole layer, but for zeros of inputs that no output reads. The frequencies are those of a
    square map of `FREQUENCIES` outputs a side, and of fewer where the matrices are so large that
    few of them tell as much; one where all are alike (1x1 kernels, patches). Zero padding changes
    the border alone.

    Attributes:
        kind: ``linear`` or ``convolution``.
        rows: Of one matrix.
        columns: Of one matrix.
        n_matrices: Groups times frequencies.
        grid: Frequencies along each dimension; empty for a linear layer.
        entry_std: Root of the mean variance of their entries, about the mean of the weights.
        is_even: Whether all entries have the same variance, as the law takes it; not so where
            phases of the stride get unequally many weights.
        values: Ascending (n,).
        shares: What each counts, of all of them, (n,); they add up to 1.
    """

    kind: str
    rows: int
    columns: int
    n_matrices: int
    grid: tuple[int, ...]
    entry_std: float
    is_even: bool
    values: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]

    @property
    def law(self) -> SingularValueLaw:
        """The law of matrices of this shape and spread."""
        return SingularValueLaw(self.rows, self.columns, self.entry_std)


def weight_matrix(layer: WeightLayer) -> WeightMatrix:
    """The matrices of ``layer``, in float64 on the CPU.

    Raises:
        ProbeError: Its weights are not finite, complex, none at all, or all equal.
    """
    weight = _checked(layer.weight.detach())
    std = float(weight.std())
    if isinstance(layer, nn.Linear):
        values = torch.linalg.svdvals(weight).flip(0).numpy()
        return WeightMatrix(
            kind="linear",
            rows=weight.shape[0],
            columns=weight.shape[1],
            n_matrices=1,
            grid=(),
            entry_std=std,
            is_even=True,
            values=values,
            shares=np.full(len(values), 1 / len(values)),
        )
    return _convolution(layer, weight, std)


def _checked(weight: Tensor) -> Tensor:
    if weight.is_complex():
        raise ProbeError(f"its weights are {weight.dtype}, and only real ones are known here")
    if weight.numel() == 0:
        raise ProbeError(f"it has no weights (shape {tuple(weight.shape)})")
    weight = weight.to("cpu", torch.float64)
    n_bad = int((~weight.isfinite()).sum())
    if n_bad:
        raise ProbeError(f"{n_bad} of its {weight.numel()} weights are NaN or infinite")
    if float(weight.max()) == float(weight.min()):
        raise ProbeError("all its weights are equal, and the law is one of random entries")
    if not math.isfinite(float(weight.square().sum())):
        raise ProbeError(f"its weights are too large (up to {float(weight.abs().max()):.3g})")
    return weight


def _convolution(
    layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, weight: Tensor, std: float
) -> WeightMatrix:
    groups, kernel = layer.groups, weight.shape[2:]
    places = [
        _places(size, stride, dilation)
        for size, stride, dilation in zip(kernel, layer.stride, layer.dilation, strict=True)
    ]
    n_phases = math.prod(len(set(phases)) for _, phases in places)
    rows, columns = weight.shape[0] // groups, weight.shape[1] * n_phases
    if any(shift for shifts, _ in places for shift in shifts):
        side = _side(rows, columns, groups=groups, n_dims=len(kernel))
    else:
        side = 1  # a kernel of one output place: all frequencies have the same matrix
    grid = (side,) * len(kernel)
    matrices = _at_frequencies(weight, places, side=grid[0]).unflatten(1, (groups, rows))
    matrices = matrices.movedim(1, 0)  # groups, frequencies, rows, columns
    values = torch.linalg.svdvals(matrices)
    one = _symmetry(len(kernel), grid[0]) / (groups * values.shape[-1])
    shares = one[None, :, None].expand_as(values).flatten()
    values, order = values.flatten().sort(stable=True)
    return WeightMatrix(
        kind="convolution",
        rows=rows,
        columns=columns,
        n_matrices=groups * math.prod(grid),
        grid=grid,
        entry_std=std * math.sqrt(math.prod(kernel) / n_phases),
        is_even=all(len(set(Counter(phases).values())) == 1 for _, phases in places),
        values=values.numpy(),
        shares=shares[order].numpy(),
    )


def _places(size: int, stride: int, dilation: int) -> tuple[list[int], list[int]]:
    """For each weight along a dimension, the output it belongs to and the phase of the stride.

    A strided convolution is one without stride over the input's ``stride`` interleaved phases.
    """
    reach = [dilation * index for index in range(size)]
    used = sorted({place % stride for place in reach})
    return [place // stride for place in reach], [used.index(place % stride) for place in reach]


def _side(rows: int, columns: int, *, groups: int, n_dims: int) -> int:
    least, most = sorted((rows, columns))
    one = groups * least * most * max(least, _SMALL)
    side = FREQUENCIES
    while side > _FEWEST and one * side ** (n_dims - 1) * (side // 2 + 1) > _MOST_WORK:
        side //= 2
    return side


def _at_frequencies(
    weight: Tensor, places: list[tuple[list[int], list[int]]], *, side: int
) -> Tensor:
    """(frequencies, out, in * phases): the Fourier transform of the kernel, phase by phase.

    Of two opposite frequencies, whose matrices are conjugate, one is there.
    """
    result = weight.to(torch.complex128)
    n_dims = len(places)
    for dim, (shifts, phases) in enumerate(places):
        n_kept = side if dim < n_dims - 1 else side // 2 + 1
        waves = torch.zeros(len(shifts), n_kept, max(phases) + 1, dtype=torch.complex128)
        angle = -2 * math.pi / side * torch.arange(n_kept, dtype=torch.float64)
        for index, (shift, phase) in enumerate(zip(shifts, phases, strict=True)):
            turn = angle * shift
            waves[index, :, phase] = torch.polar(torch.ones_like(turn), turn)
        result = torch.tensordot(result, waves, dims=([2], [0]))
    order = [*range(2, 2 + 2 * n_dims, 2), 0, 1, *range(3, 3 + 2 * n_dims, 2)]
    by_frequency: Tensor = result.permute(order)
    return by_frequency.flatten(n_dims + 1).flatten(0, n_dims - 1)


def _symmetry(n_dims: int, side: int) -> Tensor:
    """What each kept frequency counts; they add up to 1."""
    last = torch.full((side // 2 + 1,), 2.0, dtype=torch.float64)
    last[0] = last[-1] = 1.0
    every = last.repeat(side ** (n_dims - 1))
    return every / float(every.sum())
