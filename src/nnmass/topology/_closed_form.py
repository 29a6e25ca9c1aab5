"""NN-Mass of arrays of cells in O(1) a cell, and its inverse."""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from nnmass._arrays import (
    Floats,
    Ints,
    as_array,
    common_shape,
    first_bad,
    shown,
    whole_array,
)
from nnmass.errors import BudgetError, SpecError
from nnmass.topology._cell import Cell

_BLOCK = 1 << 14  # cells computed at once, so that every intermediate array stays in the cache
_LARGEST = 1 << 61  # 2 w d^3 must fit a 64-bit integer


@overload
def cell_mass(width: int, depth: int, link_cap: int) -> float: ...
@overload
def cell_mass(width: npt.ArrayLike, depth: npt.ArrayLike, link_cap: npt.ArrayLike) -> Floats: ...
def cell_mass(
    width: npt.ArrayLike, depth: npt.ArrayLike, link_cap: npt.ArrayLike
) -> float | Floats:
    """NN-Mass of cells, in closed form.

        n = d - 2, k = min(floor(t / w), n)
        mass = 2 d / (n (n+1)) * (w k (k+1) / 2 + t (n - k)),   w d where t >= w n

    The bracket is an exact integer; there is one division, the last operation.

    Args:
        width: Channels of each layer, whole numbers of at least 1.
        depth: Layers of the cell, whole numbers of at least 3.
        link_cap: Most channels that a layer takes through skips, whole numbers of at least 0.

    Returns:
        float64 of the broadcast shape of the three; a plain float for three plain numbers.

    Raises:
        SpecError: A value is not whole or is out of range (the message names the first one), the
            shapes do not broadcast, or an array holds cells beyond ``2 w d^3 < 2^62``.

    Source:
        Bhardwaj, Li, Marculescu, CVPR 2021 (arXiv:1910.00780), definition of NN-Mass; the closed
        form is ours.

    Example:
        >>> cell_mass(8, 16, 8) == 256 / 15
        True
        >>> cell_mass(8, 16, [0, 1, 112]).tolist()
        [0.0, 2.1333333333333333, 128.0]
    """
    if _is_scalar(width) and _is_scalar(depth) and _is_scalar(link_cap):
        return Cell(width, depth, link_cap).mass  # type: ignore[arg-type]
    w = whole_array(width, "width", low=1)
    d = whole_array(depth, "depth", low=3)
    t = whole_array(link_cap, "link_cap", low=0)
    _check_size(w, d, instead="use Cell(...).mass, which has no limit")
    shape = common_shape(width=w, depth=d, link_cap=t)
    # What depends on the depth alone is computed on its own shape, not on the broadcast one.
    n = d - 2
    divisor = np.broadcast_to((n * (n + 1)).astype(np.float64), shape)
    width_, n_, twice_depth, cap = (np.broadcast_to(a, shape) for a in (w, n, 2 * d, t))
    mass = np.empty(shape, dtype=np.float64)
    _fill(mass, width_, n_, twice_depth, divisor, cap)
    return mass


def cell_links(width: npt.ArrayLike, depth: npt.ArrayLike, link_cap: npt.ArrayLike) -> Ints:
    """Links of cells, in closed form: the bracket of `cell_mass`.

    Args:
        width: Channels of each layer, whole numbers of at least 1.
        depth: Layers of the cell, whole numbers of at least 3.
        link_cap: Most channels that a layer takes through skips, whole numbers of at least 0.

    Returns:
        int64 of the broadcast shape of the three.

    Raises:
        SpecError: As for `cell_mass`.

    Source:
        Ours; sums the definition of Bhardwaj, Li, Marculescu, CVPR 2021.

    Example:
        >>> cell_links(8, 16, [0, 1, 112, 999]).tolist()
        [0, 14, 840, 840]
    """
    w = whole_array(width, "width", low=1)
    d = whole_array(depth, "depth", low=3)
    t = whole_array(link_cap, "link_cap", low=0)
    _check_size(w, d, instead="use Cell(...).links, which has no limit")
    common_shape(width=w, depth=d, link_cap=t)
    return np.asarray(_links(w, d - 2, t))


