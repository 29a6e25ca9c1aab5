"""From a spec and a seed to a network."""

from __future__ import annotations

import torch

from nnmass.errors import DeviceError, SpecError, whole_number
from nnmass.nets._dense_cnn import DenseCNNNet
from nnmass.nets._dense_mlp import DenseMLPNet
from nnmass.nets._densenet import DenseNetNet
from nnmass.nets._initialise import initialise
from nnmass.nets._mobilenet_v2 import MobileNetV2Net
from nnmass.nets._net import Net
from nnmass.nets._residual import ResidualNet
from nnmass.nets._vgg import VGGNet
from nnmass.specs import (
    VGG,
    DenseConvSpec,
    DenseMLP,
    DenseNet,
    MobileNetV2,
    ResidualSpec,
    Spec,
    parse,
)
from nnmass.topology import Cell, Wiring, draw_links


def build(spec: Spec | str, seed: int = 0, *, device: str | torch.device = "cpu") -> Net:
    """The network that ``spec`` describes, with links and first weights drawn from ``seed``.

    Each tensor and each layer's links have a generator of their own, so a cell's draws do not
    depend on the cells after it, and no global generator is touched.

    Args:
        spec: A spec, or a spec string.
        seed: At least 0. The same seed gives the same network on every device.
        device: Where to put it; ``"meta"`` allocates no weights, only the links have their values
            (on the CPU).

    Returns:
        A network in training mode, float32, with its ``spec`` and ``seed``.

    Raises:
        SpecError: The spec string or the seed is not valid.
        DeviceError: This machine has no such device.

    Source:
        Dense MLPs and dense CNNs start as PyTorch's layers do (as the released code); the others
        with He's normal initialisation, as published.

    Example:
        >>> net = build("dense-cnn(wm=1,d=5,t=8/8,image=8,in=1)", seed=0)
        >>> sum(p.numel() for p in net.parameters()) == net.spec.params
        True
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    if not isinstance(spec, Spec):
        raise SpecError(
            f"build needs a spec or a spec string such as 'resnet(depth=18)', got {spec!r}"
        )
    seed = whole_number(seed, "seed", low=0)
    device = existing_device(device)
    wirings = tuple(
        draw_links(cell, seed=seed, cell_index=index)
        for index, cell in enumerate(spec.cells)
        if isinstance(cell, Cell)
    )
    with torch.device("meta"):
        net = assemble(spec, wirings)
    net.seed = seed
    if device.type == "meta":
        return net
    net.to_empty(device=device)
    scheme = "fan-in" if isinstance(spec, DenseMLP | DenseConvSpec) else "he"
    initialise(net, seed=seed, scheme=scheme)
    return net


def existing_device(device: str | torch.device) -> torch.device:
    """``device``, if this machine's torch can put a tensor there.

    Raises:
        DeviceError: It cannot.
    """
    try:
        return torch.empty(0, device=torch.device(device)).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise DeviceError(
            f"device must be one that torch {torch.__version__} has on this machine, such as "
            f"'cpu', got {device!r}; use device='cpu', or install a torch that has it"
        ) from error


def assemble(spec: Spec, wirings: tuple[Wiring, ...]) -> Net:
    """The module of ``spec`` with these links, its weights as PyTorch leaves them."""
    if isinstance(spec, DenseMLP):
        return DenseMLPNet(spec, wirings)
    if isinstance(spec, DenseConvSpec):
        return DenseCNNNet(spec, wirings)
    if isinstance(spec, DenseNet):
        return DenseNetNet(spec)
    if isinstance(spec, ResidualSpec):
        return ResidualNet(spec)
    if isinstance(spec, MobileNetV2):
        return MobileNetV2Net(spec)
    if isinstance(spec, VGG):
        return VGGNet(spec)
    raise SpecError(f"no network is known for the family {spec.family!r}")
