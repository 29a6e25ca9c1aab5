import hashlib
from importlib.resources import files

import numpy as np

from nnmass.data import DATASETS, load_dataset

# of the UCI table's 64 pixel columns and its label column, as unsigned bytes in file order
IMAGES_SHA256 = "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
LABELS_SHA256 = "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def _in_file_order(train, test):
    """Undo the split with a plain loop."""
    train, test = iter(train), iter(test)
    return np.stack([next(test) if i % 9 in (4, 8) else next(train) for i in range(1797)])


def test_content():
    data = load_dataset("digits")
    images = _in_file_order(data.train_images, data.test_images)
    labels = _in_file_order(data.train_labels, data.test_labels)
    assert hashlib.sha256(images.tobytes()).hexdigest() == IMAGES_SHA256
    assert hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest() == LABELS_SHA256


def test_classes():
    data = load_dataset("digits")
    train, test = np.bincount(data.train_labels), np.bincount(data.test_labels)
    assert train.tolist() == [137, 144, 139, 140, 140, 144, 146, 149, 126, 133]
    assert test.tolist() == [41, 38, 38, 43, 41, 38, 35, 30, 48, 47]
    # the counts that the data set's description gives for its test part
    assert (train + test).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_first_image_looks_like_a_zero():
    image = load_dataset("digits").train_images[0, 0]
    assert image[1:7, 3].min() < 4 < 10 < image[1:7, 2].max()  # a hole, and a stroke beside it
    assert image[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_mean_and_deviation():
    info, images = DATASETS["digits"], load_dataset("digits").train_images / 16
    assert np.allclose([images.mean(), images.std()], [*info.mean, *info.std], rtol=0, atol=5e-5)


def test_pixels_use_the_scale():
    data = load_dataset("digits")
    assert data.train_images.max() == data.test_images.max() == data.info.scale == 16


def test_every_load_has_arrays_of_its_own():
    load_dataset("digits").train_images[:] = 0
    assert load_dataset("digits").train_images.any()


def test_file_is_small_and_has_its_licence_beside_it():
    folder = files("nnmass.data")
    assert len(folder.joinpath("digits.npz").read_bytes()) < 60_000
    licence = folder.joinpath("digits.LICENSE.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in licence
    assert "Alpaydin" in licence
