"""From a network to levels, a family, a table and a server: the parts fit."""

import time

import pytest
import torch

import nnmass
from nnmass.errors import SpecError
from nnmass.slim import SubnetFamily, SubnetServer, choose_levels, profile_subnets


@pytest.fixture(scope="module")
def made():
    net = nnmass.build("mobilenet-v2(classes=10)", seed=0)
    levels = choose_levels(net, (3, 32, 32), method="norm", widths=(0.5, 0.25))
    return levels, SubnetFamily(net, levels.kept, input_shape=(3, 32, 32)).eval()


def test_the_family_has_the_costs_that_the_levels_told(made):
    levels, family = made
    assert [subnet.widths for subnet in family.subnets] == list(levels.widths)
    assert [subnet.macs for subnet in family.subnets] == list(levels.macs)
    assert [subnet.params for subnet in family.subnets] == list(levels.params)
    assert [subnet.mass for subnet in family.subnets] == pytest.approx(levels.mass)


def test_the_work_of_the_exports_falls_as_counted_on_them(made):
    """e.12 without a clock: what is really executed, counted on the exported networks."""
    levels, family = made
    counted = [nnmass.trace(family.export(n), (3, 32, 32)).macs for n in range(len(levels))]
    assert counted == list(levels.macs)
    assert counted == sorted(counted, reverse=True)
    masked = nnmass.trace(family.model, (3, 32, 32)).macs
    assert masked == counted[0]  # a mask saves nothing


def test_a_family_is_profiled_and_served(made):
    levels, family = made
    table = profile_subnets(family, n_repeats=5, warm_up=0)
    assert [time_.macs for time_ in table.times] == list(levels.macs)
    server = SubnetServer(family, table, budget_ms=1e6)
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    answer = server(images)
    assert server.last.level == table.useful[0].level
    with torch.no_grad(), family.using(server.last.level):
        torch.testing.assert_close(answer, family(images), rtol=1e-3, atol=1e-4)
    server.budget_ms = 1e-6
    server(images)
    assert server.last.level == table.useful[-1].level


def test_a_budget_sets_the_level(made):
    levels, family = made
    pick = family.set_budget(macs=levels.macs[1] + 1)
    assert (family.current, pick.level, pick.is_met, pick.expected) == (1, 1, True, levels.macs[1])
    assert not family.set_budget(macs=1).is_met
    assert family.current == 2
    table = family.profile(n_repeats=5, warm_up=0)
    assert family.set_budget(latency_ms=1e6, table=table).is_met
    assert family.current == table.useful[0].level
    family.set_budget(latency_ms=1e-6, table=table)
    assert family.current == table.useful[-1].level
    family.set_subnet(0)
    with pytest.raises(
        SpecError, match=r"a latency budget needs latencies: give table=family.profile"
    ):
        family.set_budget(latency_ms=10)
    for wrong in ({}, {"latency_ms": 1.0, "macs": 1.0, "table": table}):
        with pytest.raises(SpecError, match=r"give one budget"):
            family.set_budget(**wrong)
    for wrong in (0, -1, "10", float("nan")):
        with pytest.raises(SpecError, match=r"macs must be a finite number above 0"):
            family.set_budget(macs=wrong)
    assert family.current == 0


@pytest.mark.slow
def test_time_of_resnet_18_falls_with_its_work():
    """Printed, not asserted: a clock proves nothing on a busy machine (e.12; bench/subnets.py)."""
    net = nnmass.build("resnet(depth=18)", seed=0).eval()
    levels = choose_levels(net, (3, 224, 224))
    family = SubnetFamily(net, levels.kept, input_shape=(3, 224, 224)).eval()
    exports = [family.export(n) for n in range(len(levels))]
    images = torch.randn(1, 3, 224, 224).contiguous(memory_format=torch.channels_last)
    best = [float("inf")] * len(exports)
    with torch.inference_mode():
        for _ in range(10):
            for number, export in enumerate(exports):
                began = time.perf_counter()
                export(images)
                best[number] = min(best[number], time.perf_counter() - began)
    for number, seconds in enumerate(best):
        work = levels.macs[0] / levels.macs[number]
        times = f"x{best[0] / seconds:.2f} of x{work:.2f}"
        print(f"level {number}: {1000 * seconds:.2f} ms, {times}")  # noqa: T201
    assert all(
        nnmass.trace(e, (3, 224, 224)).macs == m for e, m in zip(exports, levels.macs, strict=True)
    )
