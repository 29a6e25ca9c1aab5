"""The links of a cell against a plain concatenate-and-select."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nnmass
from nnmass import Cell
from nnmass.errors import SpecError
from nnmass.nets._link_plan import Links
from nnmass.topology import draw_links

CELLS = st.builds(Cell, st.integers(1, 6), st.integers(3, 9), st.integers(0, 40))
CODED = [
    "dense-mlp(w=5,d=7,t=6,in=4,classes=5,act=relu)",
    "dense-mlp(w=5,d=7,t=6,in=4,classes=5,act=relu,wiring=legacy)",
    "dense-cnn(wm=1,d=7,t=20,image=4)",
    "dense-cnn(wm=1,d=4/6,t=900/13,image=4)",
    "dense-cnn-dw(wm=1,d=3/7,t=0/70,image=4)",
]


def handed(links, outputs):
    """For each layer what the links bring it, joined."""
    tray = links.empty_tray()
    for layer, features in enumerate(outputs):
        links.hand_out(layer, features, tray)
    return [torch.cat(pieces, 1) if pieces else outputs[0][:, :0] for pieces in tray]


def outputs_of(cell, *trailing):
    generator = torch.Generator().manual_seed(0)
    shape = (2, cell.width, *trailing)
    return [torch.randn(shape, generator=generator) for _ in range(cell.depth)]


@given(CELLS, st.integers(0, 9), st.sampled_from([(), (2, 3)]))
def test_links_bring_the_selected_channels_in_order(cell, seed, trailing):
    wiring = draw_links(cell, seed=seed)
    outputs = outputs_of(cell, *trailing)
    for layer, got in enumerate(handed(Links(cell, wiring), outputs)):
        everything = torch.cat(outputs[: max(layer - 1, 1)], 1)
        assert torch.equal(got, everything[:, torch.from_numpy(wiring[layer])])


@given(CELLS, st.integers(0, 9))
def test_each_link_is_copied_once(cell, seed):
    links = Links(cell, draw_links(cell, seed=seed))
    assert sum(links.n_gathered) == links.gather.numel() == links.links.numel() == cell.links


def cells_of(net):
    return getattr(net, "cells", [net])


@pytest.mark.parametrize("text", CODED)
def test_what_every_layer_of_a_network_reads(text):
    """Defect 3 and case 16: never the neighbour twice, layer 0 among the sources.

    Each layer's output is replaced by its own numbers, so that a layer's input tells who is in it.
    """
    net = nnmass.build(text).eval()
    read = {}
    for c, (cell, module) in enumerate(zip(net.spec.cells, cells_of(net), strict=True)):
        w = cell.width
        for i, layer in enumerate(module.layers):
            codes = 1.0 + torch.arange(i * w, (i + 1) * w)
            layer.register_forward_hook(
                lambda _m, _x, out, codes=codes: out * 0 + codes.view(-1, *[1] * (out.ndim - 2))
            )
            layer.register_forward_pre_hook(lambda _m, x, key=(c, i): read.update({key: x[0]}))
    net(torch.zeros(1, *net.spec.input_shape))
    sources = set()
    for c, cell in enumerate(net.spec.cells):
        wiring = draw_links(cell, seed=0, cell_index=c)
        for i in range(1, cell.depth):
            x = read[c, i].flatten(2).amax(2) if read[c, i].ndim == 4 else read[c, i]
            ids = [round(value) - 1 for value in x[0].tolist()]
            neighbour = list(range((i - 1) * cell.width, i * cell.width))
            assert ids == neighbour + wiring[i].tolist(), (c, i)
            assert len(set(ids)) == len(ids)
            sources |= {j // cell.width for j in ids[cell.width :]}
    assert 0 in sources


def bumped(net, channel):
    """The outputs of all layers and the logits, layer 0's ``channel`` raised."""
    seen = []
    module = cells_of(net)[0]

    def raise_channel(_module, _inputs, out):
        out = out.clone()
        if channel is not None:
            out[:, channel] += 1
        return out

    handles = [module.layers[0].register_forward_hook(raise_channel)]
    handles += [
        layer.register_forward_hook(lambda _m, _x, out: seen.append(out.clone()))
        for layer in module.layers[1:]
    ]
    with torch.no_grad():
        x = torch.ones(1, *net.spec.input_shape)
        result = net(x)
    for handle in handles:
        handle.remove()
    return [*seen, result]


def readers(cell, channel):
    wiring = draw_links(cell, seed=0)
    return [layer for layer in range(cell.depth) if channel in wiring[layer]]


