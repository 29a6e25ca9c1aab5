"""A sparse network as one of PyTorch's own operations alone."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnmass.errors import SpecError
from nnmass.nets import Net
from nnmass.slim._fold import fold_batch_norm
from nnmass.slim._sparse._layer import PSConv2d
from nnmass.slim._sparse._supports import Window


class ShiftedConv2d(nn.Module):
    """Slices, zero borders and a concatenation before one small `torch.nn.Conv2d`.

    Args:
        layer: The layer with the same values, of ``assign="in"`` or ``"same"``.
    """

    def __init__(self, layer: PSConv2d) -> None:
        super().__init__()
        assert layer.weight is not None  # a layer with windows
        groups, geometry = layer.layout.windows, layer.geometry
        self.places = tuple(
            (start, stop, _borders(layer, window)) for start, stop, window in groups
        )
        window = groups[0][2]
        more = (geometry.stride, 0, geometry.dilation)
        self.conv = _conv(layer.weight, layer.bias, (window.height, window.width), *more)
        self.dense_place = layer.layout.dense
        self.dense_conv: nn.Conv2d | None = None
        if layer.dense_weight is not None:
            own = (geometry.stride, geometry.padding, geometry.dilation)
            sides = (geometry.kernel, geometry.kernel)
            self.dense_conv = _conv(layer.dense_weight, None, sides, *own)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Ci, H, W) to (N, Co, Ho, Wo)."""
        pieces = [_bordered(x[:, start:stop], borders) for start, stop, borders in self.places]
        y: Tensor = self.conv(torch.cat(pieces, 1) if len(pieces) > 1 else pieces[0])
        if self.dense_conv is None or self.dense_place is None:
            return y
        start, stop = self.dense_place
        more: Tensor = self.dense_conv(x[:, start:stop])
        return y + more


def _borders(layer: PSConv2d, window: Window) -> tuple[int, int, int, int]:
    """Zeros to the left, right, top and bottom, as `torch.nn.functional.pad` takes them.

    Negative numbers cut off. More than the stride needs does no harm at the far ends.
    """
    (py, px), (dy, dx) = layer.geometry.padding, layer.geometry.dilation
    below = layer.geometry.kernel - window.top - window.height
    right = layer.geometry.kernel - window.left - window.width
    return (px - dx * window.left, px - dx * right, py - dy * window.top, py - dy * below)


def _bordered(x: Tensor, borders: tuple[int, int, int, int]) -> Tensor:
    left, right, top, bottom = borders
    rows = slice(max(0, -top), min(0, bottom) or None)
    columns = slice(max(0, -left), min(0, right) or None)
    zeros = [max(0, border) for border in borders]
    x = x[:, :, rows, columns]
    return F.pad(x, zeros) if any(zeros) else x


def _conv(
    weight: Tensor,
    bias: Tensor | None,
    sides: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int] | int,
    dilation: tuple[int, int],
) -> nn.Conv2d:
    """An ordinary convolution with these values."""
    outputs, inputs = weight.shape[:2]
    conv = nn.Conv2d(
        inputs,
        outputs,
        sides,
        stride,
        padding,
        dilation,
        bias=bias is not None,
        device=weight.device,
        dtype=weight.dtype,
    )
    with torch.no_grad():
        conv.weight.copy_(weight)
        if bias is not None and conv.bias is not None:
            conv.bias.copy_(bias)
    return conv


def _plain_layer(layer: PSConv2d) -> nn.Module:
    if layer.layout.windows:
        return ShiftedConv2d(layer)
    geometry = layer.geometry
    more = (geometry.stride, geometry.padding, geometry.dilation)
    return _conv(layer.to_dense(), layer.bias, (geometry.kernel, geometry.kernel), *more)


def export_plain(
    model: nn.Module, *, fold_bn: bool = True, input_shape: Sequence[int] | None = None
) -> nn.Module:
    """A copy of a sparse network for inference, of plain operations of PyTorch.

    Layers of ``in`` and ``same`` become slices, pads, a concatenation and a small convolution;
    others the dense convolution that they equal. The copy can be exported to ONNX
    (`nnmass.nets.export_onnx`), quantised and compiled like any other network.

    Args:
        model: From `sparsify`; it is left as it was.
        fold_bn: Fold batch norms into the convolutions before them, where these alone feed them.
        input_shape: Of one input, without the batch; needed for folding in networks that were not
            built from a spec.

    Returns:
        The copy, in evaluation mode.

    Raises:
        SpecError: There is no sparse convolution, the model is on the meta device, or the input
            shape is missing or does not fit.

    Source:
        Ours.

    Example:
        >>> from nnmass.slim import sparsify
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1))
        >>> plain = export_plain(sparsify(net), input_shape=(3, 9, 9))
        >>> plain[1].conv
        Conv2d(8, 8, kernel_size=(2, 2), stride=(1, 1))
    """
    if not any(isinstance(module, PSConv2d) for module in model.modules()):
        raise SpecError(
            f"export_plain takes a network with sparse convolutions, as nnmass.slim.sparsify gives "
            f"it; this {type(model).__name__} has none"
        )
    if any(parameter.is_meta for parameter in model.parameters()):
        raise SpecError("a network on the meta device has no weights to export; give it some first")
    if fold_bn:
        plain = fold_batch_norm(model, _shape_of(model, input_shape))
    else:
        plain = copy.deepcopy(model).eval()
    if isinstance(plain, PSConv2d):
        return _plain_layer(plain).eval()
    made: dict[PSConv2d, nn.Module] = {}
    for path, module in list(plain.named_modules(remove_duplicate=False)):
        if isinstance(module, PSConv2d):
            plain.set_submodule(path, made.setdefault(module, _plain_layer(module).eval()))
    return plain


def _shape_of(model: nn.Module, input_shape: Sequence[int] | None) -> Sequence[int]:
    if input_shape is not None:
        return input_shape
    if isinstance(model, Net):
        return model.spec.input_shape
    raise SpecError(
        f"folding batch norms runs the network once, and this {type(model).__name__} does not tell "
        "its input: give input_shape=(channels, height, width), or fold_bn=False"
    )
