"""Supports: which taps of a k x k kernel may be non-zero, as rectangular windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnmass.errors import SpecError, whole_number


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of taps within a square kernel.

    Attributes:
        top: First row.
        left: First column.
        height: Rows.
        width: Columns.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def taps(self) -> int:
        """How many taps it has."""
        return self.height * self.width

    def mask(self, kernel: int) -> NDArray[np.bool_]:
        """(kernel, kernel), true on the window."""
        mask = np.zeros((kernel, kernel), dtype=bool)
        mask[self.top : self.top + self.height, self.left : self.left + self.width] = True
        return mask


def full_window(kernel: int) -> Window:
    """All taps: the dense kernel."""
    return Window(0, 0, kernel, kernel)


def window_sizes(kernel: int) -> dict[int, tuple[int, int]]:
    """For each possible number of taps, height and width of its window, the squarest that fits.

    Example:
        >>> window_sizes(3)
        {1: (1, 1), 2: (1, 2), 3: (1, 3), 4: (2, 2), 6: (2, 3), 9: (3, 3)}
    """
    sizes = {
        height * width: (height, width)
        for height in range(1, kernel + 1)  # later means squarer: a larger height of equal area
        for width in range(height, kernel + 1)
    }
    return dict(sorted(sizes.items()))


def window_library(kernel: int, kss: int) -> tuple[Window, ...]:
    """All windows of ``kss`` taps in a ``kernel`` x ``kernel`` kernel, row by row.

    Args:
        kernel: Side of the kernel.
        kss: Kernel support size: taps of each window.

    Raises:
        SpecError: No rectangle of a height at most its width has ``kss`` taps and fits.

    Source:
        Kundu, Nazemi, Pedram, Chugg, Beerel, arXiv:2001.10710, for 4 and 2 of 9 taps; the other
        numbers of taps and kernels are ours, by the same rule.

    Example:
        >>> [(w.top, w.left) for w in window_library(3, 4)]
        [(0, 0), (0, 1), (1, 0), (1, 1)]
        >>> len(window_library(3, 2)), len(window_library(3, 1)), len(window_library(5, 4))
        (6, 9, 16)
    """
    kernel = whole_number(kernel, "kernel_size", low=1)
    kss = whole_number(kss, "kss", low=1)
    sizes = window_sizes(kernel)
    if kss not in sizes:
        raise SpecError(
            f"kss={kss} has no rectangular window in a {kernel}x{kernel} kernel; allowed are "
            f"{', '.join(map(str, sizes))}, and any number from 1 to {kernel**2} with "
            "assign='random'"
        )
    height, width = sizes[kss]
    return tuple(
        Window(top, left, height, width)
        for top in range(kernel - height + 1)
        for left in range(kernel - width + 1)
    )
