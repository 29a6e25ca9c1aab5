"""How much each channel of a network matters: one number a channel, from its weights or a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from nnmass.errors import ProbeError, SpecError, did_you_mean
from nnmass.slim._subnets._groups import ChannelGroup, ChannelGroups, GroupedLayer, Slots

Importance = Literal["l1", "l2", "gamma", "group", "consumer", "taylor"]
"""How channels are ranked; see `channel_importance`."""

Scores = dict[str, npt.NDArray[np.float64]]
"""For each group that may be narrowed, a number of at least 0 for each of its channels."""

_Weights = Mapping[str, Tensor]  # path of a layer or norm -> what stands for its weight
_Size = Callable[[Tensor], Tensor]


def channel_importance(
    model: nn.Module,
    groups: ChannelGroups,
    kind: Importance = "l2",
    *,
    images: Tensor | None = None,
    labels: Tensor | None = None,
) -> Scores:
    """What each channel of each group that may be narrowed is worth, under one of six rules.

    ======== ======================================================================================
    l1, l2   norm of all weights that make the channel, over all layers of the group
    gamma    mean |weight| of the batch norms over the channel
    group    sum of the squares of all weights that make *or read* the channel and of its norms,
             over the mean of the group
    consumer sum of |weights| that read the channel
    taylor   sum of |gradient x weight| over the weights that make it, on one batch
    ======== ======================================================================================

    Args:
        model: The network that ``groups`` were found in; it is left as it was.
        groups: Its channel groups.
        kind: The rule.
        images: (N, ...), for ``taylor``: the batch, on the model's device.
        labels: int64 (N,), for ``taylor``: the class of each image, for cross entropy.

    Returns:
        For each group by its name, float64 (channels,), each at least 0.

    Raises:
        SpecError: ``kind`` is unknown, lacks the batch, or has no norm to read.
        ProbeError: The gradients on that batch are not finite.

    Source:
        gamma: Liu et al., ICCV 2017. group: Fang et al., CVPR 2023. consumer: Cai et al., ICLR
        2020. taylor: Molchanov et al., CVPR 2019.

    Example:
        >>> import nnmass
        >>> from nnmass.slim._subnets._find_groups import find_groups
        >>> net = nnmass.build("resnet(depth=20,classes=10,stem=cifar)", seed=0)
        >>> scores = channel_importance(net, find_groups(net, (3, 32, 32)), "l1")
        >>> len(scores), scores["stem"].shape
        (12, (16,))
    """
    if kind not in get_args(Importance):
        raise SpecError(
            f"importance must be one of {', '.join(get_args(Importance))}, got {kind!r}."
            f"{did_you_mean(str(kind), get_args(Importance))}"
        )
    if kind == "taylor":
        weights = _taylor_weights(model, groups, images, labels)
    else:
        weights = {
            path: parameter.detach()
            for path in (*_paths(groups), *(norm.path for norm in groups.norms))
            if isinstance(parameter := getattr(model.get_submodule(path), "weight", None), Tensor)
        }
    rule = _RULES[kind]
    return {
        group.name: rule(_Channels(groups, number, weights))
        for number, group in enumerate(groups.groups)
        if not group.whole
    }


def _paths(groups: ChannelGroups) -> list[str]:
    return [layer.path for layer in groups.layers]


@dataclass(frozen=True, slots=True)
class _Channels:
    """The channels of one group and the weights that they meet.

    Attributes:
        groups: Of the network.
        number: Of the group.
        weights: By the path of their module.
    """

    groups: ChannelGroups
    number: int
    weights: _Weights

    @property
    def group(self) -> ChannelGroup:
        """The group itself."""
        return self.groups.groups[self.number]

    def made(self, size: _Size) -> npt.NDArray[np.float64]:
        """Sum of ``size`` over the output slices of all layers that make the group."""
        total = np.zeros(self.group.channels)
        for layer in self.groups.layers:
            if layer.makes == self.number:
                total += size(self.weights[layer.path].double()).flatten(1).sum(1).cpu().numpy()
        return total

    def read(self, size: _Size) -> npt.NDArray[np.float64]:
        """Sum of ``size`` over the input slices of all layers that read the group.

        A depthwise layer makes and reads with the same weights, which count once, as made.
        """
        total = np.zeros(self.group.channels)
        for layer in self.groups.layers:
            if (layer.reads.groups == self.number).any() and not layer.is_depthwise:
                self._add(
                    total, layer.reads, _columns(layer, size(self.weights[layer.path].double()))
                )
        return total

    def normed(self, size: _Size) -> npt.NDArray[np.float64]:
        """Sum of ``size`` over the weights of the norms over the group."""
        total = np.zeros(self.group.channels)
        for norm in self.groups.norms:
            if (norm.reads.groups == self.number).any() and norm.path in self.weights:
                self._add(total, norm.reads, size(self.weights[norm.path].double()).cpu().numpy())
        return total

    def _add(
        self, total: npt.NDArray[np.float64], reads: Slots, sizes: npt.NDArray[np.float64]
    ) -> None:
        mine = reads.groups == self.number
        np.add.at(total, reads.channels[mine], sizes[mine])


def _gamma(channels: _Channels) -> npt.NDArray[np.float64]:
    total, times = channels.normed(torch.abs), channels.normed(torch.ones_like)
    if not times.all():
        raise SpecError(
            f"importance 'gamma' reads the weights of batch norms, and the channels of "
            f"{channels.group.name} have none; use 'l2', or another of "
            f"{', '.join(get_args(Importance))}"
        )
    return np.asarray(total / times)


def _group(channels: _Channels) -> npt.NDArray[np.float64]:
    total = channels.made(torch.square) + channels.read(torch.square)
    total += channels.normed(torch.square)
    return np.asarray(total / (total.mean() or 1.0))


_RULES: dict[str, Callable[[_Channels], npt.NDArray[np.float64]]] = {
    "l1": lambda channels: channels.made(torch.abs),
    "l2": lambda channels: np.sqrt(channels.made(torch.square)),
    "gamma": _gamma,
    "group": _group,
    "consumer": lambda channels: channels.read(torch.abs),
    "taylor": lambda channels: channels.made(torch.abs),  # of gradient x weight
}


def _columns(layer: GroupedLayer, sizes: Tensor) -> npt.NDArray[np.float64]:
    """For each position along the input axis, the sum over outputs and taps."""
    columns = sizes.flatten(2).sum((0, 2)) if sizes.ndim > 2 else sizes.sum(0)
    # The groups of a grouped convolution have input axes of their own, one after the other.
    if layer.grouped > 1:
        columns = sizes.flatten(2).sum(2).unflatten(0, (layer.grouped, -1)).sum(1).flatten()
    return np.asarray(columns.cpu().numpy())


def _taylor_weights(
    model: nn.Module, groups: ChannelGroups, images: Tensor | None, labels: Tensor | None
) -> _Weights:
    """Gradient x weight of every layer, in evaluation mode, on one batch."""
    if images is None or labels is None:
        raise SpecError(
            "importance 'taylor' needs a batch: give images (N, ...) and labels (N,), or use 'l2'"
        )
    net = copy.deepcopy(model).eval().requires_grad_(False)
    names = [f"{path}.weight" for path in _paths(groups)]
    weights = {name: net.get_parameter(name).requires_grad_() for name in names}
    with torch.enable_grad():
        loss = F.cross_entropy(functional_call(net, weights, (images,)), labels)
        gradients = torch.autograd.grad(loss, list(weights.values()))
    for name, gradient in zip(names, gradients, strict=True):
        if not bool(gradient.isfinite().all()):
            raise ProbeError(
                f"the gradient of {name} holds numbers that are not finite on this batch of "
                f"{len(images)} images: give another batch, or use importance 'l2'"
            )
    return {
        name.removesuffix(".weight"): gradient * weight.detach()
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }


def checked_scores(groups: ChannelGroups, scores: Mapping[str, npt.NDArray[np.float64]]) -> Scores:
    """``scores`` as float64 arrays, one for each group that may be narrowed.

    Raises:
        SpecError: A group has none, or other than one finite number of at least 0 a channel.
    """
    checked = {}
    for group in groups.free:
        if group.name not in scores:
            raise SpecError(
                f"importance must hold numbers for every group that may be narrowed, and has none "
                f"for {group.name!r}; the groups are {', '.join(groups.full)}"
            )
        score = np.asarray(scores[group.name], dtype=np.float64)
        if score.shape != (group.channels,) or not (score >= 0).all() or np.isinf(score).any():
            raise SpecError(
                f"the importance of {group.name!r} must be {group.channels} finite numbers of at "
                f"least 0, got shape {score.shape}"
            )
        checked[group.name] = score
    return checked
