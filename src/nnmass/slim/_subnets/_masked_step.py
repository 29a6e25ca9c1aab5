"""Optimiser steps of one sub-network that leave all weights outside it alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


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
