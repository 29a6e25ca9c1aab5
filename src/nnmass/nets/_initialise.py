"""First weights, each tensor from a private generator."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn

from nnmass.nets._link_plan import Links

Scheme = str
"""``"fan-in"``: PyTorch's own start, U(-1, 1) / sqrt(fan_in). ``"he"``: N(0, 2 / fan_out)."""


def generator_for(seed: int, name: str) -> torch.Generator:
    """The generator of one tensor, from the seed and the tensor's name alone.

    A tensor keeps its values whatever else the network holds, and no global generator moves.

    Args:
        seed: Any whole number.
        name: Of the tensor, or of whatever else is drawn.

    Source:
        Ours.

    Example:
        >>> one, same = (generator_for(0, "head.weight") for _ in range(2))
        >>> bool((torch.rand(3, generator=one) == torch.rand(3, generator=same)).all())
        True
    """
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


@torch.no_grad()
def initialise(net: nn.Module, *, seed: int, scheme: Scheme) -> None:
    """Fill every parameter and buffer of ``net`` (as ``to_empty`` leaves it)."""
    for name, module in net.named_modules():
        if isinstance(module, Links):
            module.fill()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            _initialise_layer(module, f"{name}.weight", f"{name}.bias", seed=seed, scheme=scheme)


def _initialise_layer(
    layer: nn.Conv2d | nn.Linear, weight: str, bias: str, *, seed: int, scheme: Scheme
) -> None:
    fan_in = layer.weight[0].numel()
    fan_out = layer.weight.shape[0] * math.prod(layer.weight.shape[2:])
    if isinstance(layer, nn.Conv2d):
        fan_out //= layer.groups
    if scheme == "fan-in":
        _uniform(layer.weight, 1 / math.sqrt(fan_in), seed=seed, name=weight)
        if layer.bias is not None:
            _uniform(layer.bias, 1 / math.sqrt(fan_in), seed=seed, name=bias)
        return
    std = math.sqrt(2 / fan_out) if isinstance(layer, nn.Conv2d) else 0.01
    _normal(layer.weight, std, seed=seed, name=weight)
    if layer.bias is not None:
        layer.bias.zero_()


def _uniform(tensor: Tensor, bound: float, *, seed: int, name: str) -> None:
    # Drawn on the CPU, so that a network is the same on every device.
    values = torch.empty(tensor.shape).uniform_(-bound, bound, generator=generator_for(seed, name))
    tensor.copy_(values)


def _normal(tensor: Tensor, std: float, *, seed: int, name: str) -> None:
    values = torch.empty(tensor.shape).normal_(0, std, generator=generator_for(seed, name))
    tensor.copy_(values)
