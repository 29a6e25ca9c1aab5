"""Profiling, the table and its file, serving: with made times and a made clock."""

import json

import pytest
import torch
from torch import nn

from nnmass.design import TableSetting
from nnmass.errors import DeviceError, SpecError, StoreError
from nnmass.runs import Machine
from nnmass.slim._subnets._profile import profile_subnets
from nnmass.slim._subnets._server import Served, SubnetServer
from nnmass.slim._subnets._subnet_table import SubnetTable, SubnetTime

SETTING = TableSetting(machine=Machine(cpu="made", cores=2), torch="2.13.0")


class Level:
    def __init__(self, number):
        self.name, self.macs, self.params = f"level {number}", 1000 >> number, 100 >> number


class Export(nn.Module):
    def __init__(self, level, took):
        super().__init__()
        self.level, self.took = level, took
        self.scale = nn.Parameter(torch.tensor(float(level)))

    def forward(self, x):
        self.took(self.level)
        return self.scale + 0 * x.flatten(1)


class Family:
    """Exports that answer with their number, and say so to a clock."""

    input_shape = (3, 4, 4)

    def __init__(self, n_levels=3):
        self.subnets = [Level(number) for number in range(n_levels)]
        self.exported, self.seconds, self.slower = [], 0.0, 1.0

    def export(self, level):
        self.exported.append(level)
        return Export(level, self.took)

    def took(self, level):
        self.seconds += self.slower * (0.01, 0.005, 0.002)[level]

    def stopwatch(self, call):
        began = self.seconds
        call()
        return 1000 * (self.seconds - began)


def table_of(*rows, accuracies=None):
    accuracies = accuracies or [None] * len(rows)
    times = [
        SubnetTime(
            level=level,
            name="",
            macs=macs,
            params=1,
            median_ms=p95,
            p95_ms=p95,
            n_runs=9,
            accuracy=accuracy,
        )
        for level, ((macs, p95), accuracy) in enumerate(zip(rows, accuracies, strict=True))
    ]
    return SubnetTable(setting=SETTING, input_shape=(3, 4, 4), times=tuple(times))


def test_every_level_is_measured_as_often_and_in_turns():
    family = Family()
    table = profile_subnets(family, n_repeats=50, warm_up=2, stopwatch=family.stopwatch, threads=1)
    assert family.exported == [0, 1, 2]
    assert [round(time.median_ms, 6) for time in table.times] == [10, 5, 2]
    assert {time.n_runs for time in table.times} == {50}
    assert [(time.level, time.macs) for time in table.times] == [(0, 1000), (1, 500), (2, 250)]
    assert (table.setting.threads, table.setting.batch_size, table.setting.device) == (1, 1, "cpu")


def test_a_drift_of_the_machine_is_shared():
    family = Family()
    family.n = 0

    def stopwatch(call):
        family.n += 1
        return 1.0 if family.n <= 90 else 2.0  # the first of two turns of three levels

    table = profile_subnets(family, n_repeats=40, warm_up=10, stopwatch=stopwatch)
    assert {time.median_ms for time in table.times} == {1.5}


def test_a_smaller_level_that_is_slower_is_dropped():
    table = table_of((100, 10.0), (50, 12.0), (25, 6.0), (10, 6.0))
    assert [time.level for time in table.useful] == [0, 2]
    falling = [time.p95_ms for time in table.useful]
    assert falling == sorted(falling, reverse=True)


def test_where_accuracies_are_known_they_count():
    table = table_of((100, 10.0), (50, 8.0), (25, 6.0), accuracies=(0.9, 0.92, 0.8))
    assert [time.level for time in table.useful] == [1, 2]
    assert table.pick_for(latency_ms=100, slack=1).level == 1
    assert table.pick_for(macs=1000).level == 1


def test_picks():
    table = table_of((100, 10.0), (50, 5.0), (25, 2.0))
    assert table.pick_for(latency_ms=11.0).level == 0
    assert table.pick_for(latency_ms=10.9).level == 1
    assert table.pick_for(latency_ms=10.9, slack=1.0).level == 0
    pick = table.pick_for(latency_ms=2.1)
    assert (pick.level, pick.is_met, pick.expected) == (2, False, 2.2)
    assert table.pick_for(macs=99).level == 1
    assert not table.pick_for(macs=24).is_met
    for wrong in ({}, {"latency_ms": 1.0, "macs": 1.0}):
        with pytest.raises(SpecError, match=r"give one budget: latency_ms=25.0 or macs=500e6"):
            table.pick_for(**wrong)
    with pytest.raises(SpecError, match=r"slack must be at least 1 .* got 0.5"):
        table.pick_for(latency_ms=1.0, slack=0.5)
    with pytest.raises(SpecError, match=r"latency_ms must be a finite number above 0, got -1"):
        table.pick_for(latency_ms=-1)


