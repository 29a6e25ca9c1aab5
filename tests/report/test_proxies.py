import csv
import io

import pytest
import torch
from torch import nn

from nnmass.errors import SpecError
from nnmass.probes import score_proxies
from nnmass.report import proxy_table


def scores(network=None, **options):
    images, labels = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    return score_proxies(network or nn.Linear(3, 4), images, labels, **options)


def test_baselines_are_first_whatever_the_order():
    table = proxy_table(scores(proxies=["snip", "macs", "zico", "params"]))
    assert [row[0] for row in table.rows] == ["params", "macs", "snip", "zico"]
    assert [row[1] for row in table.rows[:2]] == ["16", "12"]


def test_a_baseline_that_was_not_measured_says_so():
    table = proxy_table(scores(proxies=["snip"]))
    assert [row[:2] for row in table.rows[:2]] == [
        ("params", "not measured"),
        ("macs", "not measured"),
    ]


def test_a_failure_has_its_reason_and_no_number():
    table = proxy_table(scores(proxies=["naswot"]))
    row = table.rows[-1]
    assert row[:2] == ("naswot", "failed")
    assert "needs rectifiers" in row[-1]
    assert not any("nan" in cell.lower().split() for cell in row)


def test_seeds_and_deviation():
    table = proxy_table(scores(lambda: nn.Linear(3, 4), seeds=3, proxies=["grad_norm"]))
    row = table.rows[-1]
    assert row[5] == "3"
    assert float(row[2]) > 0
    assert list(csv.reader(io.StringIO(table.to_csv())))[-1] == list(row)


def test_several_networks():
    both = (*scores(proxies=["macs", "params"]), *scores(nn.Sequential(nn.Linear(3, 5))))
    table = proxy_table(both)
    assert [row[:2] for row in table.rows[:3]] == [
        ("Linear", "params"),
        ("Linear", "macs"),
        ("Sequential", "params"),
    ]
    assert len({len(row) for row in table.rows}) == 1


def test_no_scores():
    with pytest.raises(SpecError, match="there are no scores"):
        proxy_table(())
