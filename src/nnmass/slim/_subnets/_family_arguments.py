"""What a family is told besides its network and its levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from nnmass.errors import SpecError
from nnmass.slim._subnets._plans import BatchNorms


def read_batch_norm(value: BatchNorms) -> BatchNorms:
    """What each level has of its own in batch norms.

    Raises:
        SpecError: It is none of the two.
    """
    if value in get_args(BatchNorms):
        return value
    raise SpecError(
        f"batch_norm must be one of {', '.join(get_args(BatchNorms))}, got {value!r:.80}"
    )


def read_names(names: Sequence[str] | None, n_levels: int) -> tuple[str, ...]:
    """A name for each level; ``full``, ``level-1``, .. unless told.

    Raises:
        SpecError: They are too few, too many, equal, empty or no words.
    """
    if names is None:
        return ("full", *(f"level-{number}" for number in range(1, n_levels)))
    is_sequence = isinstance(names, Sequence) and not isinstance(names, str)
    given = tuple(names) if is_sequence else (names,)
    are_words = all(isinstance(name, str) and name for name in given)
    if len(given) != n_levels or len(set(given)) < n_levels or not are_words:
        raise SpecError(f"names must be {n_levels} different words, one a level, got {names!r:.80}")
    return tuple(str(name) for name in given)


def ranks(order: Sequence[int]) -> list[float]:
    """Scores that give this order: the first is the highest."""
    place = {channel: number for number, channel in enumerate(order)}
    return [-float(place[channel]) for channel in range(len(order))]
