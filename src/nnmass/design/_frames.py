"""From a space to its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from nnmass.design._block_frames import mobilenet_frames, residual_frames
from nnmass.design._dense_frames import dense_conv_frames, dense_mlp_frames
from nnmass.design._densenet_frames import densenet_frames
from nnmass.design._frame import Frame
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.design._space import Space

_FRAMES: Mapping[str, Callable[[Space], Iterator[Frame]]] = {
    "dense-mlp": dense_mlp_frames,
    "dense-cnn": dense_conv_frames,
    "dense-cnn-dw": dense_conv_frames,
    "densenet": densenet_frames,
    "resnet": residual_frames,
    "wide-resnet": residual_frames,
    "resnext": residual_frames,
    "mobilenet-v2": mobilenet_frames,
}


MOST_OPTIONS = 10_000_000
"""Of all parts of all frames together, which are all priced: about 100 bytes each."""


def frames_of(space: Space) -> Iterator[Frame]:
    """The parts of ``space`` in which what varies is independent, in a fixed order.

    Raises:
        SpecError: The family has no skips, or the parts have too many options.
    """
    if space.family not in _FRAMES:
        raise SpecError(
            f"{space.family} networks have no skips, and so a mass of 0: there is nothing to "
            f"design by mass; families with skips: {', '.join(_FRAMES)}"
        )
    n_options = 0
    for frame in _FRAMES[space.family](space):
        n_options += sum(frame.sizes)
        if n_options > MOST_OPTIONS:
            raise SpecError(
                f"the parts of {space} have more than {MOST_OPTIONS:,} options (such as a depth "
                "with a link cap), and all are priced; narrow its depths, take link caps in steps "
                "(t=*..8), or fewer widths"
            )
        yield frame
