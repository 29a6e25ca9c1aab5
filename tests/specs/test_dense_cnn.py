from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import Cell, parse
from nnmass.errors import SpecError
from nnmass.specs import DenseCNN, DenseCNNDepthwise


@st.composite
def fields(draw):
    n_cells = draw(st.integers(1, 4))
    depths = draw(st.lists(st.integers(3, 16), min_size=n_cells, max_size=n_cells))
    caps = draw(st.lists(st.integers(0, 400), min_size=n_cells, max_size=n_cells))
    return {
        "width_multiplier": draw(st.integers(1, 4)),
        "depths": tuple(depths),
        "link_caps": tuple(caps),
        "in_channels": draw(st.integers(1, 4)),
        "image": draw(st.integers(2 ** (n_cells - 1) + 1, 70)),
        "classes": draw(st.integers(1, 100)),
    }


def regular(net, inputs, w, stride):
    net.conv(inputs, w, 3, stride=stride)


def depthwise(net, inputs, w, stride):
    net.conv(inputs, w, 1)
    net.norm(w)
    net.conv(w, w, 3, stride=stride, groups=w)
    net.norm(w)
    net.conv(w, w, 1)
    net.norm(w)


def count_network(spec, net, layer_of) -> None:
    """As the released forward pass: conv, norm twice; then norm of the concatenation, conv."""
    inputs = spec.in_channels
    for c, (depth, cap) in enumerate(zip(spec.depths, spec.link_caps, strict=True)):
        w = 16 * spec.width_multiplier * (1, 2, 4, 8)[c]
        for layer in range(depth):
            first_of_all = c == layer == 0
            make = regular if first_of_all else layer_of
            if layer == 0:
                make(net, inputs, w, stride=2 if c else 1)
                net.norm(w)
            elif layer == 1:
                make(net, w, w, stride=1)
                net.norm(w)
            else:
                links = min(cap, w * (layer - 1))
                net.norm(w + links)
                make(net, w + links, w, stride=1)
        inputs = w
    net.pool(2, 2)
    net.linear(inputs * net.size**2, spec.classes)


@pytest.mark.parametrize(("cls", "layer"), [(DenseCNN, regular), (DenseCNNDepthwise, depthwise)])
@given(given_fields=fields())
def test_cost_is_that_of_the_layers(tally, cls, layer, given_fields):
    spec = cls(**given_fields)
    net = tally(spec.image)
    count_network(spec, net, layer)
    assert (spec.params, spec.macs) == net.both


@given(fields())
def test_cells_and_mass(given_fields):
    spec = DenseCNN(**given_fields)
    base = 16 * spec.width_multiplier
    assert spec.cells == tuple(
        Cell(base * 2**c, depth, cap)
        for c, (depth, cap) in enumerate(zip(spec.depths, spec.link_caps, strict=True))
    )
    assert spec.mass == pytest.approx(sum(cell.mass for cell in spec.cells), rel=1e-14)
    assert DenseCNNDepthwise(**given_fields).mass == spec.mass
    assert spec.input_shape == (spec.in_channels, spec.image, spec.image)


@given(fields(), st.integers(0, 3), st.sampled_from([DenseCNN, DenseCNNDepthwise]))
def test_cost_is_affine_in_the_links_of_each_cell(given_fields, index, cls):
    index %= len(given_fields["link_caps"])
    costs, links = [], []
    for extra in (0, 1, 7):
        caps = list(given_fields["link_caps"])
        caps[index] += extra
        spec = cls(**{**given_fields, "link_caps": tuple(caps)})
        costs.append(spec.cost)
        links.append(spec.cells[index].links)
    slope = spec.plans[index].per_link
    for cost, count in zip(costs, links, strict=True):
        assert cost.params - costs[0].params == slope.params * (count - links[0])
        assert cost.macs - costs[0].macs == slope.macs * (count - links[0])


def test_one_depth_for_all_cells():
    spec = parse("dense-cnn(wm=2,d=13,t=40/80/125)")
    assert spec.depths == (13, 13, 13)
    assert spec == parse("dense-cnn(wm=2,d=13/13/13,t=40/80/125)")
    assert str(parse("dense-cnn(wm=2,d=13/14/13,t=1/2/3)")) == "dense-cnn(wm=2,d=13/14/13,t=1/2/3)"
    assert DenseCNN(width_multiplier=1, depths=5, link_caps=3).cells == (Cell(16, 5, 3),)


def test_the_image_follows_the_channels():
    assert parse("dense-cnn(wm=1,d=5,t=1/1)").image == 32
    assert parse("dense-cnn(wm=1,d=5,t=1/1,in=1)").image == 28
    assert str(parse("dense-cnn(wm=1,d=5,t=1/1,in=1,image=28)")) == "dense-cnn(wm=1,d=5,t=1/1,in=1)"
    assert str(parse("dense-cnn(wm=1,d=5,t=1/1,in=1,image=32)")).endswith("in=1,image=32)")
    assert str(parse("dense-cnn(wm=1,d=5,t=1/1,image=28)")).endswith("t=1/1,image=28)")


@pytest.mark.parametrize("n_cells", [1, 2, 3, 4, 5])
def test_the_smallest_image_leaves_a_head(n_cells):
    smallest = 2 ** (n_cells - 1) + 1
    fine = DenseCNN(width_multiplier=1, depths=3, link_caps=(0,) * n_cells, image=smallest)
    assert fine.head_inputs == 16 * 2 ** (n_cells - 1)
    with pytest.raises(SpecError, match=f"image must be at least {smallest} pixels"):
        DenseCNN(width_multiplier=1, depths=3, link_caps=(0,) * n_cells, image=smallest - 1)
