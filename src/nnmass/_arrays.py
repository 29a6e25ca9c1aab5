"""Arrays of whole numbers, checked: what the closed forms over arrays share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def as_array(value: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """``value`` as an array of one shape.

    Raises:
        SpecError: It is ragged.
    """
    try:
        return np.asarray(value)
    except ValueError as error:
        raise SpecError(f"{name} must be one number or an array of one shape: {error}") from error


def whole_array(value: npt.ArrayLike, name: str, *, low: int) -> Ints:
    """``value`` as an int64 array of numbers of at least ``low``.

    Raises:
        SpecError: It holds no whole numbers, or one below ``low``; the message names the first.
    """
    array = as_array(value, name)
    if not array.size and not isinstance(value, np.ndarray):
        return array.astype(np.int64)  # an empty list, which numpy takes for float64
    if array.dtype.kind not in "iu":
        raise SpecError(
            f"{name} must hold whole numbers of at least {low}, got {shown(value, array)}"
        )
    if array.size and int(array.min()) < low:
        raise SpecError(f"{name} must be at least {low}, got {first_bad(array, array < low)}")
    if array.dtype == np.uint64:  # beyond int64 the cast would wrap around
        array = np.minimum(array, np.uint64(np.iinfo(np.int64).max))
    return array.astype(np.int64, copy=False)


def common_shape(**arrays: npt.NDArray[Any]) -> tuple[int, ...]:
    """The shape that all of them broadcast to.

    Raises:
        SpecError: There is none.
    """
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise SpecError(f"the arrays must broadcast to one shape, got {shapes}") from None


def first_bad(array: npt.NDArray[Any], bad: npt.NDArray[np.bool_]) -> str:
    """The first value that is ``bad``, and where it stands."""
    at = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{array[at]}" + (f" at index {at if len(at) > 1 else at[0]}" if at else "")


def shown(value: object, array: npt.NDArray[Any]) -> str:
    """A number as it was given; of an array, what it holds."""
    return repr(value) if array.ndim == 0 else f"an array of {array.dtype}"
