import dataclasses
import os
import time

import numpy as np
import pytest

from nnmass.data import check_dataset, dataset_info, dataset_status, load_dataset
from nnmass.errors import DataError, MissingExtraError, StoreError

Image = pytest.importorskip("PIL.Image")

COLOURS = {"ant": (200, 10, 30), "bee": (20, 180, 40), "cow": (5, 60, 220)}


def picture(path, colour, size=(20, 14), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    """Three classes with 4 training and 2 validation images each, of several kinds and sizes."""
    root = tmp_path / "photos"
    for name, colour in COLOURS.items():
        for index in range(4):
            suffix = ("png", "bmp", "JPEG", "webp")[index]
            options = {"quality": 95} if suffix == "JPEG" else {}
            picture(
                root / "train" / name / f"{index}.{suffix}", colour, (20 + index, 14), **options
            )
        picture(root / "val" / name / "a.png", colour)
        picture(root / "val" / name / "deeper" / "b.png", colour, (9, 40))
    return root


def check_colours(images, labels):
    for image, label in zip(images, labels, strict=True):
        wanted = np.array(list(COLOURS.values())[label])[:, None, None]
        assert np.abs(image.astype(int) - wanted).max() <= 4  # JPEG and WebP are not exact


def test_classes_images_and_labels(photos):
    data = load_dataset(f"folder({photos},size=16)")
    assert data.info.classes == ("ant", "bee", "cow")
    assert data.train_images.shape == (12, 3, 16, 16)
    assert data.train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.test_labels.tolist() == [0, 0, 1, 1, 2, 2]
    check_colours(data.train_images, data.train_labels)
    check_colours(data.test_images, data.test_labels)


def test_the_middle_square_is_kept(tmp_path):
    stripes = np.zeros((8, 24, 3), np.uint8)
    stripes[:, 8:16] = np.arange(64, dtype=np.uint8).reshape(8, 8, 1) * 3
    stripes[:, 16:] = 255
    for part in ("train", "val"):
        path = tmp_path / part / "one" / "x.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(stripes).save(path)
    data = load_dataset(f"folder({tmp_path},size=8)")
    assert np.array_equal(data.train_images[0].transpose(1, 2, 0), stripes[:, 8:16])


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK", "I;16"])
def test_pictures_of_other_modes_become_rgb(tmp_path, mode):
    suffix = "tif" if mode == "CMYK" else "png"
    for part in ("train", "val"):
        path = tmp_path / part / "one" / f"x.{suffix}"
        path.parent.mkdir(parents=True)
        Image.new(mode, (9, 9)).save(path)
    assert load_dataset(f"folder({tmp_path},size=8)").train_images.shape == (1, 3, 8, 8)


def test_relative_path_lies_in_the_data_folder_or_here(photos, monkeypatch, tmp_path):
    name = "folder(photos,size=16)"
    assert load_dataset(name, data_dir=photos.parent).info.name == name
    monkeypatch.chdir(photos.parent)
    (tmp_path / "empty").mkdir()
    assert load_dataset(name, data_dir=tmp_path / "empty").info.n_train == 12
    assert dataset_info(name).n_train == 12
    assert dataset_status(name, data_dir=None).is_found


@pytest.mark.parametrize("layout", ["list", "folders"])
def test_tiny_imagenet(tmp_path, layout):
    root = tmp_path / "tiny-imagenet-200"
    lines = []
    for name, colour in COLOURS.items():
        for index in range(2):
            picture(root / "train" / name / "images" / f"{name}_{index}.JPEG", colour, (64, 64))
        (root / "train" / name / f"{name}_boxes.txt").write_text("a box\n")
        file = f"val_{len(lines)}.JPEG"
        place = root / "val" / ("images" if layout == "list" else name) / file
        picture(place, colour, (64, 64))
        lines.append(f"{file}\t{name}\t0\t0\t1\t1\n")
    if layout == "list":
        (root / "val" / "val_annotations.txt").write_text("".join(lines[::-1]))
    told = []
    data = load_dataset("tiny-imagenet", data_dir=tmp_path, tell=told.append)
    assert (data.info.name, data.info.shape) == ("tiny-imagenet", (3, 64, 64))
    assert data.test_labels.tolist() == [0, 1, 2]
    check_colours(data.test_images, data.test_labels)
    assert told == [f"tiny-imagenet: 3 files in {root} are no images, ignored"]
    if layout == "list":
        (root / "val" / "val_annotations.txt").write_text("".join(lines[:2]))
        with pytest.raises(DataError, match=r"1 images are not in the list \(val_2.JPEG\)"):
            load_dataset("tiny-imagenet", data_dir=tmp_path)


def break_some(photos):
    """A cut JPEG, a text, an empty file; returns their names."""
    cut = photos / "train" / "bee" / "2.JPEG"
    cut.write_bytes(cut.read_bytes()[:-200])
    (photos / "train" / "cow" / "0.png").write_text("not an image")
    (photos / "val" / "ant" / "a.png").write_bytes(b"")
    return ["bee/2.JPEG", "cow/0.png", "ant/a.png"]


@pytest.mark.parametrize("with_cache", [False, True])
def test_broken_images_are_all_named(photos, tmp_path, with_cache):
    names = break_some(photos)
    cache = tmp_path / "cache" if with_cache else None
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder({photos},size=16)", cache_dir=cache)
    message = str(caught.value)
    assert "3 of 18 images cannot be decoded" in message
    assert all(name in message for name in names)
    assert "broken=skip" in message
    assert message.count("is no image of a format that pillow knows") == 2
    assert "bee/2.JPEG cannot be decoded: " in message
    assert "runcated" in message
    assert not with_cache or list(cache.iterdir()) == []


@pytest.mark.parametrize("with_cache", [False, True])
def test_broken_images_left_out_on_demand(photos, tmp_path, with_cache):
    names = break_some(photos)
    told = []
    cache = tmp_path / "cache" if with_cache else None
    name = f"folder({photos},size=16,broken=skip)"
    data = load_dataset(name, cache_dir=cache, tell=told.append)
    assert (data.info.name, data.info.n_train, data.info.n_test) == (name, 10, 5)
    assert data.train_labels.tolist() == [0] * 4 + [1] * 3 + [2] * 3
    check_colours(data.train_images, data.train_labels)
    assert all(name in told[-1] for name in names)


@pytest.mark.parametrize("with_cache", [False, True])
def test_nothing_left_after_skipping(photos, tmp_path, with_cache):
    for path in (photos / "val").rglob("*.png"):
        path.write_text("not an image")
    cache = tmp_path / "cache" if with_cache else None
    with pytest.raises(DataError, match=r"can be decoded, so that nothing is left"):
        load_dataset(f"folder({photos},size=16,broken=skip)", cache_dir=cache)
    assert not with_cache or list(cache.iterdir()) == []


def test_check_of_a_folder(photos):
    name = f"folder({photos},size=16)"
    check = check_dataset(name)
    assert check.is_good
    assert (check.n_train, check.n_test, check.train_counts) == (12, 6, (4, 4, 4))
    names = break_some(photos)
    check = check_dataset(name)
    assert [any(n in fault for fault in check.faults) for n in names] == [True] * 3
    assert (check.n_train, check.n_test, check.train_counts) == (10, 5, (4, 3, 3))


def test_the_second_load_decodes_nothing(photos, tmp_path, monkeypatch):
    name, cache = f"folder({photos},size=16)", tmp_path / "cache"
    plain = load_dataset(name)
    first = load_dataset(name, cache_dir=cache)

    def refuse(*arguments):
        raise AssertionError("decoded again")

    monkeypatch.setattr("nnmass.data._cache.decode_blocks", refuse)
    second = load_dataset(name, cache_dir=cache)
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        assert np.array_equal(getattr(first, field), getattr(plain, field))
        assert np.array_equal(getattr(second, field), getattr(plain, field))
    assert isinstance(second.train_images, np.memmap)
    assert not second.train_images.flags.writeable
    assert dataclasses.asdict(second.info) == dataclasses.asdict(plain.info)
    assert len(list(cache.iterdir())) == 1


def test_a_changed_folder_is_decoded_again(photos, tmp_path):
    name, cache = f"folder({photos},size=16)", tmp_path / "cache"
    load_dataset(name, cache_dir=cache)
    picture(photos / "val" / "cow" / "c.png", COLOURS["cow"])
    assert len(load_dataset(name, cache_dir=cache).test_labels) == 7
    picture(photos / "val" / "cow" / "c.png", COLOURS["ant"], (33, 33))
    changed = load_dataset(name, cache_dir=cache)
    assert changed.test_images[-2, 0].mean() == COLOURS["ant"][0]
    assert load_dataset(name.replace("16", "8"), cache_dir=cache).train_images.shape[2] == 8
    assert len(list(cache.iterdir())) == 4


def test_an_interrupted_fill_leaves_nothing(photos, tmp_path, monkeypatch):
    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr("nnmass.data._cache.report_broken", interrupt)
    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        load_dataset(f"folder({photos},size=16)", cache_dir=cache)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot write the cache .*cache_dir= or NNMASS_CACHE"):
        load_dataset(f"folder({photos},size=16)", cache_dir=tmp_path / "file")


def test_a_damaged_cache_is_named(photos, tmp_path):
    name, cache = f"folder({photos},size=16)", tmp_path / "cache"
    load_dataset(name, cache_dir=cache)
    path = next(cache.iterdir()) / "train.npy"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"cannot be read: .*Delete it and load again"):
        load_dataset(name, cache_dir=cache)


