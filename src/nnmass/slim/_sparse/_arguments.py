"""The arguments of a sparse convolution, checked."""

from __future__ import annotations

from collections.abc import Sequence

from nnmass.errors import SpecError, whole_number
from nnmass.slim._sparse._shift import Geometry, Pair


def read_geometry(
    kernel_size: object, stride: object, padding: object, dilation: object
) -> Geometry:
    """Kernel, stride, padding and dilation as whole numbers for each axis.

    Raises:
        SpecError: The kernel is not square, or one of the others is not what `PSConv2d` takes.
    """
    sides = _pair(kernel_size, "kernel_size", low=1)
    if sides[0] != sides[1]:
        raise SpecError(
            f"kernel_size must be square, got {sides[0]}x{sides[1]}; leave such a convolution dense"
        )
    steps, spread = _pair(stride, "stride", low=1), _pair(dilation, "dilation", low=1)
    return Geometry(sides[0], steps, _padding(padding, sides[0], steps, spread), spread)


def _padding(padding: object, kernel: int, stride: Pair, dilation: Pair) -> Pair:
    if not isinstance(padding, str):
        return _pair(padding, "padding", low=0)
    if padding == "valid":
        return 0, 0
    if padding != "same":
        raise SpecError(
            f"padding must be a whole number, two of them, 'valid' or 'same', got {padding!r}"
        )
    spans = [spread * (kernel - 1) for spread in dilation]
    if stride != (1, 1) or any(span % 2 for span in spans):
        raise SpecError(
            f"padding='same' needs stride 1 and an odd kernel, got stride {stride} and kernel_size "
            f"{kernel}; give the padding as a whole number"
        )
    return spans[0] // 2, spans[1] // 2


def _pair(value: object, name: str, *, low: int) -> Pair:
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise SpecError(f"{name} must be one whole number or two, got {value!r}")
        first, second = (whole_number(entry, name, low=low) for entry in value)
        return first, second
    number = whole_number(value, name, low=low)
    return number, number


def check_zero_padding_mode(padding_mode: object) -> None:
    """Circular, reflected and replicated borders are not what a shift puts in.

    Raises:
        SpecError: Padding is not by zeros.
    """
    if padding_mode != "zeros":
        raise SpecError(
            f"padding_mode must be 'zeros', got {padding_mode!r}: shifted channels have zeros at "
            "their borders; leave such a convolution dense"
        )


def check_ungrouped(groups: object) -> None:
    """Grouped and depthwise convolutions have no channels to share a support.

    Raises:
        SpecError: ``groups`` is not 1.
    """
    if groups != 1:
        raise SpecError(
            f"groups must be 1, got {groups!r}: grouped and depthwise convolutions stay dense; use "
            "nn.Conv2d for them"
        )
