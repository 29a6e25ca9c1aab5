from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmass.data import DATASETS, ImageData, load_dataset, take, validation_split
from nnmass.errors import SpecError


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def _rows(images):
    return [image.tobytes() for image in images]


def _numbered(labels):
    """Images that carry their own position, so that each can be told from the others."""
    labels = np.asarray(labels, np.int64)
    images = np.zeros((len(labels), 1, 8, 8), np.uint8)
    for digit in range(4):
        images[:, 0, 0, digit] = np.arange(len(labels)) // 16**digit % 16
    return ImageData(
        info=DATASETS["digits"],
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
    )


def _positions(images):
    return [sum(int(image[0, 0, d]) * 16**d for d in range(4)) for image in images]


@pytest.mark.parametrize("count", [1, 7, 10, 99, 1000, 1269])
def test_classes_are_balanced(digits, count):
    part = take(digits, n_train=count, seed=3)
    counts = np.bincount(part.train_labels, minlength=10)
    assert counts.sum() == len(part.train_images) == count
    assert counts.max() - counts.min() <= 1
    assert part.test_images is digits.test_images


def test_images_keep_their_labels_and_their_order():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 30))
    part = take(_numbered(labels), n_train=123, n_test=45)
    for images, kept in (
        (part.train_images, part.train_labels),
        (part.test_images, part.test_labels),
    ):
        positions = _positions(images)
        assert positions == sorted(set(positions))
        assert labels[positions].tolist() == kept.tolist()
    assert not set(_positions(part.test_images)) <= set(_positions(part.train_images))


def test_smaller_part_lies_in_a_larger_one():
    data = _numbered(np.arange(300) % 10)
    parts = [set(_positions(take(data, n_train=n, seed=5).train_images)) for n in range(1, 300)]
    assert all(small < large for small, large in pairwise(parts))


def test_every_image_is_drawn_about_as_often():
    data = _numbered(np.arange(40) % 10)
    drawn = Counter[int]()
    for seed in range(400):
        drawn.update(_positions(take(data, n_train=15, seed=seed).train_images))
    # 150 expected, standard deviation 9.7: five of them on each side
    assert all(101 < drawn[k] < 199 for k in range(40))


def test_same_seed_same_part_other_seed_another(digits):
    first, again, other = (take(digits, n_train=50, n_test=50, seed=s) for s in (1, 1, 2))
    assert _rows(first.train_images) == _rows(again.train_images)
    assert _rows(first.train_images) != _rows(other.train_images)
    assert _rows(first.test_images) != _rows(other.test_images)


def test_part_has_arrays_of_its_own(digits):
    part = take(digits, n_train=20)
    part.train_images[:] = 0
    assert digits.train_images.any()
    assert part.train_images.flags.c_contiguous


def test_draws_touch_no_global_generator(digits):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    take(digits, n_train=20)
    validation_split(digits.train_labels, n_val=20, seed=0)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_draws_are_pinned():
    """A change of these numbers changes every study that was ever run."""
    data = _numbered(np.arange(60) % 10)
    taken = _positions(take(data, n_train=12, seed=7).train_images)
    assert taken == [7, 12, 13, 24, 25, 29, 30, 41, 46, 50, 54, 58]
    held_out = validation_split(np.arange(20) % 3, n_val=6, seed=7)[1]
    assert held_out.tolist() == [3, 10, 11, 14, 16, 18]


def test_more_than_there_is(digits):
    with pytest.raises(SpecError) as caught:
        take(digits, n_train=1270)
    assert str(caught.value) == (
        "n_train must be at most 1269 for digits, got 1270: class '8' has 126 of the 1398 images, "
        "and every class gives as many, up to one. Leave n_train out to keep all images"
    )
    assert len(take(digits, n_train=1269).train_labels) == 1269  # the bound it names is the bound
    with pytest.raises(SpecError, match="n_test must be at most 309 for digits, got 400"):
        take(digits, n_test=400)


def test_class_without_images():
    data = _numbered([0, 1, 2])
    assert len(take(data, n_train=3).train_labels) == 3
    with pytest.raises(SpecError, match=r"n_train must be at most 3 .* class '3' has 0 of the 3"):
        take(data, n_train=4)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "5", True])
@pytest.mark.parametrize("name", ["n_train", "n_test"])
def test_count_that_is_none(digits, name, wrong):
    with pytest.raises(SpecError, match=name):
        take(digits, **{name: wrong})


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_seed_that_is_none(digits, seed):
    with pytest.raises(SpecError, match="seed"):
        take(digits, seed=seed)
    with pytest.raises(SpecError, match="seed"):
        validation_split(digits.train_labels, n_val=5, seed=seed)


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(-3, 12), min_size=2, max_size=60),
    seed=st.integers(0, 2**70),
    data=st.data(),
)
def test_split_is_stratified_disjoint_and_covering(labels, seed, data):
    n_val = data.draw(st.integers(1, len(labels) - 1))
    train, val = validation_split(np.array(labels), n_val=n_val, seed=seed)
    assert len(val) == n_val
    assert train.dtype == val.dtype == np.int64
    assert train.tolist() == sorted(set(train.tolist()))
    assert val.tolist() == sorted(set(val.tolist()))
    assert sorted([*train.tolist(), *val.tolist()]) == list(range(len(labels)))
    held = Counter(labels[k] for k in val)
    for label, count in Counter(labels).items():
        assert abs(held[label] * len(labels) - count * n_val) < len(labels)  # rounded up or down


def test_split_of_equal_classes_is_equal():
    _, val = validation_split(np.arange(500) % 10, n_val=100, seed=0)
    assert np.bincount(val % 10).tolist() == [10] * 10


def test_split_depends_on_the_seed_alone():
    labels = np.arange(200) % 10
    first, again, other = (validation_split(labels, n_val=20, seed=s)[1] for s in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_large_labels_need_no_more_memory():
    train, val = validation_split(np.array([10**17, 5, 10**17, 5]), n_val=2, seed=0)
    assert (len(train), len(val)) == (2, 2)


@pytest.mark.parametrize("n_val", [0, -3, 4, 100, 1.5])
def test_n_val_out_of_range(n_val):
    with pytest.raises(SpecError, match="n_val"):
        validation_split(np.array([0, 1, 0, 1]), n_val=n_val, seed=0)


@pytest.mark.parametrize(
    "labels", [np.zeros((2, 2), int), np.array([0.0, 1.0]), np.array(["a", "b"]), np.array(True)]
)
def test_labels_that_are_none(labels):
    with pytest.raises(SpecError, match="labels must be whole numbers in one dimension"):
        validation_split(labels, n_val=1, seed=0)


def test_no_labels():
    with pytest.raises(SpecError, match="less than the number of images, 0, got 1"):
        validation_split(np.array([], int), n_val=1, seed=0)
