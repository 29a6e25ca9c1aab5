from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nnmass import parse
from nnmass.data import DATASETS
from nnmass.errors import SpecError
from nnmass.train._batches import check_fit, split


def parts_of(data, share=0.1, seed=0):
    return split(data, validation_share=share, seed=seed, device="cpu")


@pytest.mark.parametrize("batch_size", [1, 2, 7, 32, 49, 50, 51, 53, 54, 55, 1000])
def test_every_image_once_an_epoch(numbered, batch_size):
    make, numbers = numbered
    train = parts_of(make(60)).train  # 54 of them
    wanted = sorted(numbers(torch.cat([images for images, _ in train.in_order(16)])))
    batches = list(train.shuffled(batch_size, seed=0, epoch=1))
    sizes = [len(labels) for _, labels in batches]
    seen = [n for images, _ in batches for n in numbers(images)]
    assert len(batches) == train.n_steps(batch_size)
    assert len(set(seen)) == len(seen)
    if batch_size == 53:  # a last batch of one image is left out
        assert sizes == [53]
        assert set(seen) < set(wanted)
    else:
        assert sorted(seen) == wanted
        assert sizes[:-1] == [batch_size] * (math.ceil(54 / batch_size) - 1)


def test_images_keep_their_labels(numbered):
    make, numbers = numbered
    data = make(60)
    for images, labels in parts_of(data).train.shuffled(8, seed=0, epoch=1):
        assert data.train_labels[numbers(images)].tolist() == labels.tolist()


def test_the_order_follows_from_seed_and_epoch(numbered):
    make, numbers = numbered
    train = parts_of(make(60)).train

    def order(seed, epoch):
        return [
            n for images, _ in train.shuffled(8, seed=seed, epoch=epoch) for n in numbers(images)
        ]

    orders = [order(seed, epoch) for seed in (0, 1) for epoch in (1, 2, 3)]
    assert order(0, 1) == orders[0]
    assert len({tuple(o) for o in orders}) == 6


def test_one_image_alone_is_a_batch(numbered):
    make, _ = numbered
    train = parts_of(make(2), share=0.5).train
    assert len(train) == 1
    assert [len(labels) for _, labels in train.shuffled(8, seed=0, epoch=1)] == [1]
    assert train.n_steps(8) == train.n_steps(1) == 1


def test_images_are_normalised_as_the_info_says(digits):
    info = DATASETS["digits"]
    expected = (digits.test_images / info.scale - info.mean[0]) / info.std[0]
    images = torch.cat([images for images, _ in parts_of(digits).test.in_order(100)])
    assert images.dtype == torch.float32
    np.testing.assert_allclose(images.numpy(), expected, rtol=1e-5, atol=1e-6)
    train = parts_of(digits).train
    everything = torch.cat([images for images, _ in train.in_order(500)])
    assert abs(everything.mean().item()) < 0.02
    assert abs(everything.std().item() - 1) < 0.02


@pytest.mark.parametrize(("share", "n_validation"), [(0.1, 6), (0.001, 1), (0.5, 30), (0.98, 59)])
def test_validation_is_cut_off_the_training_images(numbered, share, n_validation):
    make, numbers = numbered
    parts = parts_of(make(60), share)
    assert parts.sizes == {"train": 60 - n_validation, "validation": n_validation, "test": 20}

    def held(part):
        return {n for images, _ in part.in_order(16) for n in numbers(images)}

    assert held(parts.train) & held(parts.validation) == set()
    assert held(parts.train) | held(parts.validation) == set(range(60))
    assert held(parts.test) == set(range(500, 520))


def test_no_image_left_to_train_on(numbered):
    make, _ = numbered
    with pytest.raises(SpecError) as caught:
        parts_of(make(60), 0.995)
    assert str(caught.value) == (
        "recipe: validation_share 0.995 keeps 60 of 60 training images for validation and leaves "
        "none: lower it, or give more training images"
    )


@pytest.mark.parametrize(
    ("spec", "wrong", "fix"),
    [
        ("dense-mlp(w=8,d=4,t=1)", "takes inputs of 784, but digits has 64", "add in=64 to"),
        (
            "dense-cnn(wm=1,d=4,t=1)",
            "takes inputs of 3x32x32, but digits has 1x8x8",
            "add in=1,image=8 to",
        ),
        (
            "dense-cnn(wm=1,d=4,t=1,in=1)",
            "takes inputs of 1x28x28, but digits has 1x8x8",
            "add in=1,image=8 to",
        ),
        (
            "dense-mlp(w=8,d=4,t=1,in=64,classes=7)",
            "has 7 classes, but digits has 10",
            "add classes=10 to",
        ),
    ],
)
def test_what_does_not_fit(spec, wrong, fix):
    with pytest.raises(SpecError) as caught:
        check_fit(parse(spec), DATASETS["digits"])
    assert str(caught.value) == f"{parse(spec)} {wrong}: {fix} the spec"


@pytest.mark.parametrize("name", ["digits", "mnist", "cifar10"])
def test_the_fix_in_the_message_fits(name):
    spec = parse("dense-cnn(wm=1,d=4,t=1,in=2,image=9)")
    with pytest.raises(SpecError) as caught:
        check_fit(spec, DATASETS[name])
    fields = str(caught.value).split("add ")[1].split(" to")[0]
    check_fit(parse(f"dense-cnn(wm=1,d=4,t=1,{fields})"), DATASETS[name])
