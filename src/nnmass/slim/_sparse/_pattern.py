"""Assignments: which support each pair of output and input channel has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from nnmass.errors import SpecError, did_you_mean, whole_number
from nnmass.nets import generator_for
from nnmass.slim._sparse._supports import Window, full_window, window_library

Assign = Literal["in", "periodic", "out", "random", "same"]
ASSIGNS: tuple[str, ...] = get_args(Assign)


@dataclass(frozen=True, slots=True)
class Group:
    """Input channels ``start .. stop - 1``, whose kernels all have the support ``window``."""

    start: int
    stop: int
    window: Window


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """The live taps of one layer.

    Attributes:
        out_channels: Co, numbered i.
        in_channels: Ci, numbered j.
        kernel: Side k of the kernel.
        kss: Live taps of each kernel that is not dense.
        assign: How supports are dealt out: ``"in"`` by ranges of j, shared by all filters;
            ``"periodic"`` by ``(i + j + 1 + offset) mod P``; ``"out"`` by ``i + 1 + offset``;
            ``"random"`` for each pair on its own; ``"same"`` one for all, as a negative control.
        dense_period: One kernel of so many is dense; ``None`` for none.
        seed: Of random supports.
        group_offset: Where the dealing starts; layers of one network should differ in it.

    Raises:
        SpecError: A number is out of range, ``assign`` is none of these, or no window of ``kss``
            taps fits into the kernel.

    Source:
        Allerton 2019 (arXiv:1910.00724), IEEE ToC 2020 (arXiv:2001.10710): periodic, random,
        dense period. ``in``, ``out`` and ``same`` are ours.

    Example:
        >>> pattern = Pattern(out_channels=8, in_channels=8, kernel=3, kss=4)
        >>> pattern.live_taps, [(g.start, g.stop) for g in pattern.groups]
        (256, [(0, 2), (2, 4), (4, 6), (6, 8)])
    """

    out_channels: int
    in_channels: int
    kernel: int
    kss: int
    assign: Assign = "in"
    dense_period: int | None = None
    seed: int = 0
    group_offset: int = 0

    def __post_init__(self) -> None:
        """Check every number, and that there is a library."""
        for name in ("out_channels", "in_channels", "kernel", "kss"):
            whole_number(getattr(self, name), name, low=1)
        for name in ("seed", "group_offset"):
            whole_number(getattr(self, name), name, low=0)
        if self.assign not in ASSIGNS:
            close = did_you_mean(str(self.assign), ASSIGNS)
            raise SpecError(
                f"assign must be one of {', '.join(ASSIGNS)}, got {self.assign!r}.{close}"
            )
        if self.dense_period is not None:
            why = "one of 1 would make every kernel dense, which is kss = kernel_size ** 2"
            whole_number(self.dense_period, "dense_period", low=2, why=why)
            if self.assign == "same":
                raise SpecError(
                    f"assign='same' gives all kernels one support, so dense_period must be None, "
                    f"got {self.dense_period}; take assign='in' or 'periodic' for dense kernels"
                )
        if self.kss > self.kernel**2:
            raise SpecError(
                f"kss={self.kss} is more than the {self.kernel**2} taps of a {self.kernel}x"
                f"{self.kernel} kernel; give at most {self.kernel**2}"
            )
        if self.assign != "random":
            window_library(self.kernel, self.kss)

    @property
    def is_dense(self) -> bool:
        """Every tap is live: an ordinary convolution."""
        return self.kss == self.kernel**2

    @property
    def has_windows(self) -> bool:
        """All filters share the supports, so that groups of channels have one window each."""
        return self.is_dense or self.assign in ("in", "same")

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The library in the order of use: the first one is that of the first group."""
        library = window_library(self.kernel, self.kss)
        first = self.group_offset % len(library)
        return (library[first:] + library[:first])[: 1 if self.assign == "same" else None]

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Ranges of input channels of one window each, balanced; the dense one lies among them.

        Raises:
            SpecError: The supports differ from filter to filter, so that there are none.
        """
        if not self.has_windows:
            raise SpecError(f"assign={self.assign!r} has no groups of channels; only in and same")
        if self.is_dense:
            return (Group(0, self.in_channels, full_window(self.kernel)),)
        windows = self.windows
        rest = self.in_channels - self.dense_channels
        bounds = [rest * n // len(windows) for n in range(len(windows) + 1)]
        sized = [
            (end - start, window)
            for start, end, window in zip(bounds, bounds[1:], windows, strict=False)
        ]
        # The dense channels move from layer to layer too: residual streams share channels.
        place = len(sized) - self.group_offset % (len(sized) + 1)
        sized.insert(place, (self.dense_channels, full_window(self.kernel)))
        groups, start = [], 0
        for size, window in sized:
            groups.append(Group(start, start + size, window))
            start += size
        return tuple(group for group in groups if group.stop > group.start)

    @property
    def dense_channels(self) -> int:
        """Input channels whose kernels are dense, with ``assign="in"``: Ci / P, rounded down."""
        return self.in_channels // self.dense_period if self.dense_period else 0

    @cached_property
    def live_taps(self) -> int:
        """Live taps of the whole layer: its weights, and its multiply-adds at one place."""
        if self.has_windows:
            per_filter = sum((g.stop - g.start) * g.window.taps for g in self.groups)
            return self.out_channels * per_filter
        pairs = self.out_channels * self.in_channels
        n_dense = self._dense_pairs()
        return (pairs - n_dense) * self.kss + n_dense * self.kernel**2

    def _dense_pairs(self) -> int:
        period = self.dense_period
        if period is None:
            return 0
        offset = self.group_offset + 1
        outputs = np.bincount((np.arange(self.out_channels) + offset) % period, minlength=period)
        if self.assign == "out":
            return int(outputs[0]) * self.in_channels
        inputs = np.bincount(np.arange(self.in_channels) % period, minlength=period)
        return int(sum(outputs[p] * inputs[-p % period] for p in range(period)))

    @cached_property
    def table(self) -> NDArray[np.bool_]:
        """(P, k, k): the support of each position of the period; position 0 ends a period."""
        if self.has_windows:
            return np.stack([group.window.mask(self.kernel) for group in self.groups])
        library = [window.mask(self.kernel) for window in window_library(self.kernel, self.kss)]
        period = self.dense_period or len(library)
        last = full_window(self.kernel).mask(self.kernel) if self.dense_period else library[-1]
        return np.stack([last, *(library[(p - 1) % len(library)] for p in range(1, period))])

    def mask(self) -> NDArray[np.bool_]:
        """(Co, Ci, k, k), true on the live taps; made afresh."""
        shape = (self.out_channels, self.in_channels, self.kernel, self.kernel)
        if self.has_windows:
            sizes = [group.stop - group.start for group in self.groups]
            return np.broadcast_to(self.table.repeat(sizes, axis=0), shape).copy()
        if self.assign == "random":
            return self._random_mask().reshape(shape)
        return self.table[self._positions(len(self.table))]

    def _positions(self, period: int) -> NDArray[np.intp]:
        outputs = np.arange(self.out_channels)[:, None] + 1 + self.group_offset
        inputs = np.arange(self.in_channels)[None, :] * (self.assign != "out")
        return (outputs + inputs) % period

    def _random_mask(self) -> NDArray[np.bool_]:
        """Every pair draws ``kss`` taps, all choices equally likely."""
        shape = (self.out_channels, self.in_channels, self.kernel**2)
        generator = generator_for(self.seed, f"{self.group_offset}:supports")
        drawn = torch.rand(shape, generator=generator, dtype=torch.float64).numpy()
        mask = np.zeros(shape, dtype=bool)
        np.put_along_axis(mask, np.argsort(drawn, axis=-1)[..., : self.kss], True, axis=-1)
        if self.dense_period:
            mask[self._positions(self.dense_period) == 0] = True
        return mask

    def packed(self) -> NDArray[np.uint8]:
        """The supports, a bit a tap: those of a period, or with ``random`` those of all kernels."""
        bits = self.mask() if self.assign == "random" and not self.is_dense else self.table
        return np.packbits(bits.reshape(-1))