def test_folders_that_are_none(photos, tmp_path):
    with pytest.raises(DataError, match=r"there is no folder train/ in .*/gone"):
        load_dataset(f"folder({tmp_path / 'gone'})")
    with pytest.raises(DataError, match=r"imagenet: no data folder is given. Register at"):
        load_dataset("imagenet")
    with pytest.raises(DataError, match=r"no folder train/ in .*imagenet.*, .*CLS-LOC"):
        load_dataset("imagenet", data_dir=tmp_path)
    status = dataset_status("tiny-imagenet", data_dir=tmp_path)
    assert not status.is_found
    assert "tiny-imagenet-200" in status.problem
    (photos / "val" / "dog").mkdir()
    with pytest.raises(DataError, match=r"1 classes of .*val are not in train/: dog"):
        load_dataset(f"folder({photos})")
    (photos / "val").rename(photos / "elsewhere")
    with pytest.raises(DataError, match="has none of the folders val, validation"):
        load_dataset(f"folder({photos})")
    (tmp_path / "flat" / "train").mkdir(parents=True)
    with pytest.raises(DataError, match="has no folders of classes"):
        load_dataset(f"folder({tmp_path / 'flat'})")
    (tmp_path / "flat" / "train" / "one").mkdir()
    (tmp_path / "flat" / "val").mkdir()
    with pytest.raises(DataError, match=r"no train image lies in .*images end in .jpeg"):
        load_dataset(f"folder({tmp_path / 'flat'})")


def test_without_pillow(photos, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"needs pillow.*nnmass\[images\]"):
        load_dataset(f"folder({photos},size=16)")


def test_what_a_kill_left_in_the_cache_is_removed_after_a_day(photos, tmp_path):
    cache = tmp_path / "cache"
    for name, age in ((".folder-aa.11", 25 * 3600), (".folder-aa.22", 0), ("folder-bb", 9e5)):
        (cache / name).mkdir(parents=True)
        then = time.time() - age
        os.utime(cache / name, (then, then))
    load_dataset(f"folder({photos},size=16)", cache_dir=cache)
    names = {path.name for path in cache.iterdir()}
    assert ".folder-aa.11" not in names
    assert names > {".folder-aa.22", "folder-bb"}
