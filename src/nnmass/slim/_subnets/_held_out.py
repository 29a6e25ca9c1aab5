"""What a batch tells of a network that keeps some of its channels, without building it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.errors import ProbeError, SpecError
from nnmass.slim._subnets._groups import ChannelGroups, Slots
from nnmass.slim._subnets._levels import Kept


class HeldOutLoss:
    """Mean cross entropy of the network that keeps some channels, on one batch.

    Every layer reads zeros in place of what is dropped, which gives the output of the narrow
    network at the full network's price: only the search for levels uses it. Batch norms keep the
    statistics of the full network, which is what a network has before it is fitted to its levels.

    Args:
        model: The network that ``groups`` were found in; it is left as it was.
        groups: Its channel groups.
        images: (N, ...), on the model's device.
        labels: int64 (N,), their classes.

    Raises:
        SpecError: Images and labels are not as many, or none.
        ProbeError: The network gives no logits (when called).

    Source:
        Ours.
    """

    def __init__(
        self, model: nn.Module, groups: ChannelGroups, images: Tensor, labels: Tensor
    ) -> None:
        if not len(images) or len(images) != len(labels):
            raise SpecError(
                "the held-out batch must hold at least one image and as many labels, got "
                f"{len(images)} images and {len(labels)} labels"
            )
        self._net = copy.deepcopy(model).eval().requires_grad_(False)
        self._groups = groups
        self._images, self._labels = images, labels
        self._masks: dict[str, Tensor] = {}
        for layer in groups.layers:
            self._net.get_submodule(layer.path).register_forward_pre_hook(self._masking(layer.path))

    def __call__(self, kept: Kept) -> float:
        """The loss of the network that keeps these channels, for every group that may shrink."""
        return float(F.cross_entropy(self.logits(kept), self._labels))

    @torch.no_grad()
    def logits(self, kept: Mapping[str, Sequence[int]]) -> Tensor:
        """(N, classes): what the narrow network gives."""
        stays = [
            _stays(group.channels, kept.get(group.name) if not group.whole else None)
            for group in self._groups.groups
        ]
        self._masks = {
            layer.path: torch.from_numpy(_at(layer.reads, stays)).to(self._images)
            for layer in self._groups.layers
        }
        logits = self._net(self._images)
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            raise ProbeError(
                f"{type(self._net).__name__} must give logits (images, classes) for a held-out "
                f"loss, got {getattr(logits, 'shape', type(logits).__name__)}; give a cost instead"
            )
        return logits

    def _masking(self, path: str) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        def mask(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            x, *others = inputs
            stays = self._masks[path]
            is_linear = isinstance(module, nn.Linear)
            shape = (-1,) if is_linear else (-1, *[1] * (x.ndim - 2))
            return (x * stays.reshape(shape), *others)

        return mask


def _stays(channels: int, kept: Sequence[int] | None) -> np.ndarray[Any, np.dtype[np.float32]]:
    stays = np.full(channels, 1.0 if kept is None else 0.0, dtype=np.float32)
    if kept is not None:
        stays[list(kept)] = 1.0
    return stays


def _at(
    reads: Slots, stays: Sequence[np.ndarray[Any, np.dtype[np.float32]]]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Of each position along an input axis, whether its channel stays."""
    mask = np.ones(len(reads.groups), dtype=np.float32)
    for number in np.unique(reads.groups[reads.groups >= 0]):
        mine = reads.groups == number
        mask[mine] = stays[number][reads.channels[mine]]
    return mask
