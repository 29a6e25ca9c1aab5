import dataclasses
import hashlib
import os

import numpy as np
import pytest

from nnmass.data import DATASETS, dataset_status, load_dataset
from nnmass.errors import DataError

Image = pytest.importorskip("PIL.Image")


def pixels(first, count):
    n, h, w, c = np.ogrid[first : first + count, :32, :32, :3]
    return ((71 * n + 29 * c + 7 * h + 3 * w) % 256).astype(np.uint8)


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()


@pytest.fixture
def strips(tmp_path, register):
    """Five batches of 4 images in 2 strips, a test batch of 2 images in 2 strips."""
    train, test = pixels(0, 20), pixels(100, 2)
    folder = tmp_path / "cifar10"
    parts = [(f"data_batch_{k + 1}", train[4 * k : 4 * k + 4], 2) for k in range(5)]
    for name, images, per_strip in [*parts, ("test_batch", test, 1)]:
        (folder / name).mkdir(parents=True)
        for index in range(2):
            strip = images[per_strip * index : per_strip * (index + 1)].reshape(-1, 32, 3)
            Image.fromarray(strip).save(folder / name / f"strip_{index:02d}.webp", lossless=True)
    labels = {"train": np.arange(20, dtype=np.uint8) % 10, "test": np.array([7, 3], np.uint8)}
    np.savez(folder / "labels.npz", **labels)
    info = dataclasses.replace(
        DATASETS["cifar10"], n_train=20, n_test=2, strips=(sha256(train), sha256(test))
    )
    register(info)
    return tmp_path


@pytest.mark.parametrize("inside", ["", "cifar10"])
def test_strips_are_read_in_order(strips, inside):
    data = load_dataset("cifar10", data_dir=strips / inside)
    assert np.array_equal(data.train_images, pixels(0, 20).transpose(0, 3, 1, 2))
    assert np.array_equal(data.test_images, pixels(100, 2).transpose(0, 3, 1, 2))
    assert data.train_labels.tolist() == [*range(10), *range(10)]
    assert data.test_labels.tolist() == [7, 3]
    status = dataset_status("cifar10", data_dir=strips / inside)
    assert (status.is_found, status.layout) == (True, "strips")


def test_a_missing_strip(strips):
    (strips / "cifar10" / "data_batch_3" / "strip_01.webp").unlink()
    with pytest.raises(DataError, match="hold 18 images, expected 20: strips are missing"):
        load_dataset("cifar10", data_dir=strips)


def test_other_pixels(strips):
    path = strips / "cifar10" / "data_batch_3"
    (path / "strip_01.webp").write_bytes((path / "strip_00.webp").read_bytes())
    with pytest.raises(DataError, match="do not hold the official pixels"):
        load_dataset("cifar10", data_dir=strips)


def test_a_damaged_strip_and_damaged_labels(strips):
    path = strips / "cifar10" / "test_batch" / "strip_00.webp"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"strip_00.webp cannot be decoded"):
        load_dataset("cifar10", data_dir=strips)
    (strips / "cifar10" / "labels.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"cannot read .*labels.npz"):
        load_dataset("cifar10", data_dir=strips)


def test_official_files_go_before_strips(strips, formats, register):
    register(formats.seal_cifar(strips / "cifar-10-batches-py", formats.cifar_contents()))
    assert len(load_dataset("cifar10", data_dir=strips).train_images) == 9


@pytest.mark.data
def test_real_strips():
    folder = os.environ.get("NNMASS_DATA")
    if not folder or dataset_status("cifar10", data_dir=folder).layout != "strips":
        pytest.skip("NNMASS_DATA has no CIFAR-10 in strips")
    data = load_dataset("cifar10", data_dir=folder)
    assert np.bincount(data.train_labels).tolist() == [5000] * 10
    assert data.train_labels[:5].tolist() == [6, 9, 9, 4, 1]
