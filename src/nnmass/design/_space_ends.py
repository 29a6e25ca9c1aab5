"""The networks that a latency table of a space must have measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnmass.design._frame import Frame
from nnmass.design._space import Space
from nnmass.specs import Spec


def space_ends(space: Space) -> tuple[Spec, ...]:
    """The smallest and the largest network of each part of ``space``, each once.

    A table that can tell these can tell every network of the space: the layers of all others have
    channels between theirs.

    Args:
        space: What is to be searched.

    Raises:
        SpecError: The family has no skips.

    Source:
        Ours.

    Example:
        >>> [str(spec) for spec in space_ends(Space.parse("dense-cnn(wm=1,d=4..5,t=*)"))]
        ['dense-cnn(wm=1,d=4,t=0)', 'dense-cnn(wm=1,d=5,t=48)']
    """
    return tuple(dict.fromkeys(spec for frame in space.frames() for spec in _ends(frame)))


def _ends(frame: Frame) -> Iterator[Spec]:
    slots = frame.price(None).slots
    for option in (0, -1):
        settings: list[Sequence[int]] = [slot.settings[option].tolist() for slot in slots]
        yield frame.spec(settings)
