"""The latency table on a made clock that tells multiply-adds, of which all is known.

A layer's multiply-adds are linear in its inputs and in its outputs, and a network's are the sum
of its layers': on that clock interpolation and sums must be exact.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import nnmass
from nnmass.design import LatencyTable, NetworkCheck, measure_latency_table
from nnmass.design._channel_grid import grid_of, thinned
from nnmass.design._latency_file import SCHEMA
from nnmass.errors import DeviceError, NNMassError, ProbeError, SpecError, StoreError
from nnmass.runs import Machine, this_machine
from nnmass.specs import Layer, LayerKind, layers_of
from nnmass.topology import Cell

TICK = 1e-6  # so that a layer without multiply-adds takes some time


class Clock:
    """Milliseconds are multiply-adds; tells how often it was asked."""

    def __init__(self, factor=1.0):
        self.factor, self.n_calls = factor, 0

    def __call__(self, call):
        self.n_calls += 1
        with FlopCounterMode(display=False) as counter:
            call()
        return self.factor * counter.get_total_flops() / 2 + TICK


SMALL, LARGE = "dense-cnn(wm=1,d=3,t=0/0,image=8)", "dense-cnn(wm=1,d=7,t=99/999,image=8)"
FIRST, LAST = Machine(cpu="Z80", cores=1), Machine(cpu="Z80", cores=2)


def measured(networks, **more):
    more = {"stopwatch": Clock(), "max_seconds": 1e-9, **more}
    return measure_latency_table(networks, **more)


@pytest.fixture(scope="module")
def table():
    return measured([SMALL, LARGE], n_points=3)


@pytest.mark.parametrize("caps", ["0/0", "1/1", "5/40", "16/33", "47/100", "80/160"])
@pytest.mark.parametrize("depth", [3, 5, 7])
def test_networks_between_the_measured_ones_are_exact(table, caps, depth):
    spec = nnmass.parse(f"dense-cnn(wm=1,d={depth},t={caps},image=8)")
    assert table.network_ms(spec) == pytest.approx(spec.macs, rel=1e-12, abs=1e-3)
    assert table.network_ms(str(spec)) == table.network_ms(spec)


@pytest.mark.parametrize("family", ["dense-cnn", "dense-cnn-dw"])
def test_every_link_cap_of_a_cell(family):
    spec = nnmass.parse(f"{family}(wm=1,d=6,t=99/999,image=8)")
    table = measured([spec], n_points=2)
    for index, plan in enumerate(spec.plans):
        for depth in (3, 4, 6):
            found = table.cell_ms(spec, index, depth=depth)
            width = plan.cell.width
            assert found.shape == (width * (depth - 2) + 1,)
            wanted = [
                spec.plan_cell(
                    Cell(width, depth, cap),
                    inputs=plan.inputs,
                    size_in=plan.size_in,
                    stride=plan.stride,
                ).cost.macs
                for cap in range(len(found))
            ]
            assert found == pytest.approx(wanted, rel=1e-12, abs=1e-3)
    assert (table.cell_ms(spec, 0) == table.cell_ms(spec, 0, depth=6)).all()


def test_cells_and_head_are_the_network(table):
    spec = nnmass.parse("dense-cnn(wm=1,d=6,t=20/70,image=8)")
    cells = sum(table.cell_ms(spec, c)[cap] for c, cap in enumerate(spec.link_caps))
    head = table.layers_ms(layers_of(spec)[-2:])
    assert cells + head == pytest.approx(table.network_ms(spec), rel=1e-12)


OTHERS = {
    "mobilenet-v2(image=32{})": ("", ",wm=1.4", ",wm=1.2"),
    "resnet(depth=20,image=8{})": ("", ",wm=2", ",wm=1.5"),
    "wide-resnet(depth=16,image=8{})": (",widen=2", ",widen=4", ",widen=3"),
    "densenet(depth=40,growth=4,image=8{})": ("", ",first=24", ",first=13"),
    "vgg(depth=11,stem=cifar,image=32{})": ("", ",classes=100", ",classes=57"),
}


@pytest.mark.parametrize("text", OTHERS)
def test_other_families(text):
    low, high, between = (text.format(more) for more in OTHERS[text])
    table = measured([low, high], n_points=5)
    for spec in map(nnmass.parse, (low, high)):
        assert table.network_ms(spec) == pytest.approx(spec.macs, rel=1e-9, abs=1e-3)
    spec = nnmass.parse(between)
    assert not table.missing([spec])
    assert table.network_ms(spec) == pytest.approx(spec.macs, rel=1e-9, abs=1e-3)


def test_layers_over_arrays(table):
    (kind,) = [k for k in table.kinds if k.linked == 16]
    inputs = np.arange(16, 97)
    assert table.layer_ms(kind, inputs) == pytest.approx(9 * 64 * 16 * inputs, rel=1e-10)
    assert table.layer_ms(kind, 20).shape == ()
    assert table.layer_ms(kind, [[17, 18]], [[16], [16]]).shape == (2, 2)


def test_between_outputs_too():
    kind = LayerKind(op="conv", size=4)
    table = measured([Layer(kind, 8, 8), Layer(kind, 24, 40)])
    inputs, outputs = np.meshgrid([8, 11, 24], [8, 9, 33, 40])
    assert table.layer_ms(kind, inputs, outputs) == pytest.approx(16 * inputs * outputs, rel=1e-9)
    with pytest.raises(SpecError, match=r"outputs must be told for conv at 4 px: .* 8, 40 of them"):
        table.layer_ms(kind, 8)


def test_what_was_not_measured_is_not_told(table):
    with pytest.raises(SpecError, match=r"inputs must lie within the measured 16 to 96 .* got 97"):
        table.layer_ms(next(k for k in table.kinds if k.linked == 16), [16, 97])
    with pytest.raises(SpecError, match="no layer of the kind 'conv 3x3 at 9 px, norm after'"):
        table.network_ms("dense-cnn(wm=1,d=3,t=0/0,image=9)")
    with pytest.raises(SpecError, match=r"outputs must lie within the measured 16 to 16 channels"):
        table.layer_ms(next(k for k in table.kinds if k.linked == 16), 20, 17)
    with pytest.raises(SpecError, match="no layer rule is known for the family 'dense-mlp'"):
        table.network_ms("dense-mlp(w=8,d=6,t=2)")
    with pytest.raises(SpecError, match="inputs must be whole numbers of channels"):
        table.layer_ms(table.kinds[0], 16.0)
    missing = table.missing(["dense-cnn(wm=1,d=8,t=0/999,image=8)"])
    assert [layer.inputs for layer in missing] == [32 * 7]


@pytest.mark.parametrize(
    ("spec", "cell", "depth", "said"),
    [
        ("resnet(depth=20)", 0, None, "cell_ms needs a dense CNN"),
        (LARGE, 2, None, "cell must be below 2, got 2"),
        (LARGE, -1, None, "cell must be at least 0"),
        (LARGE, 0, 2, "depth must be at least 3"),
        (LARGE, 0, 9, "within the measured 16 to 96 channels"),
    ],
)
def test_cells_that_cannot_be_told(table, spec, cell, depth, said):
    with pytest.raises(SpecError, match=said):
        table.cell_ms(spec, cell, depth=depth)


def test_round_trip_through_a_file(table, tmp_path):
    file = tmp_path / "sub" / "latency.json"
    table.save(file)
    assert LatencyTable.load(file) == table
    assert LatencyTable.load(file, threads=1, dtype="float32", batch_size=1, device="cpu") == table
    values = json.loads(file.read_text())
    assert values["schema"] == SCHEMA
    assert values["setting"]["machine"] == this_machine().to_dict()
    assert values["setting"]["torch"] == torch.__version__
    assert values["error"] is None
    assert [f.name for f in file.parent.iterdir()] == ["latency.json"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"threads": 4}, "measured with threads 1, and is asked for threads 4"),
        ({"dtype": "bfloat16"}, "dtype float32, and is asked for dtype bfloat16"),
        ({"batch_size": 8}, "batch size 1, and is asked for batch size 8"),
        ({"device": "cuda (H100)"}, r"device cpu, and is asked for device cuda \(H100\)"),
        ({"machine": FIRST}, "asked for machine Z80, 1 core: latencies"),
        ({"threads": 2, "dtype": "bfloat16"}, "asked for threads 2, dtype bfloat16"),
    ],
)
def test_tables_of_another_setting_are_refused(table, tmp_path, asked, said):
    table.save(tmp_path / "latency.json")
    with pytest.raises(DeviceError, match=said):
        LatencyTable.load(tmp_path / "latency.json", **asked)


def test_a_foreign_table_is_refused_and_can_be_asked_for(table, tmp_path):
    foreign = replace(table, setting=replace(table.setting, machine=LAST))
    foreign.save(tmp_path / "latency.json")
    with pytest.raises(DeviceError, match="Z80, 2 cores, and is asked for machine"):
        LatencyTable.load(tmp_path / "latency.json")
    assert LatencyTable.load(tmp_path / "latency.json", machine=LAST) == foreign
    with pytest.raises(DeviceError, match="this check was measured with machine"):
        foreign.check([SMALL])
    with pytest.raises(DeviceError, match="Z80, 2 cores"):
        measured([SMALL], path=tmp_path / "latency.json")


def test_measuring_goes_on_where_it_stopped(tmp_path):
    file, seen = tmp_path / "latency.json", []

    def stop(time, done, total):
        seen.append((time.layer, done, total))
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured([LARGE], n_points=3, path=file, on_entry=stop)
    assert len(LatencyTable.load(file).times) == 4
    seen.clear()
    clock = Clock()
    table = measured(
        [LARGE], n_points=3, path=file, on_entry=lambda *now: seen.append(now), stopwatch=clock
    )
    assert [now[1] for now in seen] == list(range(5, len(table.times) + 1))
    assert {now[2] for now in seen} == {len(table.times)}
    assert LatencyTable.load(file) == table
    clock.n_calls = 0
    assert measured([LARGE], n_points=3, path=file, stopwatch=clock) == table
    assert clock.n_calls == 0  # all is known
    wider = measured([LARGE, "vgg(depth=11,stem=cifar,image=32)"], n_points=3, path=file)
    assert wider.times[: len(table.times)] == table.times
    assert len(wider.times) > len(table.times)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"threads": 2}, "threads 1, and is asked for threads 2"),
        ({"batch_size": 2}, "batch size 1"),
        ({"dtype": "bfloat16"}, "dtype float32"),
    ],
)
def test_a_file_is_not_continued_in_another_setting(table, tmp_path, asked, said):
    table.save(tmp_path / "latency.json")
    with pytest.raises(DeviceError, match=said):
        measured([LARGE], path=tmp_path / "latency.json", **asked)
    assert LatencyTable.load(tmp_path / "latency.json") == table


def test_nor_with_another_torch(table, tmp_path):
    replace(table, setting=replace(table.setting, torch="1.0")).save(tmp_path / "t.json")
    with pytest.raises(DeviceError, match=r"torch 1\.0, and is asked for torch"):
        measured([LARGE], path=tmp_path / "t.json")


def change(values, path, value):
    *parents, last = path
    for key in parents:
        values = values[key]
    values[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "nnmass.run/1"),
        (("setting", "threads"), "1"),
        (("setting", "threads"), 0),
        (("setting", "threads"), True),
        (("setting", "machine"), {"cpu": "x"}),
        (("setting", "machine"), {"cpu": 3, "cores": 2}),
        (("setting",), None),
        (("times", 0, "median_ms"), -1),
        (("times", 0, "median_ms"), "1"),
        (("times", 0, "min_ms"), float("nan")),
        (("times", 0, "inputs"), 0),
        (("times", 0, "kind", "op"), "dream"),
        (("times", 0, "kind"), []),
        (("times",), 3),
        (("factor",), 1.1),
        (("checks",), [{"network": "x"}]),
    ],
)
def test_damaged_files_are_refused(table, tmp_path, path, value):
    file = tmp_path / "latency.json"
    table.save(file)
    values = json.loads(file.read_text())
    change(values, path, value)
    file.write_text(json.dumps(values))
    with pytest.raises(StoreError, match=r"latency\.json is no latency table of nnmass"):
        LatencyTable.load(file)


def test_no_file(tmp_path):
    with pytest.raises(StoreError, match=r"cannot read the latency table .*nothing\.json"):
        LatencyTable.load(tmp_path / "nothing.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\x00")
    with pytest.raises(StoreError, match="is no latency table"):
        LatencyTable.load(tmp_path / "bytes.json")


def test_checks_are_measured_and_kept(table, tmp_path):
    file = tmp_path / "latency.json"
    nets = [SMALL, LARGE, "dense-cnn(wm=1,d=5,t=9/9,image=8)"]
    with pytest.raises(SpecError, match="no whole network was measured"):
        _ = table.error
    checked = table.check(nets, max_seconds=1e-9, path=file, stopwatch=Clock())
    assert table.checks == ()
    assert [check.network for check in checked.checks] == [str(nnmass.parse(n)) for n in nets]
    assert checked.error.largest < 1e-9
    assert LatencyTable.load(file) == checked
    assert json.loads(file.read_text())["error"] == checked.error.to_dict()
    slower = checked.check([LARGE], max_seconds=1e-9, stopwatch=Clock(2.0))
    assert len(slower.checks) == 3  # in place of the old one
    assert slower.error.largest == pytest.approx(0.5)
    assert slower.error.median < 1e-9
    assert slower.error.bias == pytest.approx(0, abs=1e-9)


def test_a_correction_is_judged_by_the_others(table, tmp_path):
    nets = [SMALL, LARGE, "dense-cnn(wm=1,d=5,t=9/9,image=8)"]
    with pytest.raises(SpecError, match="a correction needs 3 measured networks or more"):
        table.check(nets[:2], max_seconds=1e-9, stopwatch=Clock()).corrected()
    slow = table.check(nets, max_seconds=1e-9, stopwatch=Clock(1.25))
    assert slow.error.bias == pytest.approx(-0.2)
    corrected = slow.corrected()
    assert corrected.factor == pytest.approx(1.25)
    assert corrected.error.largest < 1e-9
    assert corrected.error.is_corrected
    spec = nnmass.parse(LARGE)
    assert corrected.network_ms(spec) == pytest.approx(1.25 * spec.macs)
    assert corrected.cell_ms(spec, 1) == pytest.approx(1.25 * slow.cell_ms(spec, 1))
    corrected.save(tmp_path / "latency.json")
    assert LatencyTable.load(tmp_path / "latency.json") == corrected
    # what is measured later is compared with sums that are not corrected
    again = corrected.check([LARGE], max_seconds=1e-9, stopwatch=Clock(1.25))
    assert again.checks[-1].ratio == pytest.approx(1.25)
    odd = replace(slow, checks=(*slow.checks[:2], NetworkCheck(
        network="x", layers_ms=1.0, measured_ms=2.5)))  # fmt: skip
    assert odd.corrected().error.largest == pytest.approx(0.5)


def test_networks_beyond_the_table_are_not_checked(table):
    clock = Clock()
    with pytest.raises(SpecError, match="no layer of the kind"):
        table.check([SMALL, "vgg(depth=11)"], stopwatch=clock)
    assert clock.n_calls == 0


@pytest.mark.parametrize(
    ("networks", "more", "error", "said"),
    [
        ([], {}, SpecError, "networks must hold a spec or a layer"),
        (LARGE, {}, SpecError, "networks must be a list of specs or layers"),
        ([3], {}, SpecError, "networks must be specs or layers, got 3"),
        (["dense-mlp(w=8,d=6,t=2)"], {}, SpecError, "no layer rule"),
        ([LARGE], {"n_points": 1}, SpecError, "n_points must be at least 2"),
        ([LARGE], {"threads": 0}, SpecError, "threads must be at least 1"),
        ([LARGE], {"threads": None}, SpecError, "threads must be a whole number"),
        ([LARGE], {"batch_size": 0}, SpecError, "batch_size must be at least 1"),
        ([LARGE], {"max_seconds": 0}, SpecError, "max_seconds must be a finite number"),
        ([LARGE], {"max_seconds": True}, SpecError, "max_seconds must be a finite number"),
        ([LARGE], {"dtype": "float16"}, SpecError, "dtype must be"),
        ([LARGE], {"device": "tpu"}, DeviceError, "device must be cpu, cuda"),
        (["resnett(depth=18)"], {}, NNMassError, "resnet"),
    ],
)
def test_wrong_requests(networks, more, error, said):
    with pytest.raises(error, match=said):
        measured(networks, **more)


def test_a_clock_that_stands_still_makes_no_number():
    with pytest.raises(ProbeError, match="the clock saw no time go by for conv"):
        measured([SMALL], stopwatch=lambda call: (call(), 0.0)[1])


def test_global_generators_and_threads_stay():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    measured([SMALL], threads=threads + 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_the_grid_holds_both_ends_and_stays_small():
    layers = [x for text in (SMALL, LARGE) for x in layers_of(nnmass.parse(text))]
    for n_points in (2, 3, 6):
        grid = grid_of(layers, n_points)
        assert len(set(grid)) == len(grid)
        for kind in {layer.kind for layer in layers}:
            wanted = sorted(layer.inputs for layer in layers if layer.kind == kind)
            found = sorted(layer.inputs for layer in grid if layer.kind == kind)
            assert (found[0], found[-1]) == (wanted[0], wanted[-1])
            assert len(found) <= 3 * n_points + 1
    assert thinned([5], 2) == [5]
    assert thinned(range(1, 1001), 3) == [1, 32, 1000]


def test_the_machine(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor : 0\nmodel name\t: Some  CPU @ 3 GHz\nmodel name\t: Other\n")
    assert this_machine(file).cpu == "Some CPU @ 3 GHz"
    file.write_text("processor : 0\n")
    assert this_machine(file).cpu
    assert this_machine(tmp_path / "none").cores >= 1
