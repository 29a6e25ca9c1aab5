import random

import numpy as np
import pytest
import torch

from nnmass.data import DatasetInfo, ImageData, load_dataset
from nnmass.errors import ProbeError, SpecError
from nnmass.probes import noise_images, sample_images

DIGITS = load_dataset("digits")


def two_colours(n=12):
    """Images of 3 classes with a channel each of its own mean."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 2, 4, 4)).astype(np.uint8)
    labels = np.arange(n) % 3
    info = DatasetInfo(
        name="made", title="made", n_train=n, n_test=n, shape=(2, 4, 4), classes=("a", "b", "c"),
        scale=255, mean=(0.25, 0.5), std=(0.5, 0.125), folders=(), files=(), how_to_get="",
        source="",
    )  # fmt: skip
    return ImageData(
        info=info, train_images=images, train_labels=labels,
        test_images=images[:3], test_labels=labels[:3],
    )  # fmt: skip


def test_pixels_are_those_of_the_data_set_scaled_or_normalised():
    data = two_colours()
    unit, labels = sample_images(data, 12, input_shape=(2, 4, 4), pixels="unit")
    assert torch.equal(unit, torch.from_numpy(data.train_images).float() / 255)
    assert labels.tolist() == data.train_labels.tolist()
    normalised, _ = sample_images(data, 12, input_shape=(2, 4, 4))
    for channel, (mean, std) in enumerate([(0.25, 0.5), (0.5, 0.125)]):
        expected = (unit[:, channel].double() - mean) / std
        assert torch.allclose(normalised[:, channel].double(), expected, atol=1e-6)


def test_classes_are_balanced_and_smaller_samples_lie_within_larger_ones():
    many, labels = sample_images(DIGITS, 200, input_shape=(64,))
    assert labels.bincount().tolist() == [20] * 10
    few, _ = sample_images(DIGITS, 25, input_shape=(64,))
    rows = {tuple(row.tolist()) for row in many}
    assert all(tuple(row.tolist()) in rows for row in few)


def test_images_are_laid_flat_row_by_row():
    square, _ = sample_images(DIGITS, 10, input_shape=(1, 8, 8))
    flat, _ = sample_images(DIGITS, 10, input_shape=(64,))
    assert torch.equal(square.flatten(1), flat)
    assert flat.dtype == torch.float32


def test_seeds_differ_and_global_generators_stay():
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    python_state = random.getstate()
    first, _ = sample_images(DIGITS, 30, input_shape=(64,))
    again, _ = sample_images(DIGITS, 30, input_shape=(64,))
    other, _ = sample_images(DIGITS, 30, input_shape=(64,), seed=1)
    noise_images(3, (4,))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()  # noqa: NPY002
    assert python_state == random.getstate()


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 9, 9), (63,), (1, 4, 16), (8, 8, 1)])
def test_what_does_not_fit_is_named_with_both_shapes(shape):
    with pytest.raises(ProbeError, match=f"1x8x8.* {'x'.join(map(str, shape))}"):
        sample_images(DIGITS, 10, input_shape=shape)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"n": 0}, SpecError, "at least 1"),
        ({"n": 2.5}, SpecError, "whole number"),
        ({"n": 10**6}, SpecError, "at most"),
        ({"pixels": "raw"}, SpecError, "'normalised' or 'unit'"),
        ({"seed": -1}, SpecError, "seed"),
        ({"input_shape": ()}, ProbeError, "shape of one input"),
        ({"input_shape": None}, ProbeError, "shape of one input"),
        ({"input_shape": ((1,), (2,))}, SpecError, "size of the input"),
        ({"input_shape": (0,)}, SpecError, "size of the input"),
    ],
)
def test_wrong_arguments(arguments, error, said):
    given = {"n": 10, "input_shape": (64,), **arguments}
    with pytest.raises(error, match=said):
        sample_images(DIGITS, given.pop("n"), **given)


def test_noise_is_standard_normal_and_its_labels_go_round():
    images, labels = noise_images(500, (3, 8, 8), n_classes=7, seed=4)
    assert images.shape == (500, 3, 8, 8)
    assert abs(float(images.mean())) < 0.02
    assert abs(float(images.std()) - 1) < 0.02
    assert labels.tolist() == [i % 7 for i in range(500)]
    again, _ = noise_images(500, (3, 8, 8), seed=4)
    other, _ = noise_images(500, (3, 8, 8), seed=5)
    assert torch.equal(images, again)
    assert not torch.equal(images, other)


@pytest.mark.parametrize(
    "arguments", [(0, (3,)), (2, ()), (2, (3, 0)), (2, (3,), 0), (2, (3,), 2, -1)]
)
def test_no_noise_from_wrong_arguments(arguments):
    with pytest.raises((SpecError, ProbeError)):
        noise_images(*arguments)
