"""Optimiser steps of one sub-network that leave all weights outside it alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from nnmass.slim._subnets._costs import WidthCosts
from nnmass.slim._subnets._groups import ChannelGroups, Widths


def used_elements(model: nn.Module, groups: ChannelGroups, widths: Widths) -> dict[str, Tensor]:
    """Which elements of its parameters a sub-network of ``model`` has.

    Args:
        model: The full network, whose kept channels come first in every group.
        groups: Its channel groups.
        widths: Of the sub-network.

    Returns:
        For each parameter of a layer or a norm by its name a bool tensor of a shape that broadcasts
        to the parameter's; the others do not depend on widths.

    Raises:
        SpecError: The widths are not those of the groups.

    Example:
        >>> from nnmass.slim._subnets._find_groups import find_groups
        >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> used = used_elements(model, find_groups(model, (3,)), {"0": 1})
        >>> used["0.bias"].tolist(), used["2.weight"].tolist()
        ([True, False, False, False], [[True, False, False, False], [True, False, False, False]])
    """
    counts = WidthCosts(groups).counts(widths)
    used = dict[str, Tensor]()
    for layer in groups.layers:
        weight = model.get_parameter(f"{layer.path}.weight")
        rows = torch.arange(len(weight), device=weight.device) < int(counts[layer.makes])
        columns = torch.ones(weight.shape[1], dtype=torch.bool, device=weight.device)
        if weight.shape[1] == len(layer.reads.groups):  # neither depthwise nor grouped
            columns = _mask(layer.reads.kept(counts), weight.shape[1], weight.device)
        both = rows[:, None] & columns[None]
        used[f"{layer.path}.weight"] = both.view(*both.shape, *[1] * (weight.ndim - 2))
        if layer.has_bias:
            used[f"{layer.path}.bias"] = rows
    for norm in groups.norms:
        if norm.params:
            weight = model.get_parameter(f"{norm.path}.weight")
            mask = _mask(norm.reads.kept(counts), len(weight), weight.device)
            used |= {f"{norm.path}.weight": mask, f"{norm.path}.bias": mask}
    return used


def masked_step(optimiser: torch.optim.Optimizer, masks: Mapping[nn.Parameter, Tensor]) -> None:
    """A step of the optimiser after which all elements outside the masks are what they were.

    So are their momenta: a weight decay or an old momentum does not move what did not run.

    Args:
        optimiser: Of any kind whose state has one tensor of a parameter's shape for each quantity.
        masks: For each parameter that is part of a sub-network, bool, broadcast to its shape;
            parameters without one move as usual.
    """
    before = {
        parameter: {key: value.clone() for key, value in _tensors(optimiser, parameter)}
        for parameter in masks
    }
    optimiser.step()
    with torch.no_grad():
        for parameter, mask in masks.items():
            for key, value in _tensors(optimiser, parameter):
                # a momentum that was not there before was 0
                old = before[parameter].get(key, torch.zeros_like(value))
                value.copy_(torch.where(mask, value, old))


def _tensors(
    optimiser: torch.optim.Optimizer, parameter: nn.Parameter
) -> Iterator[tuple[str, Tensor]]:
    """The parameter and its state, element by element."""
    yield "parameter", parameter.detach()
    for key, value in optimiser.state.get(parameter, {}).items():
        if isinstance(value, Tensor) and value.shape == parameter.shape and value.ndim:
            yield f"state {key}", value


def _mask(kept: object, length: int, device: torch.device) -> Tensor:
    mask = torch.zeros(length, dtype=torch.bool, device=device)
    mask[torch.as_tensor(kept, device=device)] = True
    return mask
