"""Which elements of the full parameters a level has."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nnmass.slim._subnets._views import Narrowing, Runs


def used_elements(
    net: nn.Module, plans: Mapping[str, Narrowing], *, prefix: str
) -> dict[str, Tensor]:
    """For each parameter that is sliced, by its name behind ``prefix``: bool, of its shape."""
    used = {}
    for path, plan in plans.items():
        for name, axes in plan.slices.items():
            parameter = net.get_submodule(path).get_parameter(name)
            used[f"{prefix}{path}.{name}"] = _inside(parameter, axes)
    return used


def _inside(parameter: Tensor, axes: tuple[Runs, ...]) -> Tensor:
    inside = torch.ones(parameter.shape, dtype=torch.bool, device=parameter.device)
    for axis, runs in enumerate(axes):
        along = torch.zeros(parameter.shape[axis], dtype=torch.bool, device=parameter.device)
        for start, length in runs:
            along[start : start + length] = True
        inside &= along.reshape([-1 if n == axis else 1 for n in range(parameter.ndim)])
    return inside
