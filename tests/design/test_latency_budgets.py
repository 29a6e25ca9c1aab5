"""Latency as a cost and as a budget, by tables whose numbers are made up."""

from __future__ import annotations

import pytest

import nnmass
from nnmass.design import LatencyTable, LayerTime, Space, design, pareto_front
from nnmass.design._table_setting import TableSetting
from nnmass.errors import BudgetError, DeviceError, SpecError
from nnmass.runs import Machine, this_machine
from nnmass.specs import layers_of
from oracles.spaces import SMALL_SPACES, every_network

CONVOLUTIONAL = [text for text in SMALL_SPACES if not text.startswith("dense-mlp")]


def table_of(specs, machine=None):
    """Every layer of ``specs`` at a time that is neither even nor monotone in its channels."""
    layers = dict.fromkeys(layer for spec in specs for layer in layers_of(spec))
    times = tuple(
        LayerTime(layer=layer, median_ms=ms, min_ms=ms, n_runs=5)
        for layer in layers
        if (ms := 0.01 + layer.cost.macs / 1e7 + 0.02 * ((7 * layer.inputs + layer.outputs) % 5))
    )
    return LatencyTable(setting=TableSetting(machine=machine or this_machine()), times=times)


@pytest.mark.parametrize("text", CONVOLUTIONAL)
def test_slots_add_up_to_the_table(text):
    networks = every_network(text)
    table = table_of(networks)
    for frame in Space.parse(text).frames():
        priced = frame.price(table)
        for row in (0, 1, -1):
            spec = frame.spec([slot.settings[row % len(slot)] for slot in priced.slots])
            ms = priced.ms + sum(float(slot.ms[row % len(slot)]) for slot in priced.slots)
            assert ms == pytest.approx(table.network_ms(spec), rel=1e-12)


@pytest.mark.parametrize("text", CONVOLUTIONAL)
def test_the_fastest_and_what_is_fast_enough(text):
    networks = every_network(text)
    table = table_of(networks)
    ms_of = {spec: table.network_ms(spec) for spec in networks}
    mass = sorted(spec.mass for spec in networks)[len(networks) // 2]
    enough = [spec for spec in networks if spec.mass >= mass]
    arguments = {"space": text, "mass": mass, "across_widths": True, "latency": table, "top": 1}
    fastest = design(**arguments, objective="latency")[0]
    assert fastest.latency_ms == pytest.approx(min(ms_of[spec] for spec in enough), rel=1e-12)
    budget = sorted(ms_of[spec] for spec in enough)[len(enough) // 3]
    small = design(**arguments, max_latency_ms=budget)[0]
    assert small.params == min(s.params for s in enough if ms_of[s] <= budget * (1 + 1e-13))
    assert small.latency_ms <= budget * (1 + 1e-12)
    with pytest.raises(BudgetError) as caught:
        design(**arguments, max_latency_ms=min(ms_of[spec] for spec in enough) * 0.99)
    told = float(str(caught.value).split("latency of at least ")[1].split(" ms")[0])
    assert told == pytest.approx(min(ms_of[s] for s in enough), rel=1e-5)
    assert design(**arguments, max_latency_ms=told)  # rounded, but not too far down


def test_a_front_with_latency():
    networks = every_network(CONVOLUTIONAL[0])
    front = pareto_front(space=CONVOLUTIONAL[0], latency=table_of(networks), levels=4)
    assert {cost for point in front.points for cost in point.least} >= {"params", "latency"}
    assert all(point.candidate.latency_ms for point in front.points)


def test_tables_that_will_not_do(tmp_path):
    networks = every_network(CONVOLUTIONAL[0])
    table = table_of(networks, machine=Machine(cpu="another", cores=3))
    table.save(tmp_path / "table.json")
    arguments = {"space": CONVOLUTIONAL[0], "mass": 1, "max_latency_ms": 5.0}
    with pytest.raises(DeviceError, match="another"):
        design(**arguments, latency=tmp_path / "table.json")
    few = table_of([nnmass.parse("dense-cnn(wm=1,d=3,t=0/0,image=8)")])
    with pytest.raises(SpecError, match="measure"):
        design(**arguments, latency=few)
    with pytest.raises(SpecError, match="no layer rule"):
        design("dense-mlp", mass=3, latency=few)
