"""The full network with dropped channels set to zero: slow, and what views are compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nnmass.slim._subnets._groups import ChannelGroups


@contextlib.contextmanager
def masked(net: nn.Module, groups: ChannelGroups, counts: npt.NDArray[np.int64]) -> Iterator[None]:
    """A block in which ``net`` keeps the first ``counts`` channels of every group.

    What layers, norms and padded shortcuts give is multiplied by the mask, and what layers read:
    a channel that is zero after a norm need not be after the activation (a sigmoid). To mask the
    layers alone is wrong, since the shift of a norm comes after. Norms use the full network's
    statistics.

    Args:
        net: The full network; hooks are put on it and taken off.
        groups: Its channel groups.
        counts: int64 (groups,): channels that stay of every group, the whole ones too.
    """
    handles = []
    for layer in groups.layers:
        module = net.get_submodule(layer.path)
        axis = -1 if isinstance(module, nn.Linear) else 1
        inputs = _mask(len(layer.reads.groups), layer.reads.kept(counts))
        outputs = _mask(groups.groups[layer.makes].channels, np.arange(counts[layer.makes]))
        handles.append(module.register_forward_pre_hook(_on_input(inputs, axis)))
        handles.append(module.register_forward_hook(_on_output(outputs, axis)))
    for norm in groups.norms:
        kept = _mask(len(norm.reads.groups), norm.reads.kept(counts))
        module = net.get_submodule(norm.path)
        handles.append(module.register_forward_hook(_on_output(kept, 1)))
    for shortcut in groups.shortcuts:
        kept = _mask(groups.groups[shortcut.target].channels, np.arange(counts[shortcut.target]))
        module = net.get_submodule(shortcut.path)
        handles.append(module.register_forward_hook(_on_output(kept, 1)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _mask(size: int, positions: npt.NDArray[np.int64]) -> Tensor:
    mask = torch.zeros(size)
    mask[torch.from_numpy(positions)] = 1
    return mask


def _times(x: Tensor, mask: Tensor, axis: int) -> Tensor:
    shape = [1] * x.ndim
    shape[axis] = -1
    return x * mask.to(x).reshape(shape)


def _on_input(mask: Tensor, axis: int) -> Callable[..., Any]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (_times(inputs[0], mask, axis), *inputs[1:])

    return hook


def _on_output(mask: Tensor, axis: int) -> Callable[..., Any]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return _times(output, mask, axis)

    return hook
