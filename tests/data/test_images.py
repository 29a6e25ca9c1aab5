import dataclasses

import numpy as np
import pytest

from nnmass.data import DATASETS, ImageData
from nnmass.errors import DataError


def _part(**changes):
    fields = {
        "info": DATASETS["digits"],
        "train_images": np.zeros((3, 1, 8, 8), np.uint8),
        "train_labels": np.array([0, 9, 5]),
        "test_images": np.zeros((2, 1, 8, 8), np.uint8),
        "test_labels": np.array([0, 1]),
    }
    return ImageData(**(fields | changes))


def test_parts_of_any_size_are_taken():
    assert len(_part().train_labels) == 3


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        _part().train_labels = None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_images": np.zeros((3, 1, 8, 8))}, "must be uint8 of shape"),
        ({"train_images": np.zeros((3, 64), np.uint8)}, r"of shape \(N, 1, 8, 8\), got uint8 of"),
        ({"test_images": np.zeros((2, 1, 8, 9), np.uint8)}, "test images must be uint8"),
        ({"test_images": np.zeros((0, 1, 8, 8), np.uint8)}, "must be at least one"),
        ({"train_images": np.zeros((6, 1, 8, 8), np.uint8)[::2]}, "and C-contiguous"),
        ({"train_images": np.full((3, 1, 8, 8), 17, np.uint8)}, r"lie in 0 .. 16, got 17"),
        ({"train_labels": np.array([0, 9])}, r"int64 of shape \(3,\), got int64 of \(2,\)"),
        ({"train_labels": np.array([0, 9, 5], np.uint8)}, "got uint8"),
        ({"train_labels": np.array([0, 10, 5])}, r"train labels must lie in 0 .. 9, got 10"),
        ({"test_labels": np.array([0, -1])}, r"test labels must lie in 0 .. 9, got -1"),
    ],
)
def test_wrong_arrays(changes, said):
    with pytest.raises(DataError, match=said):
        _part(**changes)
