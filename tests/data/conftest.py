"""Tiny data sets in the official file formats, written byte by byte without the reader's code."""

import gzip
import hashlib
import struct

import pytest

from nnmass.data import DataFile, DatasetInfo


def seal(folder, contents, **fields):
    """Write the files and describe them with the sizes and md5 sums that they really have."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        files.append(DataFile(name, len(content), hashlib.md5(content).hexdigest()))
    return DatasetInfo(
        title="Tiny",
        scale=255,
        mean=(0.5,),
        std=(0.25,),
        files=tuple(files),
        how_to_get="Ask at example.org.",
        source="nobody",
        **fields,
    )


def pixel(image, channel, row, column):
    """Different for all neighbours, so that a swapped axis shows."""
    return (71 * image + 29 * channel + 7 * row + 3 * column) % 256


def pixels(first, count, shape):
    channels, height, width = shape
    return bytes(
        pixel(n, c, h, w)
        for n in range(first, first + count)
        for c in range(channels)
        for h in range(height)
        for w in range(width)
    )


def idx(magic, sizes, values):
    return struct.pack(f">{1 + len(sizes)}i", magic, *sizes) + values


IDX_SHAPE = (1, 4, 5)


def idx_contents():
    """Seven training and three test images of 4x5 pixels."""
    return {
        "train-images": gzip.compress(idx(2051, (7, 4, 5), pixels(0, 7, IDX_SHAPE))),
        "train-labels": gzip.compress(idx(2049, (7,), bytes([0, 1, 2, 0, 1, 2, 0]))),
        "test-images": gzip.compress(idx(2051, (3, 4, 5), pixels(50, 3, IDX_SHAPE))),
        "test-labels": gzip.compress(idx(2049, (3,), bytes([2, 1, 0]))),
    }


def seal_idx(folder, contents):
    return seal(
        folder,
        contents,
        name="mnist",
        n_train=7,
        n_test=3,
        shape=IDX_SHAPE,
        classes=("zero", "one", "two"),
        folders=(".", "mnist"),
    )


def py2(value):
    """The opcodes with which Python 2 pickles a str (here bytes), an int, a list or a dict."""
    if isinstance(value, bytes):
        short = len(value) < 256
        return (
            b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))
        ) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(py2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(py2(k) + py2(v) for k, v in value.items()) + b"u"
    return value.opcodes


class Opcodes:
    def __init__(self, opcodes):
        self.opcodes = opcodes


def py2_array(rows, columns, values):
    """A uint8 array as numpy 1 under Python 2 pickled it."""
    dtype = (
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNN"
        + 2 * b"J\xff\xff\xff\xff"
        + b"K\x00tb"
    )
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    shape = b"(J" + struct.pack("<i", rows) + b"J" + struct.pack("<i", columns) + b"t"
    return Opcodes(empty + b"(K\x01" + shape + dtype + b"\x89" + py2(values) + b"tb")


def py2_pickle(value):
    return b"\x80\x02" + py2(value) + b"."


CIFAR_SHAPE = (3, 2, 4)


def cifar_batch(first, labels):
    data = py2_array(len(labels), 24, pixels(first, len(labels), CIFAR_SHAPE))
    return py2_pickle({b"data": data, b"labels": labels, b"filenames": [b"a.png"] * len(labels)})


def cifar_contents():
    """Two training batches of four and five images, a test batch of three; 3x2x4 pixels."""
    return {
        "data_batch_1": cifar_batch(0, [0, 1, 2, 0]),
        "data_batch_2": cifar_batch(4, [1, 2, 0, 1, 2]),
        "test_batch": cifar_batch(90, [2, 1, 0]),
        "batches.meta": py2_pickle({b"label_names": [b"cat", b"dog", b"frog"]}),
    }


def seal_cifar(folder, contents):
    return seal(
        folder,
        contents,
        name="cifar10",
        n_train=9,
        n_test=3,
        shape=CIFAR_SHAPE,
        classes=("cat", "dog", "frog"),
        folders=("cifar-10-batches-py", "."),
    )


class Formats:
    """The functions above, for the tests."""

    idx = staticmethod(idx)
    idx_contents = staticmethod(idx_contents)
    seal_idx = staticmethod(seal_idx)
    pixel = staticmethod(pixel)
    pixels = staticmethod(pixels)
    py2_pickle = staticmethod(py2_pickle)
    py2_array = staticmethod(py2_array)
    opcodes = Opcodes
    cifar_batch = staticmethod(cifar_batch)
    cifar_contents = staticmethod(cifar_contents)
    seal_cifar = staticmethod(seal_cifar)


@pytest.fixture
def formats():
    return Formats


@pytest.fixture
def register(monkeypatch):
    """Put a tiny data set in the place of the real one of its name."""

    def put(info):
        monkeypatch.setattr("nnmass.data._registry.DATASETS", {info.name: info})
        return info

    return put
