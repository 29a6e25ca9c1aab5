"""Positions after a permutation of channels, against loops over all of them."""

import numpy as np
import pytest
import torch
from torch import nn

from nnmass.nets import PadShortcut
from nnmass.slim._subnets._groups import Slots
from nnmass.slim._subnets._reorder import old_positions, shortcut_index
from nnmass.slim._subnets._shortcut import GatherShortcut
from nnmass.slim._subnets._views import Narrowing, runs_of, view_of
from oracles.families import images


def slowly(slots, orders):
    """The k-th position of a channel now has what the k-th position of its new owner had."""
    places = {}
    for position, key in enumerate(
        zip(slots.groups.tolist(), slots.channels.tolist(), strict=True)
    ):
        places.setdefault(key, []).append(position)
    seen, result = {}, []
    for key in zip(slots.groups.tolist(), slots.channels.tolist(), strict=True):
        group, channel = key
        owner = (group, int(orders[group][channel])) if group >= 0 else key
        result.append(places[owner][seen.get(key, 0)])
        seen[key] = seen.get(key, 0) + 1
    return result


@pytest.mark.parametrize("seed", range(5))
def test_old_positions_of_concatenations_and_flat_pixels(seed):
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(5), rng.permutation(3), rng.permutation(4)]
    blocks = [(2, np.repeat(np.arange(4), 6)), (0, np.arange(5)), (-1, np.zeros(2, np.int64)),
              (1, np.arange(3)), (0, np.arange(5))]  # fmt: skip
    groups = np.concatenate([np.full(len(channels), group) for group, channels in blocks])
    slots = Slots(groups, np.concatenate([channels for _, channels in blocks]))
    assert old_positions(slots, orders).tolist() == slowly(slots, orders)


def test_a_shortcut_gathers_what_padding_put_there():
    rng = np.random.default_rng(0)
    source, target, pad = rng.permutation(4), rng.permutation(9), PadShortcut(4, 9, 2)
    index = torch.from_numpy(shortcut_index(source, target, before=pad.before))
    x = images((4, 6, 6))
    found = GatherShortcut(index, stride=2)(x[:, torch.from_numpy(source)])
    assert torch.equal(found, pad(x)[:, torch.from_numpy(target)])


def test_a_view_follows_tensors_that_are_replaced():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    narrow = {"0": Narrowing(slices={"weight": (((0, 2),),), "bias": (((0, 2),),)}),
              "1": Narrowing(slices={"weight": (((0, 2),), ((0, 1), (3, 1)))})}  # fmt: skip
    view = view_of(net, narrow)
    net[1].weight = nn.Parameter(torch.arange(8.0).reshape(2, 4))
    assert view[1].weight.tolist() == [[0.0, 3.0], [4.0, 7.0]]
    net.double()
    assert view[0].weight.dtype == view[1].bias.dtype == torch.float64
    assert type(view[0]).__name__ == "Linear"
    assert isinstance(view[0], nn.Linear)
    assert view(torch.ones(1, 4, dtype=torch.float64)).shape == (1, 2)


def test_runs():
    assert runs_of(np.arange(4)) == ((0, 4),)
    assert runs_of(np.array([1, 3, 4, 9])) == ((1, 1), (3, 2), (9, 1))
