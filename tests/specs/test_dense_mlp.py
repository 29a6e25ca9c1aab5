from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnmass
from nnmass.errors import SpecError
from nnmass.specs import DenseMLP

SPECS = st.builds(
    DenseMLP,
    width=st.integers(1, 40),
    depth=st.integers(3, 40),
    link_cap=st.integers(0, 900),
    inputs=st.integers(1, 900),
    classes=st.integers(1, 120),
)


def count_layers(spec: DenseMLP, net) -> None:
    w = spec.width
    net.linear(spec.inputs, w)
    for layer in range(1, spec.depth):
        links = min(spec.link_cap, w * (layer - 1))
        net.linear(w + links, spec.classes if layer == spec.depth - 1 else w)


@given(SPECS)
def test_cost_is_that_of_the_layers(tally, spec):
    net = tally(0)
    count_layers(spec, net)
    assert (spec.params, spec.macs) == net.both


@given(SPECS)
def test_one_cell_of_all_layers(spec):
    cell = nnmass.Cell(spec.width, spec.depth, spec.link_cap)
    assert spec.cells == (cell,)
    assert spec.mass == pytest.approx(cell.mass, rel=1e-15)
    assert spec.input_shape == (spec.inputs,)


def test_defaults():
    spec = nnmass.parse("dense-mlp(w=8,d=16,t=1)")
    assert (spec.inputs, spec.classes, spec.activation, spec.wiring) == (784, 10, "elu", "uniform")


@pytest.mark.parametrize(("depth", "params"), [(16, 8290), (32, 10466)])
def test_equal_mass_at_more_parameters(depth, params):
    assert DenseMLP(width=8, depth=depth, link_cap=8).params == params


@pytest.mark.parametrize("key", ["w", "d", "t"])
def test_what_is_required(key):
    texts = {"w": "8", "d": "16", "t": "1"}
    del texts[key]
    with pytest.raises(SpecError, match=f"^dense-mlp: {key} is missing: "):
        DenseMLP.from_texts(texts)
