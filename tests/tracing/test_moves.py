"""Every rule for moving elements against the same operation done to each element's origin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmass.tracing._channels import ChannelMap, compressed, reshaped
from nnmass.tracing._paths import ModulePaths
from nnmass.tracing._recorder import Recorder
from nnmass.tracing._run import KeptIndices


def followed(shape, move, *, channel_axis=1):
    """The map that the recorder gives for ``move(x)``, spread over all elements."""
    recorder = Recorder(ModulePaths(torch.nn.Identity()), with_values=False)
    x = torch.empty(shape, device="meta")
    recorder.add_inputs([x])
    node = next(iter(recorder.inputs))
    with torch.no_grad(), recorder:
        x = x + torch.zeros(shape, device="meta")
    recorder._maps = {
        layout: ChannelMap.of_node(node, (channel_axis,), shape) for layout in recorder._maps
    }
    with torch.no_grad(), KeptIndices(), recorder:
        out = move(x)
    given_map = recorder.map_of(out)
    return given_map.spread(range(out.ndim), out.shape)


def expected(shape, move, *, channel_axis=1):
    """The same done to a tensor that holds the origins themselves."""
    index = torch.arange(shape[channel_axis])
    view = [1] * len(shape)
    view[channel_axis] = -1
    return move(index.reshape(view).expand(shape).clone()).numpy()


MOVES = {
    "flatten": lambda x: x.flatten(1),
    "flatten space": lambda x: x.flatten(2),
    "split channels": lambda x: x.view(2, 3, 2, 4, 6),
    "shuffle": lambda x: x.view(2, 2, 3, 4, 6).transpose(1, 2).reshape(2, 6, 4, 6),
    "channels last": lambda x: x.permute(0, 2, 3, 1),
    "tokens": lambda x: x.flatten(2).transpose(1, 2),
    "windows": lambda x: (
        x.permute(0, 2, 3, 1).reshape(2, 2, 2, 3, 2, 6).transpose(2, 3).reshape(-1, 4, 6)
    ),
    "slice": lambda x: x[:, 1:5:2],
    "slice of space": lambda x: x[:, :, ::2, 1:],
    "select": lambda x: x[:, 3],
    "select a place": lambda x: x[:, :, 0, 0],
    "list": lambda x: x[:, [4, 0, 0, 2]],
    "index_select": lambda x: x.index_select(1, torch.tensor([5, 1, 1])),
    "chunk": lambda x: x.chunk(3, 1)[1],
    "split": lambda x: x.split([1, 2, 3], 1)[2],
    "unbind": lambda x: x.unbind(1)[4],
    "cat": lambda x: torch.cat([x, x[:, :2], x], 1),
    "cat of space": lambda x: torch.cat([x, x], 2),
    "cat of others in space": lambda x: torch.cat([x, x.roll(1, 1)], 3),
    "stack": lambda x: torch.stack([x, x.flip(1)], 1),
    "stack last": lambda x: torch.stack([x, x], -1),
    "roll": lambda x: x.roll(2, 1),
    "roll of space": lambda x: x.roll((1, 1), (2, 3)),
    "flip": lambda x: x.flip(1),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "repeat in front": lambda x: x.repeat(3, 1, 1, 1, 2),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "expand": lambda x: x[:, :, :1, :1].expand(-1, -1, 3, 3),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "pixel_shuffle": lambda x: torch.pixel_shuffle(x[:, :4], 2),
    "pixel_unshuffle": lambda x: torch.pixel_unshuffle(x, 2),
    "unfold": lambda x: x.unfold(2, 2, 1),
    "unfold channels": lambda x: x.unfold(1, 2, 2),
    "movedim": lambda x: x.movedim(1, -1),
    "gather": lambda x: x.gather(1, torch.tensor([3, 1]).view(1, 2, 1, 1).expand(2, 2, 4, 6)),
    "mask of channels": lambda x: x[:, torch.tensor([1, 0, 1, 1, 0, 0]).nonzero()[:, 0]],
    "diagonal": lambda x: x.diagonal(0, 1, 3),
    "as_strided": lambda x: x.contiguous().as_strided((2, 3, 4), (144, 48, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_as_done_to_the_elements(name):
    shape = (2, 6, 4, 6)
    got = followed(shape, MOVES[name])
    assert np.array_equal(got, expected(shape, MOVES[name]))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("name", ["flatten", "windows", "slice", "cat", "roll", "unfold"])
def test_whichever_axis_holds_the_channels(name, axis):
    shape = (2, 6, 4, 6)
    got = followed(shape, MOVES[name], channel_axis=axis)
    assert np.array_equal(got, expected(shape, MOVES[name], channel_axis=axis))


def test_constant_padding_of_channels_has_no_origin():
    got = followed((1, 2, 3, 3), lambda x: torch.nn.functional.pad(x, (1, 1, 0, 0, 1, 2)))
    assert got[0, :, 0, 0].tolist() == [-1, 0, 1, -1, -1]
    assert (got[0, 1] == 0).all(), "around the image, padding changes nothing"
    cropped = followed((1, 4, 3, 3), lambda x: torch.nn.functional.pad(x, (0, 0, 0, 0, -1, -1)))
    assert cropped[0, :, 0, 0].tolist() == [1, 2]
    single = followed((1, 1, 3, 3), lambda x: torch.nn.functional.pad(x, (0, 0, 0, 0, 0, 2)))
    assert single[0, :, 0, 0].tolist() == [0, -1, -1]


def factorings(draw, size):
    """A random shape with ``size`` elements, with axes of length 1 among them."""
    shape = []
    while size > 1:
        divisor = draw(st.sampled_from([d for d in range(2, size + 1) if size % d == 0]))
        shape.append(divisor)
        size //= divisor
    for _ in range(draw(st.integers(0, 2))):
        shape.insert(draw(st.integers(0, len(shape))), 1)
    return tuple(shape)


@settings(max_examples=150)
@given(st.data())
def test_reshape_is_that_of_the_elements(data):
    old, new = factorings(data.draw, 48), factorings(data.draw, 48)
    axes = [axis for axis in range(len(old)) if data.draw(st.booleans())]
    sizes = [old[axis] for axis in axes]
    labels = data.draw(st.lists(st.integers(0, 3), min_size=48, max_size=48))
    codes = np.array(labels[: int(np.prod(sizes))]).reshape(sizes)
    given_map = compressed(axes, codes)
    whole = given_map.spread(range(len(old)), old)
    got = reshaped(given_map, old, new)
    assert np.array_equal(got.spread(range(len(new)), new), whole.reshape(new))
    for axis in got.axes:  # no axis is kept for nothing
        first = got.codes.take([0], got.axes.index(axis))
        assert (got.codes != first).any()


def test_sources_are_counted_once_a_channel():
    given_map = ChannelMap((1,), np.array([(2 << 32) + 1, (2 << 32) + 1, 7, -1]))
    assert given_map.sources == {0: 1, 2: 1}
