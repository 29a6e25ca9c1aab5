import numpy as np
import pytest
import torch

from nnmass import parse
from nnmass.data import ImageData, load_dataset
from nnmass.errors import SpecError
from nnmass.train import _batches
from nnmass.train._batches import check_fit, split


@pytest.fixture
def on_disk(tmp_path):
    """Digits whose pixels lie on the disk and cannot be written, as a cached folder's do."""
    data = load_dataset("digits")
    arrays = {}
    for part in ("train", "test"):
        np.save(tmp_path / f"{part}.npy", getattr(data, f"{part}_images"))
        arrays[f"{part}_images"] = np.load(tmp_path / f"{part}.npy", mmap_mode="r")
        arrays[f"{part}_labels"] = getattr(data, f"{part}_labels")
    return data, ImageData(info=data.info, **arrays)


@pytest.mark.parametrize("most_bytes", [0, 2**31])
def test_images_on_the_disk_give_the_same_batches(on_disk, monkeypatch, most_bytes):
    monkeypatch.setattr(_batches, "MOST_BYTES_COPIED", most_bytes)
    found = [split(data, validation_share=0.1, seed=1, device="cpu") for data in on_disk]
    for name in ("train", "validation", "test"):
        plain, mapped = (getattr(parts, name) for parts in found)
        for one, other in zip(
            plain.shuffled(100, seed=2, epoch=1), mapped.shuffled(100, seed=2, epoch=1), strict=True
        ):
            assert torch.equal(one[0], other[0])
            assert torch.equal(one[1], other[1])
        assert torch.equal(next(plain.in_order(50))[0], next(mapped.in_order(50))[0])


def test_parts_share_one_copy():
    parts = split(load_dataset("digits"), validation_share=0.1, seed=1, device="cpu")
    assert parts.train.images.data_ptr() == parts.validation.images.data_ptr()
    rows = torch.cat([parts.train.rows, parts.validation.rows])
    assert torch.equal(rows.sort().values, torch.arange(1398))


def test_features_go_in_as_they_are():
    data = load_dataset("segments(20,range=100)")
    parts = split(data, validation_share=0.1, seed=0, device="cpu")
    found = torch.cat([points for points, _ in parts.test.in_order(500)])
    assert np.array_equal(found.numpy(), data.test_images)
    points, labels = next(parts.train.shuffled(64, seed=0, epoch=1))
    assert points.shape == (64, 2)
    assert points.dtype == torch.float32
    assert labels.shape == (64,)


def test_networks_of_images_do_not_take_points():
    info = load_dataset("segments(4)").info
    with pytest.raises(SpecError) as caught:
        check_fit(parse("dense-cnn(wm=1,d=4,t=4)"), info)
    message = str(caught.value)
    assert "takes images of 3x32x32, but segments(4) has points of 2 features" in message
    check_fit(parse(message.rpartition("such as ")[2]), info)
    with pytest.raises(SpecError, match="add in=2 to the spec"):
        check_fit(parse("dense-mlp(w=8,d=8,t=2,classes=2)"), info)
