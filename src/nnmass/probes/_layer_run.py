"""A single layer as it runs in our networks: a call that can be timed."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.specs import Layer, LayerKind

COMPANIONS = (
    Layer(LayerKind(op="conv", size=16, kernel=3, before="norm-relu"), 64, 32),
    Layer(LayerKind(op="conv", size=16, after="norm-relu"), 256, 128),
    Layer(LayerKind(op="conv", size=16, kernel=3, groups=0, after="norm-relu"), 64, 64),
    Layer(LayerKind(op="linear", size=1), 1024, 512),
)
"""What runs between the layers that are timed, where these are few."""

_PADDED_POOL = 3  # a 3x3 pooling has a border of one pixel, a 2x2 has none


def layer_call(
    layer: Layer, *, batch_size: int, device: torch.device, dtype: torch.dtype, seed: int = 0
) -> Callable[[], Tensor]:
    """Runs ``layer`` on random feature maps; weights and links are random too.

    Norms use running statistics. No global generator is touched.
    """
    draw = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw).to(device, dtype)

    kind, size = layer.kind, layer.kind.size
    if kind.op == "linear":
        weight, bias = random(layer.outputs, layer.inputs), random(layer.outputs)
        x = random(batch_size, layer.inputs)
        after = _after(layer, device, dtype)
        return lambda: after(F.linear(x, weight, bias))
    n_direct = kind.linked or layer.inputs
    x = random(batch_size, n_direct, size, size)
    if kind.op == "conv":
        return _conv_call(layer, x, draw)
    if kind.op == "add":
        other = random(batch_size, layer.inputs, size, size)
        return (lambda: F.relu(x + other)) if kind.after else (lambda: x + other)
    if kind.op == "concat":
        new = random(batch_size, layer.outputs, size, size)
        return lambda: torch.cat([x, new], 1)
    return _pixel_call(layer, x)


def _conv_call(layer: Layer, x: Tensor, draw: torch.Generator) -> Callable[[], Tensor]:
    kind = layer.kind
    conv = nn.Conv2d(
        *(layer.inputs, layer.outputs, kind.kernel, kind.stride, kind.kernel // 2),
        groups=kind.groups or layer.inputs,
        bias=kind.bias,
        device="meta",
    ).to_empty(device=x.device)
    for parameter in conv.parameters():
        parameter.requires_grad_(False).copy_(0.1 * torch.randn(parameter.shape, generator=draw))
    conv.to(x.dtype)
    before, after = _before(layer, x), _after(layer, x.device, x.dtype)
    gathered = _gathered(layer, x, draw)
    return lambda: after(conv(before(gathered())))


def _gathered(layer: Layer, x: Tensor, draw: torch.Generator) -> Callable[[], Tensor]:
    """The inputs; where there are skips, channels are selected and concatenated."""
    width = layer.kind.linked
    n_links = layer.inputs - width if width else 0
    if not n_links:
        return lambda: x
    chosen = torch.randint(width, (n_links,), generator=draw).to(x.device)

    def gather() -> Tensor:  # as many pieces as sources, were all channels of each taken
        return torch.cat([x, *x.index_select(1, chosen).split(width, 1)], 1)

    return gather


def _pixel_call(layer: Layer, x: Tensor) -> Callable[[], Tensor]:
    """Poolings, the mean over all pixels, the shortcut of zeros."""
    kind = layer.kind
    before, kernel, stride = _before(layer, x), kind.kernel, kind.stride
    border = 1 if kernel >= _PADDED_POOL else 0
    if kind.op == "max-pool":
        return lambda: F.max_pool2d(x, kernel, stride, border)
    if kind.op == "average-pool":
        return lambda: F.avg_pool2d(x, kernel, stride)
    if kind.op == "adaptive-pool":
        return lambda: F.adaptive_avg_pool2d(x, kernel)
    if kind.op == "mean":
        return lambda: before(x).mean((2, 3))
    first = (layer.outputs - layer.inputs) // 2
    borders = (0, 0, 0, 0, first, layer.outputs - layer.inputs - first)
    return lambda: F.pad(x[:, :, ::stride, ::stride], borders)


def _norm(channels: int, device: torch.device, dtype: torch.dtype) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, device=device, dtype=dtype).eval()


def _before(layer: Layer, x: Tensor) -> Callable[[Tensor], Tensor]:
    if not layer.kind.before:
        return lambda z: z
    norm = _norm(layer.inputs, x.device, x.dtype)
    return lambda z: F.relu_(norm(z))


def _after(layer: Layer, device: torch.device, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    steps = list[Callable[[Tensor], Tensor]]()
    for word in filter(None, layer.kind.after.split("-")):
        if word == "norm":
            steps.append(_norm(layer.outputs, device, dtype))
        else:
            steps.append({"relu": F.relu, "relu6": F.relu6}[word])

    def run(z: Tensor) -> Tensor:
        for step in steps:
            z = step(z)
        return z

    return run