def _fill(mass: Floats, w: Ints, n: Ints, twice_depth: Ints, divisor: Floats, t: Ints) -> None:
    """Compute in blocks of about `_BLOCK` cells, cut along the leading axes."""
    row_size = mass.size // max(mass.shape[0], 1)
    if row_size > _BLOCK:
        for row in range(mass.shape[0]):
            _fill(mass[row], w[row], n[row], twice_depth[row], divisor[row], t[row])
        return
    step = max(_BLOCK // max(row_size, 1), 1)
    for start in range(0, mass.shape[0], step):
        block = slice(start, start + step)
        links = _links(w[block], n[block], t[block])
        np.multiply(links, twice_depth[block], out=links)
        np.divide(links, divisor[block], out=mass[block])


def _links(w: Ints, n: Ints, t: Ints) -> Ints:
    """``w k (k+1) / 2 + t (n-k)`` with ``k = min(floor(t/w), n)``; exact integers."""
    # Correctly rounded float64 division cannot reach the next integer for t below 2^53, and is
    # several times faster than integer division. Beyond, it may round up to it just below a kink,
    # where both pieces agree to float64 precision.
    t = np.minimum(t, w * n)  # first, since a quotient near 2^63 does not fit back
    k = (t / w).astype(np.int64)
    links: Ints = ((w * k * (k + 1)) >> 1) + t * (n - k)
    return links


@overload
def link_cap_for_mass(width: int, depth: int, mass: float) -> int: ...
@overload
def link_cap_for_mass(width: npt.ArrayLike, depth: npt.ArrayLike, mass: npt.ArrayLike) -> Ints: ...
def link_cap_for_mass(
    width: npt.ArrayLike, depth: npt.ArrayLike, mass: npt.ArrayLike
) -> int | Ints:
    """The smallest link cap whose cell has at least this mass; the inverse of `cell_mass`.

        S = mass n (n+1) / (2 d), k = the largest with S(k w) = w k (2n-k+1) / 2 <= S
        t = k w + (S - S(k w)) / (n - k), rounded up

    Args:
        width: Channels of each layer, whole numbers of at least 1.
        depth: Layers of the cell, whole numbers of at least 3.
        mass: Wanted mass, in [0, width * depth]. The mass reached is ``cell_mass`` of the
            result: at least this, by less than what one more link a layer adds.

    Returns:
        int64 of the broadcast shape of the three; a plain int for three plain numbers.
        ``link_cap_for_mass(w, d, cell_mass(w, d, t)) == t`` for every t up to ``w (d-2)``.

    Raises:
        SpecError: A width or depth is out of range, a mass is negative or not a number, the
            shapes do not broadcast, or a cell lies beyond ``2 w d^3 < 2^62``.
        BudgetError: A mass is above ``width * depth``, which no cell of that size has.

    Source:
        Ours; inverts the definition of Bhardwaj, Li, Marculescu, CVPR 2021.

    Example:
        >>> link_cap_for_mass(8, 16, 17)
        8
        >>> link_cap_for_mass(8, [16, 20, 24, 32], 17).tolist()
        [8, 9, 9, 9]
    """
    w = whole_array(width, "width", low=1)
    d = whole_array(depth, "depth", low=3)
    _check_size(w, d, instead="no such cell fits a machine")
    wanted = _wanted_mass(mass, w, d)
    n = d - 2
    total = wanted * (n * (n + 1)) / (2 * d)
    # S(k w) <= S is k^2 - (2n+1) k + 2 S / w >= 0 below its smaller root.
    root = np.sqrt(np.maximum((2.0 * n + 1) ** 2 - 8 * total / w, 0))
    k = np.clip(np.floor((2 * n + 1 - root) / 2), 0, n - 1)
    guess = k * w + (total - w * k * (2 * n - k + 1) / 2) / (n - k)
    cap = np.clip(np.ceil(guess).astype(np.int64), 0, w * n)
    # The float guess may miss by one at a kink or where the mass itself was rounded.
    for _ in range(3):
        cap = np.where((cap > 0) & (_mass_at(w, d, np.maximum(cap - 1, 0)) >= wanted), cap - 1, cap)
        cap = np.where(_mass_at(w, d, cap) < wanted, np.minimum(cap + 1, w * n), cap)
    return int(cap) if cap.ndim == 0 else cap


def _mass_at(w: Ints, d: Ints, t: Ints) -> Floats:
    return np.asarray(cell_mass(w, d, t), dtype=np.float64)


def _wanted_mass(mass: npt.ArrayLike, w: Ints, d: Ints) -> Floats:
    wanted = _numbers(mass)
    common_shape(width=w, depth=d, mass=wanted)
    bad = ~(wanted >= 0)
    if bad.any():
        raise SpecError(f"mass must be a number of at least 0, got {first_bad(wanted, bad)}")
    values, limits = np.broadcast_arrays(wanted, w * d)
    above = values > limits
    if above.any():
        limit = limits[tuple(np.argwhere(above)[0])]
        raise BudgetError(
            f"mass must be at most width * depth = {limit}, got {first_bad(values, above)}: a cell "
            "reaches that with every possible link; ask for less, or make it wider or deeper"
        )
    return wanted


def _numbers(mass: npt.ArrayLike) -> Floats:
    array = as_array(mass, "mass")
    try:
        if array.dtype.kind in "iufO":
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        pass
    raise SpecError(f"mass must hold numbers of at least 0, got {shown(mass, array)}")


def _is_scalar(value: object) -> bool:
    return isinstance(value, int | np.integer) or (isinstance(value, np.ndarray) and not value.ndim)


def _check_size(w: Ints, d: Ints, *, instead: str) -> None:
    if w.size and d.size and int(w.max()) * int(d.max()) ** 3 > _LARGEST:
        raise SpecError(
            f"width and depth must keep 2 w d^3 < 2^62 (64-bit integers), got width "
            f"{int(w.max())} and depth {int(d.max())}: {instead}"
        )