def cut_direct_path(net):
    """Layer 1 reads nothing: what layer 0 says goes through links alone."""
    layer = cells_of(net)[0].layers[1]
    with torch.no_grad():
        next(layer.parameters()).zero_()  # the first convolution or the linear weight


@pytest.mark.parametrize(
    "text",
    [
        "dense-cnn(wm=2,d=6,t=6,image=6)",
        "dense-cnn-dw(wm=2,d=6,t=6/3,image=6)",
        "dense-mlp(w=30,d=6,t=8,in=4)",
        "dense-mlp(w=30,d=6,t=8,in=4,wiring=legacy)",
    ],
)
def test_output_hangs_on_selected_channels_of_layer_0_and_on_no_others(text):
    """Case 16: a channel that a single layer selects, and one that nobody does."""
    net = nnmass.build(text).eval()
    cell = net.spec.cells[0]
    by_readers = {tuple(readers(cell, channel)): channel for channel in range(cell.width)}
    alone = next(key for key in by_readers if len(key) == 1 and 2 < key[0] < cell.depth - 1)
    unread = by_readers[()]
    assert not torch.equal(bumped(net, unread)[-1], bumped(net, None)[-1])  # through layer 1
    cut_direct_path(net)
    plain = bumped(net, None)
    assert all(torch.equal(a, b) for a, b in zip(plain, bumped(net, unread), strict=True))
    changed = bumped(net, by_readers[alone])
    for layer, (a, b) in enumerate(zip(plain, changed, strict=True), start=1):
        assert torch.equal(a, b) is (layer < alone[0]), layer


@pytest.mark.parametrize(
    "text", ["dense-mlp(w=5,d=6,t=6,in=4)", "dense-cnn(wm=1,d=5,t=7/9,image=6)"]
)
def test_a_state_with_other_links_rewires(text, inputs, logits, same_state):
    source, net = nnmass.build(text, seed=1), nnmass.build(text, seed=2)
    x = inputs(net.spec)
    before = logits(net, x)
    net.load_state_dict(source.state_dict())
    assert torch.equal(logits(net, x), logits(source, x))
    assert not torch.equal(logits(net, x), before)
    for mine, others in zip(cells_of(net), cells_of(source), strict=True):
        pairs = zip(mine.links.wiring, others.links.wiring, strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert same_state(net, source)


def test_links_that_are_not_valid_are_refused():
    net = nnmass.build("dense-mlp(w=5,d=6,t=6,in=4)")
    state = net.state_dict()
    state["links.links"] = state["links.links"].flip(0)
    with pytest.raises(SpecError, match=r"links of layer 2 .* ascending order"):
        net.load_state_dict(state)


def test_rewiring_by_hand():
    cell = Cell(4, 5, 3)
    links = Links(cell, draw_links(cell, seed=0))
    links.rewire(draw_links(cell, seed=1))
    outputs = outputs_of(cell)
    fresh = Links(cell, draw_links(cell, seed=1))
    pairs = zip(handed(links, outputs), handed(fresh, outputs), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    with pytest.raises(SpecError, match="the wiring has 4 layers, the cell 5"):
        links.rewire(draw_links(Cell(4, 4, 3), seed=0))


def test_rewiring_stays_on_its_device():
    cell = Cell(4, 5, 3)
    links = Links(cell, draw_links(cell, seed=0)).to("meta")
    links.rewire(draw_links(cell, seed=1))
    assert links.links.is_meta and links.gather.is_meta


@pytest.mark.parametrize("text", CODED[::2])
def test_copies_and_pickles_are_whole(text, inputs, logits, same_state, tmp_path):
    net = nnmass.build(text, seed=3)
    x = inputs(net.spec)
    torch.save(net, tmp_path / "net.pt")
    for twin in (
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        torch.load(tmp_path / "net.pt", weights_only=False),
    ):
        assert same_state(net, twin)
        assert (twin.spec, twin.seed) == (net.spec, 3)
        assert torch.equal(logits(net, x), logits(twin, x))
        twin.load_state_dict(nnmass.build(text, seed=4).state_dict())  # rewires the twin alone
        assert not torch.equal(logits(net, x), logits(twin, x))
    assert same_state(net, nnmass.build(text, seed=3))


@pytest.mark.parametrize("text", CODED[::2])
def test_links_keep_their_type_when_the_network_changes_its(text, inputs, logits):
    net = nnmass.build(text)
    wide = copy.deepcopy(net).double()
    x = inputs(net.spec)
    assert all(m.links.dtype == torch.int64 for m in wide.modules() if isinstance(m, Links))
    close = logits(wide, x.double())
    assert close.dtype == torch.float64
    torch.testing.assert_close(close.float(), logits(net, x), rtol=1e-4, atol=1e-5)
