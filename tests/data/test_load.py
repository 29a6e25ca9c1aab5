import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from nnmass.data import DATASETS, load_dataset
from nnmass.errors import DataError, SpecError


def test_idx_set_by_name(tmp_path, formats, register):
    info = register(formats.seal_idx(tmp_path / "mnist", formats.idx_contents()))
    data = load_dataset("mnist", data_dir=tmp_path)
    assert data.info is info
    assert (len(data.train_images), len(data.test_images)) == (7, 3)


@pytest.mark.parametrize("inside", ["cifar-10-batches-py", "."])
def test_cifar_set_by_name(tmp_path, formats, register, inside):
    register(formats.seal_cifar(tmp_path / inside, formats.cifar_contents()))
    assert len(load_dataset("cifar10", data_dir=str(tmp_path)).train_images) == 9


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_no_folder_given(name):
    with pytest.raises(DataError) as caught:
        load_dataset(name)
    assert str(caught.value) == (f"{name}: no data folder is given. {DATASETS[name].how_to_get}")


def test_environment_is_not_read(tmp_path, formats, register, monkeypatch):
    register(formats.seal_idx(tmp_path, formats.idx_contents()))
    monkeypatch.setenv("NNMASS_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for nothing in (None, ""):
        with pytest.raises(DataError, match="no data folder is given"):
            load_dataset("mnist", data_dir=nothing)


def test_one_missing_file(tmp_path, formats, register):
    register(formats.seal_cifar(tmp_path, formats.cifar_contents()))
    (tmp_path / "data_batch_2").unlink()
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", data_dir=tmp_path)
    assert str(caught.value) == (
        f"cifar10: 1 of its 4 files missing in {tmp_path}: data_batch_2. Ask at example.org."
    )


def test_damaged_copy_is_not_replaced_by_another(tmp_path, formats, register):
    register(formats.seal_idx(tmp_path, formats.idx_contents()))
    formats.seal_idx(tmp_path / "mnist", formats.idx_contents())
    (tmp_path / "test-labels").write_bytes(b"cut")
    with pytest.raises(DataError, match="test-labels has 3 bytes"):
        load_dataset("mnist", data_dir=tmp_path)


def test_files_of_another_set_are_refused(tmp_path, formats, register):
    register(formats.seal_idx(tmp_path, formats.idx_contents()))
    path = tmp_path / "train-labels"
    path.write_bytes(bytes(len(path.read_bytes())))
    with pytest.raises(DataError, match="train-labels has the md5 sum"):
        load_dataset("mnist", data_dir=tmp_path)


def test_unknown_name():
    with pytest.raises(SpecError, match="Did you mean 'cifar10'"):
        load_dataset("cifar-10", data_dir=".")


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import nnmass.data as d; d.dataset_status('mnist', data_dir='.')", "torch PIL numpy"),
        ("import nnmass.data as d; d.take(d.load_dataset('digits'), n_train=20)", "torch PIL"),
    ],
)
def test_what_is_not_imported(code, absent):
    check = f"{code}\nimport sys; print([n for n in '{absent}'.split() if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_check_of_imports_can_fail():
    check = "import numpy, sys; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"


@pytest.fixture
def real_folder():
    folder = os.environ.get("NNMASS_DATA")
    if not folder:
        pytest.skip("NNMASS_DATA is not set: it names the folder with the real data sets")
    return folder


def _check_statistics(data):
    info = data.info
    for channel in range(info.shape[0]):
        pixels = data.train_images[:, channel].astype(np.float64) / info.scale
        assert abs(pixels.mean() - info.mean[channel]) < 5e-5
        assert abs(pixels.std() - info.std[channel]) < 5e-5


@pytest.mark.data
def test_real_mnist(real_folder):
    data = load_dataset("mnist", data_dir=real_folder)
    assert data.train_images.shape == (60_000, 1, 28, 28)
    assert data.test_images.shape == (10_000, 1, 28, 28)
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(data.train_labels).tolist() == [
        *(5923, 6742, 5958, 6131, 5842),
        *(5421, 5918, 6265, 5851, 5949),
    ]
    _check_statistics(data)


@pytest.mark.data
def test_real_cifar10(real_folder):
    data = load_dataset("cifar10", data_dir=real_folder)
    assert np.bincount(data.train_labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert data.train_labels[:5].tolist() == [6, 9, 9, 4, 1]
    # of the pixels with the channels last, computed from the images by another program
    for images, sha256 in (
        (data.train_images, "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a"),
        (data.test_images, "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04"),
    ):
        channels_last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        assert hashlib.sha256(channels_last).hexdigest() == sha256
    _check_statistics(data)
