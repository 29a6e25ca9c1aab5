import gzip

import numpy as np
import pytest

from nnmass.data._idx import read_idx_set
from nnmass.errors import DataError


def test_images_and_labels_are_the_written_ones(tmp_path, formats):
    info = formats.seal_idx(tmp_path, formats.idx_contents())
    data = read_idx_set(info, tmp_path)
    assert data.train_images.shape == (7, 1, 4, 5)
    assert data.test_images.shape == (3, 1, 4, 5)
    for n, h, w in np.ndindex(7, 4, 5):
        assert data.train_images[n, 0, h, w] == formats.pixel(n, 0, h, w)
    assert data.test_images[2, 0, 3, 1] == formats.pixel(52, 0, 3, 1)
    assert data.train_labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert data.test_labels.tolist() == [2, 1, 0]


def test_arrays_are_writable_and_contiguous(tmp_path, formats):
    data = read_idx_set(formats.seal_idx(tmp_path, formats.idx_contents()), tmp_path)
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        assert array.flags.writeable
        assert array.flags.c_contiguous


def _refuse(tmp_path, formats, name, content):
    contents = formats.idx_contents() | {name: content}
    info = formats.seal_idx(tmp_path, contents)  # the md5 sum matches: the decoder must notice
    with pytest.raises(DataError) as caught:
        read_idx_set(info, tmp_path)
    return str(caught.value)


def test_labels_in_the_place_of_images(tmp_path, formats):
    labels = formats.idx_contents()["train-labels"]
    message = _refuse(tmp_path, formats, "train-images", labels)
    assert str(tmp_path / "train-images") in message
    assert "2049" in message
    assert "expected (2051, 7, 4, 5)" in message
    assert "example.org" in message


def test_test_labels_in_the_place_of_train_labels(tmp_path, formats):
    labels = formats.idx_contents()["test-labels"]
    message = _refuse(tmp_path, formats, "train-labels", labels)
    assert "header (2049, 3), expected (2049, 7)" in message


@pytest.mark.parametrize("n_values", [0, 6, 8])
def test_wrong_number_of_values(tmp_path, formats, n_values):
    content = gzip.compress(formats.idx(2049, (7,), bytes(n_values)))
    message = _refuse(tmp_path, formats, "train-labels", content)
    assert f"holds {n_values} values, expected 7" in message


def test_label_beyond_the_classes(tmp_path, formats):
    content = gzip.compress(formats.idx(2049, (7,), bytes([0, 1, 2, 3, 0, 0, 0])))
    message = _refuse(tmp_path, formats, "train-labels", content)
    assert "train labels must lie in 0 .. 2, got 3" in message


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda packed: b"", id="empty"),
        pytest.param(lambda packed: b"not gzip at all", id="text"),
        pytest.param(lambda packed: packed[:-9], id="truncated"),
        pytest.param(lambda packed: packed[:10] + b"\xff\xff" + packed[12:], id="bad stream"),
        pytest.param(lambda packed: packed[:-5] + b"?" + packed[-4:], id="bad checksum"),
        pytest.param(lambda packed: gzip.compress(b"\0\0\x08"), id="shorter than its header"),
    ],
)
def test_damaged_gzip(tmp_path, formats, damage):
    packed = formats.idx_contents()["test-images"]
    message = _refuse(tmp_path, formats, "test-images", damage(packed))
    assert str(tmp_path / "test-images") in message
    assert "Delete it and get it again" in message
