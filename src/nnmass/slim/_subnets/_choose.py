"""From a network and budgets to nested sets of kept channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from nnmass.errors import SpecError, did_you_mean
from nnmass.slim._subnets._budgets import PricedBy
from nnmass.slim._subnets._find_groups import find_groups
from nnmass.slim._subnets._importance import Importance, channel_importance, checked_scores
from nnmass.slim._subnets._level_search import LevelSearch
from nnmass.slim._subnets._levels import METHODS, ChosenLevels, Kept, Method
from nnmass.slim._subnets._search_widths import by_threshold, greedily, uniform


def choose_levels(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    method: Method = "uniform",
    widths: Sequence[float] = (1.0, 0.75, 0.5, 0.25),
    budgets: Sequence[float] | None = None,
    price: PricedBy = "macs",
    divisor: int = 8,
    importance: Importance | Mapping[str, npt.NDArray[np.float64]] = "l2",
    batch: tuple[Tensor, Tensor] | None = None,
    cost: Callable[[Kept], float] | None = None,
) -> ChosenLevels:
    """Nested sets of channels of any network, one for each budget, by one of four methods.

    ======= =======================================================================================
    uniform the same share of every group
    norm    the channels whose importance, over the mean of their group, is above one threshold
    greedy  step by step from the group whose narrowing costs least (loss on a held-out batch, or
            ``cost``) for each multiply-add saved
    mass    step by step from the group whose narrowing loses least NN-Mass for each multiply-add
            saved (`WidthMass` says what that does on residual networks)
    ======= =======================================================================================

    How many channels a group keeps is the method's choice; which, is that of the importance. Each
    width is a multiple of ``divisor``, or the whole group. Level 0 is the whole network.

    Args:
        model: Any module; it is left as it was.
        input_shape: Of one image, without the batch.
        method: See above.
        widths: Shares of the channels, falling, in (0, 1], for uniform levels. The other methods
            get the price of these levels as budgets, so that all are compared at one price.
        budgets: Instead, falling: as shares of the full price where at most 1, else in the unit
            of the price. A first one that is the full network may be left out.
        price: What a budget is of: ``macs`` of one image, or ``params``.
        divisor: 8, or 16 where the hardware works in sixteens.
        importance: A rule of `channel_importance`, or the numbers themselves for each group.
        batch: Images and labels, for ``greedy`` without a ``cost`` and importance ``taylor``.
        cost: For ``greedy``: what is to stay small, of the channels kept.

    Returns:
        The levels with multiply-adds, parameters and NN-Mass of each.

    Raises:
        BudgetError: A budget lies below the smallest sub-network, or two levels come out the same.
        SpecError: An argument is wrong.
        TraceError: The network cannot be followed, or has no channels that may be dropped.

    Source:
        greedy: Yu, Huang, arXiv:1903.11728 (AutoSlim). norm: Yang et al., DAC 2020, with a
        threshold over all groups. uniform: Yu et al., ICLR 2019. mass: ours.

    Example:
        >>> import nnmass
        >>> net = nnmass.build("resnet(depth=18)", seed=0)
        >>> levels = choose_levels(net, (3, 224, 224))
        >>> levels.macs
        (1814073344, 1042639872, 483149824, 135603200)
        >>> levels.params
        (11689512, 6675352, 3055880, 831096)
    """
    if method not in METHODS:
        near = did_you_mean(str(method), METHODS)
        raise SpecError(f"method must be one of {', '.join(METHODS)}, got {method!r}.{near}")
    shape = tuple(input_shape)
    search = LevelSearch(model, find_groups(model, shape), shape, price, divisor)
    wanted = search.wanted(widths, budgets)
    if isinstance(importance, str):
        images, labels = batch or (None, None)
        scores = channel_importance(model, search.groups, importance, images=images, labels=labels)
    else:
        scores = checked_scores(search.groups, importance)
    search.order = {name: np.argsort(-score, kind="stable") for name, score in scores.items()}
    if method == "uniform" and budgets is None:
        rows = search.uniform_rows(widths)
    elif method == "uniform":
        rows = uniform(search.ladder, search.price, wanted)
    elif method == "norm":
        rows = by_threshold(search.ladder, search.price, wanted, search.relative(scores))
    elif method == "mass":
        rows = greedily(search.ladder, search.price, wanted, search.lost_mass(), is_coarse=False)
    else:
        lost = search.cost_of(cost or search.held_out(batch))
        rows = greedily(search.ladder, search.price, wanted, lost, is_coarse=True)
    ranked_by = importance if isinstance(importance, str) else "given"
    return search.result(rows, wanted, method=method, importance=ranked_by)
