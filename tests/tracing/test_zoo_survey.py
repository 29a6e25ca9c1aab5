"""Networks of timm of every kind: all are read, and their counts are those of PyTorch."""

from __future__ import annotations

import importlib.util
import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nnmass.nets import match_networks, open_network
from nnmass.tracing import trace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed"),
]
N_NETWORKS = 50


def half_of_torch(model, shape):
    """On the meta device attention comes in its parts, which torch's counter knows."""
    model = model.to("meta").eval().requires_grad_(False)  # its hooks trip over parameters
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, *shape, device="meta"))
    return counter.get_total_flops() / 2


@pytest.mark.filterwarnings("ignore")  # timm's own, of networks that it has renamed
@pytest.mark.parametrize("part", range(N_NETWORKS))
def test_read_and_counted(part):
    names = match_networks("timm:*")
    name = names[part * len(names) // N_NETWORKS]
    opened = open_network(name)
    topology = trace(opened.model, opened.input_shape, name=name)
    assert topology.is_read, topology.notes
    assert math.isfinite(topology.mass)
    assert 0 <= topology.density <= 1
    assert topology.params == sum(p.numel() for p in opened.model.parameters())
    assert topology.macs == half_of_torch(opened.model, opened.input_shape)
    for cell in topology.cells:
        assert all(link.source <= link.target - 2 for link in cell.link_list)
        assert all(0 < link.channels <= cell.widths[link.source] for link in cell.link_list)