def test_a_table_comes_back_from_its_file(tmp_path):
    table = table_of((100, 10.0), (50, 5.0), accuracies=(0.9, 0.8))
    table.save(tmp_path / "table.json")
    assert SubnetTable.load(tmp_path / "table.json", threads=1, batch_size=1) == table
    with pytest.raises(DeviceError, match=r"measured with threads 1, and is asked for threads 2"):
        SubnetTable.load(tmp_path / "table.json", threads=2)
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "nnmass.latency-table/1"},
        {"times": []},
        {"times": [{"level": 0}]},
        {"times": None},
        {"setting": {}},
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, change):
    path = tmp_path / "table.json"
    path.write_text(json.dumps({**table_of((1, 1.0)).to_dict(), **change}))
    with pytest.raises(StoreError, match=r"is no table of sub-networks .* move it away"):
        SubnetTable.load(path)


@pytest.mark.parametrize(("name", "value"), [("p95_ms", -1.0), ("median_ms", True), ("macs", "1")])
def test_times_that_are_none_are_refused(tmp_path, name, value):
    values = table_of((1, 1.0)).to_dict()
    values["times"][0][name] = value
    (tmp_path / "t.json").write_text(json.dumps(values))
    with pytest.raises(StoreError, match=name):
        SubnetTable.load(tmp_path / "t.json")


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match=r"No such file .*profile_subnets"):
        SubnetTable.load(tmp_path / "none.json")


@pytest.fixture
def served():
    family = Family()
    table = profile_subnets(family, n_repeats=5, warm_up=0, stopwatch=family.stopwatch)
    family.exported.clear()
    return family, table


def server_of(family, table, **arguments):
    return SubnetServer(family, table, clock=lambda: family.seconds, **arguments)


IMAGE = torch.ones(1, 3, 4, 4)


def test_the_level_falls_when_the_machine_gets_busy_and_comes_back(served):
    family, table = served
    server = server_of(family, table, budget_ms=12.0, slack=1.0)
    levels = []
    for request in range(80):
        family.slower = 3.0 if 10 <= request < 30 else 1.0
        answer = server(IMAGE)
        assert answer[0, 0] == server.last.level
        levels.append(server.last.level)
    assert levels[:11] == [0] * 11  # the first slow request is answered by the level before it
    # ratio 1.4: 14 > 12; 7 fits. Then 1.72, 1.976, .. up to 3: 15 > 12 from ratio 2.4 on.
    assert levels[11:15] == [1, 1, 1, 1]
    assert levels[29] == 2
    assert levels[-1] == 0
    assert family.exported == [0, 1, 2]  # each once


def test_what_a_request_took_is_told(served):
    family, table = served
    server = server_of(family, table, budget_ms=6.0)
    server(IMAGE)
    assert server.last == Served(
        level=1,
        latency_ms=pytest.approx(5),
        predicted_ms=pytest.approx(5),
        next_level=1,
    )


def test_exports_that_were_not_used_last_are_dropped(served):
    family, table = served
    server = server_of(family, table, budget_ms=100.0, keep=1)
    server(IMAGE)
    server.budget_ms = 3.0
    assert server.budget_ms == pytest.approx(3.0)
    server(IMAGE)
    assert server.last.level == 2
    server.budget_ms = 100.0
    while server.last.next_level == 2:
        server(IMAGE)
    server(IMAGE)
    assert family.exported == [0, 2, 1]


def test_making_an_export_is_no_latency(served):
    family, table = served
    make = family.export

    def slowly(level):
        family.seconds += 5.0
        return make(level)

    family.export = slowly
    server = server_of(family, table, budget_ms=12.0)
    server(IMAGE)
    assert server.last.latency_ms == pytest.approx(10)


def test_messages(served):
    family, table = served
    server = server_of(family, table, budget_ms=12.0)
    with pytest.raises(SpecError, match=r"measured with 1 images at once, got 2"):
        server(torch.ones(2, 3, 4, 4))
    with pytest.raises(SpecError, match=r"keep must be at least 1, got 0"):
        server_of(family, table, budget_ms=12.0, keep=0)
    with pytest.raises(SpecError, match=r"budget_ms must be a finite number above 0, got 0"):
        server_of(family, table, budget_ms=0)
    with pytest.raises(SpecError, match=r"the table is of another family: 3 levels .* against 2"):
        server_of(Family(2), table, budget_ms=12.0)
    with pytest.raises(SpecError, match=r"accuracies must be one number from 0 to 1 for each of 3"):
        profile_subnets(family, accuracies=(0.9, 0.8))
    with pytest.raises(SpecError, match=r"n_repeats must be at least 5"):
        profile_subnets(family, n_repeats=1)
