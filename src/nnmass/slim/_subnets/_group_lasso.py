"""A penalty on whole channels, which drives unimportant ones to zero."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nnmass.errors import SpecError, positive_number
from nnmass.slim._subnets._groups import ChannelGroup


def channel_weights(model: nn.Module, group: ChannelGroup) -> Tensor:
    """All numbers that make each channel of a group: (channels, numbers).

    Weights and biases of all layers that the channels come from.
    """
    parts = []
    for path in group.producers:
        layer = model.get_submodule(path)
        parts += [p.flatten(1) if p.ndim > 1 else p[:, None] for p in layer.parameters(False)]
    return torch.cat(parts, dim=1)


def channel_norms(model: nn.Module, group: ChannelGroup) -> Tensor:
    """Euclidean norm of all that makes each channel: (channels,), >= 0.

    Its gradient at a channel of zeros is 0.

    Example:
        >>> layer = nn.Linear(2, 2, bias=False)
        >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        >>> group = ChannelGroup(name="a", channels=2, producers=("0",))
        >>> channel_norms(nn.Sequential(layer), group).tolist()
        [5.0, 0.0]
    """
    norms: Tensor = torch.linalg.vector_norm(channel_weights(model, group), dim=1)
    return norms


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLasso:
    """The penalty ``strength * sum over g, c of alpha_g * psi(||w_gc||)``.

    ``w_gc`` is all that makes channel c of group g, and ``alpha_g`` the square root of how many
    numbers that are. ``psi(z) = z``; or, clipped, ``psi(z) = min(z, delta_g)``, so that channels
    above ``delta_g = clip * (largest norm of the group now)`` are not shrunk.

    Args:
        strength: Above 0.
        clip: In (0, 1]; ``None`` shrinks all channels. Fresh channels behind a norm differ little
            (their norms are within a third of each other): a clip below that shrinks none of them.

    Raises:
        SpecError: A field is out of range.

    Source:
        L. Yang et al., DAC 2020, and "Harmonious coexistence of structured weight pruning and
        ternarization", AAAI 2020, as far as they are known: that large weights go free and that the
        threshold adapts itself is theirs; that it is a share of the largest norm is ours.
    """

    strength: float = 1e-3
    clip: float | None = None

    def __post_init__(self) -> None:
        """Check all fields."""
        positive_number(self.strength, "strength")
        if self.clip is not None and positive_number(self.clip, "clip") > 1:
            raise SpecError(
                f"clip must be a share of the largest norm, at most 1, or None, got {self.clip!r}"
            )

    def value(self, model: nn.Module, groups: Iterable[ChannelGroup]) -> Tensor:
        """The penalty, a scalar whose gradient is finite everywhere; ``delta_g`` has none.

        Args:
            model: Whose weights are penalised.
            groups: Its channel groups, as `find_groups` gives them.
        """
        total = torch.zeros(())
        for group in groups:
            weights = channel_weights(model, group)
            norms = torch.linalg.vector_norm(weights, dim=1)
            if self.clip is not None:
                norms = norms.minimum(self.clip * norms.detach().max())
            total = total.to(norms.device) + math.sqrt(weights.shape[1]) * norms.sum()
        return self.strength * total

    @torch.no_grad()
    def shrink(self, model: nn.Module, groups: Iterable[ChannelGroup], *, rate: float) -> None:
        """The proximal step: every channel to the minimum of penalty and distance near it.

            w <- w * max(0, 1 - rate * strength * alpha_g / ||w||)

        Clipped, channels above ``delta_g`` stay: they are at a minimum of their own. (In a band
        just above ``delta_g`` the one below is deeper; it is not jumped to.)

        Args:
            model: Its weights are changed; of no other channels than those of the groups.
            groups: Which channels.
            rate: The learning rate of the step.
        """
        for group in groups:
            weights = channel_weights(model, group)
            norms = torch.linalg.vector_norm(weights, dim=1)
            less = rate * self.strength * math.sqrt(weights.shape[1])
            factors = (1 - less / norms.clamp_min(torch.finfo(norms.dtype).tiny)).clamp_min(0)
            if self.clip is not None:
                factors[norms > self.clip * norms.max()] = 1
            scale_channels(model, group, factors)


@torch.no_grad()
def strength_to_reach(model: nn.Module, groups: Iterable[ChannelGroup], *, rates: float) -> float:
    """The strength at which steps of ``rates`` in all would shrink every group to nothing.

    What the loss gives back meanwhile is not in it.

    Args:
        model: Before the first step.
        groups: The mean norm of the channels of each counts.
        rates: Sum of the rates of all steps, above 0.
    """
    needed = [
        (norms.mean() / math.sqrt(channel_weights(model, group).shape[1])).item()
        for group in groups
        for norms in [channel_norms(model, group)]
    ]
    return max(needed) / rates


@torch.no_grad()
def scale_channels(model: nn.Module, group: ChannelGroup, factors: Tensor) -> None:
    """Multiply all that makes each channel by its factor, (channels,)."""
    for path in group.producers:
        for parameter in model.get_submodule(path).parameters(recurse=False):
            parameter.mul_(factors.to(parameter.dtype).view(-1, *[1] * (parameter.ndim - 1)))
