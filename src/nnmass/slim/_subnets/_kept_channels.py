"""Which channels each level of a family keeps, checked, and the order that makes them prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnmass.errors import SpecError, whole_number
from nnmass.slim._subnets._costs import WidthCosts
from nnmass.slim._subnets._groups import ChannelGroup

Level = Mapping[str, int | Sequence[int]]
"""For a channel group by its name the kept channels, or how many of the first ones."""

Scores = Mapping[str, Sequence[float]]
"""For a channel group by its name the importance of each channel."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptChannels:
    """Nested sets of channels, from everything (level 0) down.

    Attributes:
        kept: For each level and group the channels that stay, ascending.
        order: For each group all channels, those that most levels keep first: each level's are
            then the first ones.
    """

    kept: tuple[dict[str, tuple[int, ...]], ...]
    order: dict[str, tuple[int, ...]]

    @property
    def widths(self) -> tuple[dict[str, int], ...]:
        """For each level, how many channels each group keeps."""
        return tuple({name: len(channels) for name, channels in kept.items()} for kept in self.kept)


def read_kept(
    costs: WidthCosts, levels: Sequence[Level], scores: Scores | None = None
) -> KeptChannels:
    """Check ``levels`` and order the channels of every group.

    Args:
        costs: Of the network.
        levels: From the full network down. A group that is left out keeps what it keeps in the
            level before: ``{}`` is the full network, first.
        scores: For the order among channels that as many levels keep, the highest first; the
            order that they have unless told.

    Raises:
        SpecError: No levels, the first is not the full network, a level keeps what the one before
            does not, a group is unknown or must stay whole, a channel does not exist, a set is
            empty.

    Source:
        Sorting by how many levels keep a channel: SP-Net (Guo et al., 2022) and once-for-all
        (Cai et al., ICLR 2020).

    Example:
        >>> from torch import nn
        >>> from nnmass.slim._subnets._find_groups import find_groups
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 10))
        >>> costs = WidthCosts(find_groups(model, (3, 4, 4)))
        >>> kept = read_kept(costs, [{}, {"0": [1, 3]}, {"0": [3]}])
        >>> kept.order, kept.widths
        ({'0': (3, 1, 0, 2)}, ({'0': 4}, {'0': 2}, {'0': 1}))
    """
    if isinstance(levels, str | Mapping) or not isinstance(levels, Sequence) or not levels:
        raise SpecError(
            f"levels must be a sequence with a mapping for each level, got {levels!r:.80}; such as "
            "[{}, {'stem': 32}]: first {} for the full network"
        )
    if scores is not None and not isinstance(scores, Mapping):
        raise SpecError(f"scores must be a mapping from group names to numbers, got {scores!r:.80}")
    _check_names(costs, scores or {})
    free = {group.name: group for group in costs.groups.free}
    above = {name: tuple(range(group.channels)) for name, group in free.items()}
    kept = [_read_level(costs, levels[0], above, 0)]
    if kept[0] != above:
        name = next(name for name in above if kept[0][name] != above[name])
        raise SpecError(
            f"level 0 must be the full network, but keeps {len(kept[0][name])} of the "
            f"{len(above[name])} channels of {name}; put {{}} before it"
        )
    for number, level in enumerate(levels[1:], start=1):
        kept.append(_read_level(costs, level, kept[-1], number))
    return KeptChannels(kept=tuple(kept), order=_orders(kept, free, scores or {}))


def _read_level(
    costs: WidthCosts, level: Level, above: Mapping[str, tuple[int, ...]], number: int
) -> dict[str, tuple[int, ...]]:
    if not isinstance(level, Mapping):
        raise SpecError(
            f"level {number} must be a mapping from group names to channels, got {level!r:.80}"
        )
    _check_names(costs, level)
    return {
        name: _read_channels(level[name], name, channels, number) if name in level else channels
        for name, channels in above.items()
    }


def _check_names(costs: WidthCosts, names: Iterable[object]) -> None:
    costs.counts({**costs.groups.full, **dict.fromkeys(map(str, names), 1)})  # refuses others


def _read_channels(
    value: int | Sequence[int], name: str, above: tuple[int, ...], number: int
) -> tuple[int, ...]:
    where = f"of {name} in level {number}"
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        channels = tuple(sorted(whole_number(c, f"a channel {where}", low=0) for c in value))
    else:
        channels = tuple(range(whole_number(value, f"the width {where}", low=1)))
    if not channels:
        raise SpecError(f"the channels {where} must be at least one, got none")
    if len(set(channels)) < len(channels):
        raise SpecError(f"a channel {where} is there twice: {_shown(channels)}")
    outside = sorted(set(channels) - set(above))
    if outside:
        raise SpecError(
            f"the channels {where} must be some of those of the level before, got "
            f"{_shown(outside)} too, where that has {len(above)}: {_shown(above)}. Levels are "
            "nested, from the full network down"
        )
    return channels


def _shown(channels: Sequence[int]) -> str:
    first = ", ".join(str(channel) for channel in channels[:8])
    return f"{first}, .." if len(channels) > 8 else first


def _orders(
    kept: Sequence[Mapping[str, Sequence[int]]],
    free: Mapping[str, ChannelGroup],
    scores: Scores,
) -> dict[str, tuple[int, ...]]:
    orders = {}
    for name, group in free.items():
        n_levels = np.zeros(group.channels, dtype=np.int64)
        for level in kept:
            n_levels[list(level[name])] += 1
        own = _read_scores(scores[name], group) if name in scores else np.zeros(group.channels)
        # the last key is the first to sort by; equal ones stay as they are
        order = np.lexsort((-own, -n_levels))
        orders[name] = tuple(int(channel) for channel in order)
    return orders


def _read_scores(scores: Sequence[float], group: ChannelGroup) -> npt.NDArray[np.float64]:
    own = np.asarray(scores, dtype=np.float64)
    if own.shape != (group.channels,) or np.isnan(own).any():
        raise SpecError(
            f"the scores of {group.name} must be {group.channels} numbers, one a channel, got "
            f"{own.size}{' with nan among them' if np.isnan(own).any() else ''}"
        )
    return own
