import pickle

import numpy as np
import pytest

from nnmass.data._cifar import read_cifar_set
from nnmass.errors import DataError


def test_images_and_labels_are_the_written_ones(tmp_path, formats):
    data = read_cifar_set(formats.seal_cifar(tmp_path, formats.cifar_contents()), tmp_path)
    assert data.train_images.shape == (9, 3, 2, 4)
    for n, c, h, w in np.ndindex(9, 3, 2, 4):
        assert data.train_images[n, c, h, w] == formats.pixel(n, c, h, w)
    for n, c, h, w in np.ndindex(3, 3, 2, 4):
        assert data.test_images[n, c, h, w] == formats.pixel(90 + n, c, h, w)
    assert data.train_labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert data.test_labels.tolist() == [2, 1, 0]
    assert data.train_images.flags.writeable


def test_written_pickles_are_what_python_reads(formats):
    """The test files themselves are right: the plain unpickler reads the same from them."""
    batch = pickle.loads(
        formats.cifar_contents()["data_batch_1"].replace(b"numpy.core.", b"numpy._core."),
        encoding="bytes",
    )
    assert batch[b"data"].shape == (4, 24)
    assert batch[b"data"].dtype == np.uint8
    assert batch[b"labels"] == [0, 1, 2, 0]


def _refuse(tmp_path, formats, **changes):
    contents = formats.cifar_contents()
    contents |= {name.replace("__", "."): content for name, content in changes.items()}
    info = formats.seal_cifar(tmp_path, contents)  # the md5 sums match
    with pytest.raises(DataError) as caught:
        read_cifar_set(info, tmp_path)
    assert str(caught.value).startswith("cifar10: ")
    return str(caught.value)


def _shell_command(flag, formats):
    return formats.py2_pickle(
        formats.opcodes(b"cos\nsystem\n(V" + f"touch {flag}".encode() + b"\ntR")
    )


def test_shell_command_would_run_without_the_restriction(tmp_path, formats):
    pickle.loads(_shell_command(tmp_path / "flag", formats))
    assert (tmp_path / "flag").exists()


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "batches__meta"])
def test_shell_command_is_refused_though_the_md5_sum_matches(tmp_path, formats, name):
    flag = tmp_path / "flag"
    message = _refuse(tmp_path, formats, **{name: _shell_command(flag, formats)})
    assert not flag.exists()
    assert f"{tmp_path / name.replace('__', '.')} is refused" in message
    assert "asks for os.system" in message
    assert "example.org" in message


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("__builtin__", "getattr"),
        ("posix", "system"),
        ("copy_reg", "_reconstructor"),
        ("_codecs", "encode"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "os.system"),
    ],
)
def test_any_other_name_is_refused(tmp_path, formats, module, name):
    asked = formats.py2_pickle(formats.opcodes(f"c{module}\n{name}\n".encode()))
    assert f"asks for {module}.{name}," in _refuse(tmp_path, formats, test_batch=asked)


def test_names_of_later_protocols_are_refused(tmp_path, formats):
    asked = b"\x80\x04\x8c\x02os\x8c\x06system\x93."
    assert "asks for os.system" in _refuse(tmp_path, formats, test_batch=asked)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x80\x02}(U\x04data", id="truncated"),
        pytest.param(b"<html>404 Not Found</html>", id="html"),
        pytest.param(b"\x80\x63.", id="unknown protocol"),
        pytest.param(b"\x80\x02P1\n.", id="persistent id"),
        pytest.param(b"\x80\x02cnumpy\ndtype\n(U\x03zzztR.", id="no such dtype"),
        pytest.param(b"\x80\x02]K\x01h\x05.", id="memo that is not there"),
    ],
)
def test_damaged_pickle(tmp_path, formats, content):
    message = _refuse(tmp_path, formats, data_batch_2=content)
    assert f"{tmp_path / 'data_batch_2'} is not a whole pickle" in message


def test_pickle_of_a_list(tmp_path, formats):
    message = _refuse(tmp_path, formats, test_batch=formats.py2_pickle([1]))
    assert "holds a list, expected a dict" in message


def test_other_class_names(tmp_path, formats):
    meta = formats.py2_pickle({b"label_names": [b"cat", b"frog", b"dog"]})
    message = _refuse(tmp_path, formats, batches__meta=meta)
    assert "has the label_names [b'cat', b'frog', b'dog'], expected [b'cat', b'dog'" in message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({b"labels": [0, 1, 2]}, "has no uint8 array 'data' of shape (n, 24)"),
        ({b"data": [1], b"labels": [0]}, "has no uint8 array 'data' of shape (n, 24)"),
        ({b"data": 3, b"labels": [0, 1, 3]}, "has labels from 0 to 3, expected 0 to 2"),
        ({b"data": 3, b"labels": [0, -1, 2]}, "has labels from -1 to 2, expected 0 to 2"),
        ({b"data": 3, b"labels": [0, b"1", 2]}, "has no list of whole numbers 'labels'"),
        ({b"data": 3, b"fine_labels": [0, 1, 2]}, "has no list of whole numbers 'labels'"),
        ({b"data": 3, b"labels": [0, 1]}, "has 2 labels for 3 images"),
    ],
)
def test_batch_of_another_form(tmp_path, formats, fields, said):
    if isinstance(fields.get(b"data"), int):
        fields = fields | {b"data": formats.py2_array(3, 24, bytes(72))}
    assert said in _refuse(tmp_path, formats, test_batch=formats.py2_pickle(fields))


def test_images_of_another_size(tmp_path, formats):
    batch = {b"data": formats.py2_array(3, 12, bytes(36)), b"labels": [0, 1, 2]}
    message = _refuse(tmp_path, formats, test_batch=formats.py2_pickle(batch))
    assert "of shape (n, 24)" in message


@pytest.mark.parametrize("labels", [[0, 1, 2, 0], [0, 1, 2, 0, 1, 2]])
def test_too_few_or_too_many_images(tmp_path, formats, labels):
    message = _refuse(tmp_path, formats, data_batch_2=formats.cifar_batch(4, labels))
    assert f"data_batch_1, data_batch_2 hold {4 + len(labels)} images, expected 9" in message
