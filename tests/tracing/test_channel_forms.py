"""The ways to write the same thing: selections, zeros, gates, sums. The topology is one."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnmass.errors import TraceError
from nnmass.tracing import Link, trace


class Net(nn.Module):
    """Three layers of 4, 4, 6 channels in a row; ``way`` says what else happens."""

    def __init__(self, way, *, c_inputs=4, groups=1):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1, groups=groups)
        self.c = nn.Conv2d(c_inputs, 6, 1)
        self.fc = nn.Linear(4, 4)
        self.register_buffer("index", torch.tensor([0, 2]))
        self.register_buffer("mask", torch.tensor([True, False, True, False]))
        self.way = way

    def forward(self, x):
        return self.way(self, x)


def only_cell(way, **options):
    got = trace(Net(way, **options), (3, 6, 6))
    assert not math.isnan(got.mass), got.notes
    (cell,) = got.cells
    return cell


SELECTIONS = {
    "list": lambda _, a: a[:, [0, 2]],
    "tensor": lambda _, a: a[:, torch.tensor([0, 2])],
    "tensor on the device": lambda _, a: a[:, torch.tensor([0, 2], device=a.device)],
    "buffer": lambda net, a: a[:, net.index],
    "mask buffer": lambda net, a: a[:, net.mask],
    "index_select": lambda _, a: a.index_select(1, torch.tensor([0, 2])),
    "index_select on the device": lambda _, a: torch.index_select(
        a, 1, torch.tensor([0, 2], device=a.device)
    ),
    "index_select of a buffer": lambda net, a: a.index_select(1, net.index),
    "arange": lambda _, a: a[:, torch.arange(2, device=a.device)],
    "slice": lambda _, a: a[:, 1:3],
    "step": lambda _, a: a[:, ::2],
    "narrow": lambda _, a: a.narrow(1, 1, 2),
    "chunk": lambda _, a: a.chunk(2, 1)[1],
    "split": lambda _, a: a.split([1, 2, 1], 1)[1],
    "tensor_split": lambda _, a: a.tensor_split(2, 1)[0],
    "unbind and stack": lambda _, a: torch.stack(a.unbind(1)[1:3], 1),
    "channels last": lambda _, a: a.permute(0, 2, 3, 1)[..., :2].permute(0, 3, 1, 2),
    "moveaxis": lambda _, a: a.movedim(1, -1)[..., 2:].movedim(-1, 1),
    "shuffle": lambda _, a: a.view(-1, 2, 2, 6, 6).transpose(1, 2).reshape(-1, 4, 6, 6)[:, :2],
    "flip": lambda _, a: a.flip(1)[:, :2],
    "roll": lambda _, a: a.roll(1, 1)[:, :2],
    "ellipsis": lambda _, a: a[:, 2:, ...],
}


@pytest.mark.parametrize("pick", SELECTIONS.values(), ids=SELECTIONS.keys())
def test_two_of_four_channels(pick):
    def way(net, x):
        a = net.a(x)
        return net.c(torch.cat([net.b(a), pick(net, a)], 1))

    cell = only_cell(way, c_inputs=6)
    assert (cell.kind, cell.widths) == ("concatenation", (4, 4, 6))
    assert cell.link_list == (Link(source=0, target=2, channels=2),)
    assert cell.mass == 6  # 2 of 4, times 3 nodes of 4


def test_a_channel_read_twice_counts_once():
    def way(net, x):
        a = net.a(x)
        return net.c(torch.cat([net.b(a), a[:, :1], a[:, :1]], 1))

    assert only_cell(way, c_inputs=6).link_list == (Link(source=0, target=2, channels=1),)


def zeros_into(a):
    wide = a.new_zeros(a.shape[0], 6, 6, 6)
    wide[:, 1:5] = a
    return wide


PADDINGS = {
    "pad": lambda a: F.pad(a, (0, 0, 0, 0, 1, 1)),
    "zero pad behind": lambda a: F.pad(a, (0, 0, 0, 0, 0, 2)),
    "cat with zeros": lambda a: torch.cat([a, torch.zeros(a.shape[0], 2, 6, 6).to(a)], 1),
    "cat with zeros on the device": lambda a: torch.cat(
        [torch.zeros(a.shape[0], 2, 6, 6, device=a.device), a], 1
    ),
    "cat with new_zeros": lambda a: torch.cat([a, a.new_zeros(a.shape[0], 2, 6, 6)], 1),
    "cat with zeros_like": lambda a: torch.cat([a, torch.zeros_like(a[:, :2])], 1),
    "written into zeros": zeros_into,
}


@pytest.mark.parametrize("pad", PADDINGS.values(), ids=PADDINGS.keys())
def test_zeros_have_no_origin(pad):
    def way(net, x):
        a = net.a(x)
        return net.c(net.b(a)) + pad(a)

    cell = only_cell(way)
    assert (cell.kind, cell.widths) == ("addition", (4, 4, 6))
    assert cell.link_list == (Link(source=0, target=2, channels=4),)


PASSING = {
    "squeeze and excite": lambda net, z: z * net.fc(z.mean((2, 3)))[:, :, None, None].sigmoid(),
    "gate of ones": lambda _, z: z * torch.sigmoid(z.mean((2, 3), keepdim=True)),
    "gate in front": lambda _, z: z.mean(1, keepdim=True).sigmoid() * z,
    "expanded gate": lambda _, z: z * z.mean((2, 3), keepdim=True).expand_as(z),
    "map added": lambda _, z: z + z.mean((2, 3), keepdim=True),
    "itself": lambda _, z: z + z,
    "itself, activated": lambda _, z: F.silu(z) + z,
    "softmax": lambda _, z: z.softmax(1),
    "swish by hand": lambda _, z: z * torch.sigmoid(z),
    "numbers": lambda _, z: (2 * z - 1) / 3,
}


@pytest.mark.parametrize("act", PASSING.values(), ids=PASSING.keys())
def test_channels_pass(act):
    """A basic block around it stays a basic block."""

    def way(net, x):
        a = net.a(x)
        return net.c(a + act(net, net.b(net.b(a))))

    cell = only_cell(way)
    assert (cell.kind, cell.widths) == ("addition", (4, 4, 4))
    assert cell.link_list == (Link(source=0, target=2, channels=4),)


def test_a_projection_is_a_way_with_a_layer():
    def way(net, x):
        a = net.a(x)
        return net.c(net.b(net.b(a)) + net.fc(a.movedim(1, -1)).movedim(-1, 1))

    assert only_cell(way).link_list == (Link(source=0, target=2, channels=4, has_layer=True),)


def test_a_depthwise_block_with_its_input_added_is_ratio_one():
    def way(net, x):
        a = net.a(x)
        return net.c(a + net.fc(net.b(a).movedim(1, -1)).movedim(-1, 1))

    assert only_cell(way, groups=4).is_ratio_one
    assert not only_cell(way, groups=2).is_ratio_one


def test_a_padded_shortcut_is_no_plain_identity():
    def way(net, x):
        a = net.a(x)
        return F.pad(a, (0, 0, 0, 0, 1, 1)) + net.c(net.b(a))

    assert not only_cell(way, groups=4).is_ratio_one


def test_a_cell_that_ends_at_the_output():
    """Addition only if something is added; the output is no node of the chain."""

    def appended(net, x):
        a = net.a(x)
        return torch.cat([a, net.b(a)], 1)

    def read_first(net, x):
        a = net.a(x)
        b = net.b(a)
        return torch.cat([b, net.c(torch.cat([b, a[:, :2]], 1))], 1)

    cell = only_cell(appended)
    assert (cell.kind, cell.widths, cell.link_list) == ("concatenation", (4, 4), ())
    cell = only_cell(read_first, c_inputs=6)
    assert (cell.kind, cell.widths) == ("concatenation", (4, 4, 6))


def test_a_cell_behind_what_was_not_followed_has_no_wrong_number():
    """The cell starts where a selection by values may be unreadable: the right mass, or none."""

    def way(net, x):
        a = net.a(x)
        a = a[:, torch.topk(net.a.weight.sum((1, 2, 3)), 1).indices]
        b = net.b(a.expand(-1, 4, -1, -1))
        return net.c(torch.cat([net.b(b), b[:, :2]], 1))

    got = trace(Net(way, c_inputs=6), (3, 6, 6))
    right = 2 / 12 * 4 * 4  # nodes of 4, 4, 4, 6; the last reads 2 channels of the second
    assert math.isnan(got.mass) or got.mass == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("way", [lambda _, x: x.relu(), lambda net, x: x * net.a(x).mean(1, True)])
def test_a_network_without_a_layer_on_the_way_is_refused(way):
    with pytest.raises(TraceError, match="no weight layer"):
        trace(Net(way), (3, 6, 6))
