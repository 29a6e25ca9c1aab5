import re

import pytest

from nnmass.data import DATASETS, dataset_status
from nnmass.errors import SpecError


def test_names():
    assert list(DATASETS) == [
        *("digits", "mnist", "fashion-mnist", "fashion-mnist-approx"),
        *("cifar10", "cifar100", "svhn"),
    ]
    assert all(info.name == name for name, info in DATASETS.items())


def test_registry_cannot_be_changed():
    with pytest.raises(TypeError):
        DATASETS["mine"] = DATASETS["mnist"]


@pytest.mark.parametrize("info", DATASETS.values(), ids=DATASETS)
def test_fields_fit_each_other(info):
    assert len(info.mean) == len(info.std) == info.shape[0]
    assert len(set(info.classes)) == (100 if info.name == "cifar100" else 10)
    assert bool(info.files) == bool(info.folders)
    assert all(re.fullmatch("[0-9a-f]{32}", file.md5) for file in info.files)
    assert len({file.md5 for file in info.files}) == len(info.files)


def test_published_numbers():
    assert (DATASETS["mnist"].mean, DATASETS["mnist"].std) == ((0.1307,), (0.3081,))
    assert DATASETS["cifar10"].mean == (0.4914, 0.4822, 0.4465)
    assert DATASETS["cifar10"].std == (0.2470, 0.2435, 0.2616)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_how_to_get_names_the_page_and_the_ways_to_say_where(name):
    text = DATASETS[name].how_to_get
    page = {"mnist": "yann.lecun.com/exdb/mnist", "cifar10": "www.cs.toronto.edu/~kriz/cifar.html"}
    assert all(part in text for part in (page[name], "--data-dir", "NNMASS_DATA", "data_dir="))
    assert "tar -xzf cifar-10-python.tar.gz" in text or name == "mnist"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cifar-10", "'cifar10' or 'cifar100'"),
        ("MNIST", "'mnist' or 'fashion-mnist'"),
        ("digit", "'digits'"),
    ],
)
def test_unknown_name(name, hint):
    with pytest.raises(SpecError) as caught:
        dataset_status(name, data_dir=None)
    assert str(caught.value) == (
        f"unknown data set {name!r}. Did you mean {hint}? Known: digits, mnist, fashion-mnist, "
        "fashion-mnist-approx, cifar10, cifar100, svhn; segments(S), circles(S), folder(PATH), "
        "imagenet, tiny-imagenet"
    )


@pytest.mark.parametrize("name", ["", None, 3, ["mnist"]])
def test_name_like_none(name):
    with pytest.raises(SpecError, match="Known: digits, mnist, "):
        dataset_status(name, data_dir=None)
