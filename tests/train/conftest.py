"""Small trainings on the digits, and what it means that two of them are the same."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from nnmass.data import load_dataset, take
from nnmass.train import Recipe, TrainResult, train

MLP = "dense-mlp(w=16,d=4,t=8,in=64)"
DROPOUT_NET = "mobilenet-v2(wm=0.35,rows=1:8:1:1,stem=mnist,image=8,in=1)"

CASES = {
    "sgd": (MLP, {"lr": 0.05}),
    "adam": (MLP, {"optimiser": "adam", "lr": 3e-3, "label_smoothing": 0.1}),
    "plain-sgd": (MLP, {"momentum": 0.0, "schedule": "constant", "warmup_epochs": 0.5}),
    "dropout": (DROPOUT_NET, {"lr": 0.05}),
    "bfloat16-adam-dropout": (
        DROPOUT_NET,
        {"optimiser": "adam", "lr": 3e-3, "precision": "bfloat16"},
    ),
}


@pytest.fixture(scope="session")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="session")
def small(digits):
    """135 images to train on, 15 to validate with, 40 to test."""
    return take(digits, n_train=150, n_test=40)


def recipe_of(**fields) -> Recipe:
    return Recipe(**{"epochs": 4, "batch_size": 32, **fields})


def states_equal(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def facts(result: TrainResult) -> dict[str, object]:
    """The record without what may differ between two equal trainings."""
    fields = result.record.to_dict()
    return {k: v for k, v in fields.items() if k not in ("train_seconds", "environment")}


def assert_same(a: TrainResult, b: TrainResult) -> None:
    assert a.curve == b.curve
    assert facts(a) == facts(b)
    assert states_equal(a.net.state_dict(), b.net.state_dict())


class Trainings:
    """The functions above, for the tests."""

    mlp = MLP
    cases = CASES
    recipe_of = staticmethod(recipe_of)
    states_equal = staticmethod(states_equal)
    facts = staticmethod(facts)
    assert_same = staticmethod(assert_same)

    @staticmethod
    def case(name, **fields):
        """Spec and recipe of one of the cases."""
        spec, changes = CASES[name]
        return spec, recipe_of(**changes, **fields)

    @staticmethod
    def quick(data, **arguments) -> TrainResult:
        """A training of the small MLP."""
        recipe = arguments.pop("recipe", recipe_of(epochs=2))
        return train(arguments.pop("spec", MLP), data, recipe=recipe, **arguments)


@pytest.fixture(scope="session")
def t():
    return Trainings


class Stop(Exception):  # noqa: N818
    """Raised by a watcher to break a training off."""


@pytest.fixture
def stop_at():
    """A watcher that stops at a step of an epoch, and the exception that it raises."""

    def make(epoch, step):
        def watch(now):
            if (now.epoch, now.step, len(now.curve)) == (epoch, step, epoch - 1):
                raise Stop

        return watch, Stop

    return make


@pytest.fixture
def numbered(digits):
    """Data whose images each spell their own number, from 0 the training ones, from 500 the test.

    The number's base-16 digits are the first three pixels.
    """

    def make(n_train, n_test=20):
        def images(first, count):
            part = digits.train_images[:count].copy()
            for index in range(count):
                number = first + index
                part[index, 0, 0, :3] = (number // 256, number // 16 % 16, number % 16)
            return part

        return dataclasses.replace(
            digits,
            train_images=images(0, n_train),
            train_labels=digits.train_labels[:n_train],
            test_images=images(500, n_test),
            test_labels=digits.train_labels[:n_test],
        )

    def numbers(images):
        """The numbers of normalised images (mean 0.3053, deviation 0.3764, pixels up to 16)."""
        pixels = ((images * 0.3764 + 0.3053) * 16).round().long()[:, 0, 0, :3]
        return (pixels * torch.tensor([256, 16, 1])).sum(1).tolist()

    return make, numbers
