"""Digits: shared statistics of batch norms break small sub-networks, private ones do not."""

from __future__ import annotations

import pytest
import torch

from nnmass.data import load_dataset
from nnmass.slim._subnets._calibrate import calibrate
from nnmass.slim._subnets._joint import SandwichObjective
from nnmass.train import Recipe, Subject, train_module
from oracles.tiny_family import TinyFamily, tiny_net

SUBJECT = Subject(name="tiny", mass=None, params=1, macs=1)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def trained(data, norms, **fields):
    """Eight convolutions deep, since what does not fit adds up from norm to norm."""
    return train_module(
        TinyFamily(tiny_net((24,) * 8), norms=norms),
        data,
        subject=SUBJECT,
        objective=SandwichObjective(**{"rule": "all", "is_distilled": False, **fields}),
        recipe=Recipe(epochs=4, lr=0.02),
    )


def inputs(images):
    return torch.tensor((images / 16 - 0.3053) / 0.3764, dtype=torch.float32)


def accuracies(family, data):
    x, found = inputs(data.test_images), []
    for index in range(4):
        with torch.no_grad(), family.eval().using(index):
            found.append(float((family(x).argmax(1).numpy() == data.test_labels).mean()))
    return found


def test_shared_statistics_break_the_smallest(digits):
    family = trained(digits, "shared").net
    shared = accuracies(family, digits)
    assert shared[3] < 0.6
    # The weights are good: with statistics of its own each sub-network is.
    own = TinyFamily(family.model)
    calibrate(own, inputs(digits.train_images[:1000]).split(200))
    calibrated = accuracies(own, digits)
    print(f"shared {shared}, calibrated {calibrated}")  # noqa: T201  # docs/sub-networks.md
    assert min(calibrated) > 0.9


@pytest.mark.slow
def test_private_statistics_keep_them_all(digits):
    result = trained(digits, "private")
    found = accuracies(result.net, digits)
    assert found == [figures["test_accuracy"] for figures in result.record.levels.values()]
    assert min(found) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{"is_distilled": True}, {"rule": "sandwich", "n_subnets": 3}])
def test_so_do_the_other_rules(digits, fields):
    assert min(accuracies(trained(digits, "private", **fields).net, digits)) > 0.9
