"""MAT files are written here from the format's description, without the reader's code."""

import hashlib
import struct
import zlib

import numpy as np
import pytest

from nnmass.data import DataFile, DatasetInfo, load_dataset
from nnmass.errors import DataError

N_TRAIN, N_TEST = 5, 3


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def small(kind, content):
    """Up to four bytes in the place of the size."""
    return struct.pack("<HH", kind, len(content)) + content.ljust(4, b"\0")


def matrix(name, array):
    flags = element(6, struct.pack("<II", 9, 0))  # class 9: uint8
    sizes = element(5, struct.pack(f"<{array.ndim}i", *array.shape))
    values = array.tobytes(order="F")
    body = small(2, values) if 0 < len(values) <= 4 else element(2, values)
    return element(14, flags + sizes + small(1, name) + body)


def packed(content):
    raw = zlib.compress(content)
    return struct.pack("<II", 15, len(raw)) + raw  # not padded


def mat_file(*elements):
    return (
        b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM" + b"".join(elements)
    )


def pixels(count, first=0):
    n, h, w, c = np.ogrid[first : first + count, :32, :32, :3]
    return ((71 * n + 29 * c + 7 * h + 3 * w) % 256).astype(np.uint8)


def arrays(count, first, labels):
    return pixels(count, first).transpose(1, 2, 3, 0), np.array(labels, np.uint8)[:, None]


TRAIN = arrays(N_TRAIN, 0, [1, 2, 10, 9, 10])
TEST = arrays(N_TEST, 40, [10, 3, 1])


def put(folder, register, contents):
    folder.mkdir()
    files = []
    for name, content in zip(("train_32x32.mat", "test_32x32.mat"), contents, strict=True):
        (folder / name).write_bytes(content)
        files.append(DataFile(name, len(content), hashlib.md5(content).hexdigest()))
    register(
        DatasetInfo(
            name="svhn", title="Tiny", n_train=N_TRAIN, n_test=N_TEST, shape=(3, 32, 32),
            classes=tuple("0123456789"), scale=255, mean=(0.5,) * 3, std=(0.25,) * 3,
            folders=("svhn",), files=tuple(files), how_to_get="Ask at example.org.", source="-",
        )
    )  # fmt: skip


@pytest.mark.parametrize("pack", [packed, bytes])
def test_images_and_labels(tmp_path, register, pack):
    contents = [mat_file(pack(matrix(b"X", x)), pack(matrix(b"y", y))) for x, y in (TRAIN, TEST)]
    put(tmp_path / "svhn", register, contents)
    data = load_dataset("svhn", data_dir=tmp_path)
    assert np.array_equal(data.train_images, pixels(N_TRAIN).transpose(0, 3, 1, 2))
    assert np.array_equal(data.test_images, pixels(N_TEST, 40).transpose(0, 3, 1, 2))
    assert data.train_labels.tolist() == [1, 2, 0, 9, 0]
    assert data.test_labels.tolist() == [0, 3, 1]


x, y = (matrix(name, array) for name, array in zip((b"X", b"y"), TRAIN, strict=True))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no little-endian header"),
        (b"MATLAB 7.3".ljust(200), "no little-endian header"),
        (mat_file(x), "has a y of shape None, expected (5, 1)"),
        (mat_file(y), "has an X of shape None, expected (32, 32, 3, 5)"),
        (mat_file(x[:-9], y), "is not a whole MAT file"),
        (mat_file(x, y)[:-3], "is cut off"),
        (mat_file(packed(x)[:-5]), "is cut off"),
        (mat_file(struct.pack("<II", 15, 4) + b"abcd"), "is not a whole MAT file"),
        (mat_file(x, matrix(b"y", TEST[1])), "has a y of shape (3, 1), expected (5, 1)"),
        (mat_file(x, matrix(b"y", np.full((5, 1), 11, np.uint8))), "labels must lie in 0 .. 9"),
    ],
)
def test_damaged_files(tmp_path, register, content, said):
    put(tmp_path / "svhn", register, [content, b""])
    with pytest.raises(DataError) as caught:
        load_dataset("svhn", data_dir=tmp_path)
    if "labels must" not in said:
        assert said in str(caught.value)


def test_cut_file_names_both_sizes(tmp_path, register):
    contents = [mat_file(x, y), mat_file()]
    put(tmp_path / "svhn", register, contents)
    (tmp_path / "svhn" / "train_32x32.mat").write_bytes(contents[0][:-1])
    with pytest.raises(DataError, match=f"expected {len(contents[0]):,}"):
        load_dataset("svhn", data_dir=tmp_path)
