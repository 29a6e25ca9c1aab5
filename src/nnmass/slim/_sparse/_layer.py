"""The sparse convolution as a module."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnmass.errors import SpecError, whole_number
from nnmass.nets import generator_for
from nnmass.slim._sparse._arguments import (
    check_ungrouped,
    check_zero_padding_mode,
    read_geometry,
)
from nnmass.slim._sparse._operation import Layout, Way, Weights, scattered, sparse_convolution
from nnmass.slim._sparse._pattern import Assign, Pattern
from nnmass.slim._sparse._storage import StorageBits, storage_bits


class PSConv2d(nn.Module):
    """A convolution whose kernels have a few live taps each, chosen before training.

        y[i, u, v] = b[i] + sum_j sum_{t in S(i, j)} W[i, j, t] x[j, s u + t_y - p, s v + t_x - p]

    Only the live weights are stored: with ``assign="in"`` and ``"same"`` as a small dense kernel
    (Co, Ci, height, width) besides the dense kernels (Co, Ci / P, k, k), else as a row of values
    (1, live taps). So nothing is masked in training, and every optimiser leaves dead taps at 0.

    With ``in`` and ``same`` the forward pass shifts groups of channels and runs one small dense
    convolution, which is faster than the dense layer. ``periodic``, ``out`` and ``random`` are
    there to repeat published results: they run as a dense convolution, at its speed.

    Args:
        in_channels: Ci.
        out_channels: Co.
        kernel_size: Side k of the square kernel.
        kss: Live taps of a kernel, such as 4, 2 or 1 of 9; ``k * k`` is the dense layer.
        assign: Which kernels share a support; see `Pattern`.
        dense_period: One kernel of so many is dense.
        seed: Of first weights and random supports.
        group_offset: Where supports start to be dealt out; different in each layer of a network.
        stride: One whole number or two.
        padding: One whole number, two, ``"valid"``, or ``"same"`` for stride 1.
        dilation: One whole number or two.
        groups: 1.
        bias: Whether a bias is added.
        padding_mode: ``"zeros"``.
        device: Of the parameters; values do not depend on it.
        dtype: Of the parameters.

    Attributes:
        way: How it computes in inference; `tuned` sets what is fastest.

    Raises:
        SpecError: An argument is not one of these.

    Source:
        Supports and assignments: arXiv:1910.00724 and 2001.10710. Shift, compact weights and
        He's start with the live taps as fan-in are ours.

    Example:
        >>> layer = PSConv2d(64, 128, 3, kss=4, padding=1)
        >>> tuple(layer.weight.shape), layer.macs(32, 32)
        ((128, 64, 2, 2), 33554432)
        >>> layer(torch.zeros(1, 64, 32, 32)).shape
        torch.Size([1, 128, 32, 32])
    """

    weight: nn.Parameter | None
    dense_weight: nn.Parameter | None
    bias: nn.Parameter | None
    supports: Tensor
    live: Tensor | None
    way: Way = "shift"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 3,
        *,
        kss: int = 4,
        assign: Assign = "in",
        dense_period: int | None = None,
        seed: int = 0,
        group_offset: int = 0,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_ungrouped(groups)
        check_zero_padding_mode(padding_mode)
        self.geometry = read_geometry(kernel_size, stride, padding, dilation)
        self.pattern = Pattern(
            out_channels=out_channels,
            in_channels=in_channels,
            kernel=self.geometry.kernel,
            kss=kss,
            assign=assign,
            dense_period=dense_period,
            seed=seed,
            group_offset=group_offset,
        )
        self._allocate(
            bias, device=torch.get_default_device() if device is None else device, dtype=dtype
        )
        self.reset_parameters()

    def _allocate(
        self, bias: bool, *, device: torch.device | str, dtype: torch.dtype | None
    ) -> None:
        pattern = self.pattern
        co, k = pattern.out_channels, pattern.kernel

        def parameter(*shape: int) -> nn.Parameter | None:
            is_empty = 0 in shape
            return (
                None if is_empty else nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
            )

        groups = pattern.groups if pattern.has_windows else ()
        self.layout = Layout.of((co, pattern.in_channels), self.geometry, groups)
        live = None
        if pattern.has_windows:
            windows = self.layout.windows
            sides = (windows[0][2].height, windows[0][2].width) if windows else (0, 0)
            start, stop = self.layout.dense or (0, 0)
            n_dense = stop - start
            self.weight = parameter(co, pattern.in_channels - n_dense, *sides)
            self.dense_weight = parameter(co, n_dense, k, k)
        else:
            live = torch.from_numpy(np.flatnonzero(pattern.mask())).to(device)
            # one row: optimisers tell weights from biases and norms by their axes
            self.weight, self.dense_weight = parameter(1, len(live)), None
        self.bias = parameter(co) if bias else None
        self.register_buffer("live", live, persistent=False)
        self.register_buffer("supports", self._own_supports().to(device))

    def _own_supports(self) -> Tensor:
        """The supports as `Pattern.packed` has them; a checkpoint carries them."""
        return torch.from_numpy(self.pattern.packed())

    @torch.no_grad()
    def reset_parameters(self, *, seed: int | None = None, label: str = "") -> None:
        """First weights: N(0, 2 / live taps of the filter), biases 0.

        Args:
            seed: What they are drawn from; that of the layer unless told.
            label: Tells apart the draws of layers with one seed.
        """
        if self.supports.is_meta:
            return
        pattern, seed = self.pattern, self.pattern.seed if seed is None else seed
        self.supports.copy_(self._own_supports())
        if self.live is not None:  # both are empty memory after `to_empty`
            self.live.copy_(torch.from_numpy(np.flatnonzero(pattern.mask())))
        shape = (pattern.out_channels, pattern.in_channels, pattern.kernel, pattern.kernel)
        # Where every tap has a draw of its own, a tap's value depends on no other's support.
        name = f"{label}:{pattern.group_offset}:weight"
        values = torch.randn(shape, generator=generator_for(seed, name))
        self.from_dense(values * _deviations(pattern).view(-1, 1, 1, 1))
        if self.bias is not None:
            self.bias.zero_()

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Refuse weights of other taps, which would fit by their shapes alone."""
        saved = state_dict.get(f"{prefix}supports")
        if saved is not None and not torch.equal(saved.cpu(), self._own_supports()):
            error_msgs.append(
                f"the weights of {prefix.rstrip('.') or 'this layer'} belong to other taps than "
                f"those of PSConv2d({self.extra_repr()}): kss, assign, dense_period, seed and "
                "group_offset must be those of the saved layer"
            )
            return
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, Ci, H, W) or (Ci, H, W) to (N, Co, Ho, Wo) or (Co, Ho, Wo).

        Raises:
            SpecError: ``x`` has other axes, or other channels than the layer reads.
        """
        if x.ndim == 3:
            return self.forward(x[None])[0]
        if x.ndim != 4 or x.shape[1] != self.pattern.in_channels:
            raise SpecError(
                f"PSConv2d reads (N, {self.pattern.in_channels}, H, W), got {tuple(x.shape)}; "
                "check what comes before it"
            )
        return sparse_convolution(x, self._weights(), self.layout, self.way)

    def _weights(self) -> Weights:
        return Weights(self.weight, self.dense_weight, self.bias, self.live)

    def mask(self) -> Tensor:
        """(Co, Ci, k, k), true on the live taps."""
        return torch.from_numpy(self.pattern.mask()).to(self.supports.device)

    def to_dense(self) -> Tensor:
        """The weight of the equal `torch.nn.Conv2d`, (Co, Ci, k, k), exactly 0 on dead taps."""
        return scattered(self._weights(), self.layout)

    @torch.no_grad()
    def from_dense(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Take the live taps of a dense weight; the others are ignored.

        Args:
            weight: (Co, Ci, k, k).
            bias: (Co,); what is there stays, unless told.

        Raises:
            SpecError: A shape is another one, or the layer has no bias.
        """
        pattern = self.pattern
        shape = (pattern.out_channels, pattern.in_channels, pattern.kernel, pattern.kernel)
        if tuple(weight.shape) != shape:
            raise SpecError(f"weight must have the shape {shape}, got {tuple(weight.shape)}")
        if bias is not None:
            if self.bias is None or bias.shape != self.bias.shape:
                own = "no bias" if self.bias is None else f"a bias of {len(self.bias)}"
                raise SpecError(f"this layer has {own}, got one of shape {tuple(bias.shape)}")
            self.bias.copy_(bias)
        if self.live is not None:
            assert self.weight is not None  # of a layer with a list of values
            self.weight[0].copy_(weight.reshape(-1)[self.live.to(weight.device)])
            return
        if self.layout.dense is not None and self.dense_weight is not None:
            self.dense_weight.copy_(weight[:, slice(*self.layout.dense)])
        place = 0
        for start, stop, w in self.layout.windows:
            assert self.weight is not None  # of a layer with windows
            rows, columns = slice(w.top, w.top + w.height), slice(w.left, w.left + w.width)
            self.weight[:, place : place + stop - start] = weight[:, start:stop, rows, columns]
            place += stop - start

    @torch.no_grad()
    def scale_filters(self, scale: Tensor, shift: Tensor) -> None:
        """Multiply each output by ``scale`` (Co,) and add ``shift`` (Co,), as a norm would.

        Args:
            scale: A factor for each output channel.
            shift: Added to each output channel after that.
        """
        bias = shift if self.bias is None else shift + scale * self.bias
        self.from_dense(self.to_dense() * scale.view(-1, 1, 1, 1))
        self.bias = nn.Parameter(bias.to(scale))

    def macs(self, height: int, width: int) -> int:
        """Multiply-adds for one image of this size: live taps times places of the output.

        Args:
            height: Of the input in pixels, at least 1.
            width: The same.

        Raises:
            SpecError: A size is not a whole number, or is too small for the kernel.
        """
        sizes = (
            whole_number(height, "height", low=1),
            whole_number(width, "width", low=1),
        )
        return self.pattern.live_taps * math.prod(self.geometry.output_size(sizes))

    def storage_bits(self, value_bits: int = 32) -> StorageBits:
        """Bits of the weights in this layer's format and in others."""
        return storage_bits(self.pattern, value_bits)

    def extra_repr(self) -> str:
        """Settings, as `torch.nn.Conv2d` shows its own."""
        p, g = self.pattern, self.geometry
        period = f", dense_period={p.dense_period}" if p.dense_period else ""
        return (
            f"{p.in_channels}, {p.out_channels}, kernel_size={p.kernel}, kss={p.kss}, "
            f"assign={p.assign}{period}, group_offset={p.group_offset}, stride={g.stride}, "
            f"padding={g.padding}, bias={self.bias is not None}"
        )


def _deviations(pattern: Pattern) -> Tensor:
    """sqrt(2 / f) for each filter, f its live taps; He's start for the sparse layer."""
    if pattern.has_windows:
        live = np.full(pattern.out_channels, pattern.live_taps // pattern.out_channels)
    else:
        live = pattern.mask().sum(axis=(1, 2, 3))
    return torch.from_numpy(np.sqrt(2 / live)).float()
