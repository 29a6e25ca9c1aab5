"""Images and labels, checked."""

import numpy as np
import pytest
import torch

from nnmass.errors import ProbeError
from nnmass.probes._batch import checked_images, checked_labels

IMAGES = torch.ones(3, 2)


def frozen(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_stay_what_they_are(dtype):
    images = torch.rand(3, 1, 4, 4).to(dtype).requires_grad_()
    got = checked_images(images)
    assert got.dtype == dtype
    assert got.data_ptr() == images.data_ptr()
    assert not got.requires_grad


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.ones((2, 3), dtype=np.float32), torch.float32),
        (np.ones((2, 3), dtype=np.float16), torch.float16),
        (np.ones((2, 3)), torch.float32),  # double is numpy's default, not the network's
        (np.ones((2, 3), dtype=np.longdouble), torch.float32),
        (np.ones((2, 3), dtype=">f4"), torch.float32),
        (np.ones((2, 3), dtype=">f8"), torch.float32),
        (np.ones((4, 3))[::-2], torch.float32),
        (frozen(np.ones((2, 3), dtype=np.float32)), torch.float32),
    ],
)
def test_arrays(array, dtype):
    kept = array.copy()
    got = checked_images(array)
    assert got.dtype == dtype
    assert got.tolist() == kept.tolist()
    got.zero_()  # is a copy
    assert (array == kept).all()


def with_nan(value):
    images = torch.zeros(5, 2, 2)
    images[[1, 3], 0, 1] = value
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (None, "got a NoneType"),
        ([[1.0]], "got a list"),
        ("images", "got a str"),
        (torch.ones(2, 3, dtype=torch.uint8), r"got a torch.uint8 tensor; divide bytes by 255"),
        (torch.ones(2, 3, dtype=torch.complex64), r"got a torch.complex64 tensor"),
        (torch.ones(2, 3).to(torch.float8_e5m2), r"got a torch.float8_e5m2 tensor"),
        (np.ones((2, 3), dtype=np.uint8), r"got a uint8 array"),
        (np.array([["a"]]), r"got a <U1 array"),
        (np.array([[None]]), r"got a object array"),
        (torch.tensor(1.0), r"got shape \(\); for a single image give images\[None\]"),
        (torch.ones(3), r"got shape \(3,\)"),
        (torch.ones(0, 3), r"got shape \(0, 3\)"),
        (np.ones((3, 0)), r"got shape \(3, 0\)"),
        (with_nan(float("nan")), r"2 of 5 hold NaN or infinity \(the first is number 1\)"),
        (with_nan(float("-inf")), r"2 of 5 hold NaN or infinity \(the first is number 1\)"),
        (np.full((2, 3), 1e300), r"2 of 2 hold NaN or infinity"),  # beyond the network's type
        (torch.ones(2, 3, device="meta"), "got one on the meta device"),
        (torch.ones(2, 3).to_sparse(), r"got one of layout torch.sparse_coo"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_bad_images(images, message):
    with pytest.raises(ProbeError, match=rf"^images must be .*{message}"):
        checked_images(images)


@pytest.mark.parametrize(
    "labels",
    [
        torch.tensor([2, 0, 1]),
        torch.tensor([2, 0, 1], dtype=torch.uint8),
        torch.tensor([2, 0, 1], dtype=torch.int32),
        np.array([2, 0, 1]),
        np.array([2, 0, 1], dtype=np.uint16),
        np.array([2, 0, 1], dtype=">i4"),
        frozen(np.array([2, 0, 1])),
    ],
)
def test_labels(labels):
    got = checked_labels(labels, IMAGES)
    assert got.dtype == torch.int64
    assert got.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], r"got \[0, 1, 2\]"),
        (None, "got None"),
        ("abc", "got abc"),
        (torch.ones(3), r"got torch.float32, \(3,\)"),
        (torch.ones(3, dtype=torch.bool), r"got torch.bool, \(3,\)"),
        (torch.ones(3, dtype=torch.complex64), r"got torch.complex64, \(3,\)"),
        (torch.ones(2, dtype=torch.long), r"got torch.int64, \(2,\)"),
        (torch.ones(3, 1, dtype=torch.long), r"got torch.int64, \(3, 1\)"),
        (torch.tensor(1), r"got torch.int64, \(\)"),
        (np.ones(3), r"got float64, \(3,\)"),
        (np.array([0, None, 1]), r"got object, \(3,\)"),
        (torch.tensor([0, -1, 2]), "labels must be at least 0, got -1"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises(ProbeError, match=message) as caught:
        checked_labels(labels, IMAGES)
    assert str(caught.value).startswith("labels must be ")
