"""What is known of a data set before its files are opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a data set, as its authors published it.

    Attributes:
        name: The file's name, without a folder.
        size_bytes: Its exact size.
        md5: Its md5 sum, 32 lower-case hexadecimal digits; finds damage, proves no origin.
    """

    name: str
    size_bytes: int
    md5: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """A data set: its sizes, its classes, its files and where they come from.

    Attributes:
        name: What `load_dataset` calls it.
        title: What its authors call it.
        n_train: Images of the training part.
        n_test: Images of the test part.
        shape: Channels, height and width of one image.
        classes: The class names; a label is a position in this tuple.
        scale: Largest value that a pixel can have; images divided by it lie in [0, 1].
        mean: Per channel, mean of the training images divided by ``scale``, to 4 digits.
        std: Per channel, their standard deviation over all images and pixels, to 4 digits.
        folders: Sub-folders of the data folder that are looked into, in this order; ``"."`` is
            the data folder itself. Empty if the data is part of the package.
        files: The files, in the order that the reader takes them; empty like ``folders``.
        how_to_get: What to do when the files are missing or damaged.
        source: Who made the data, and its licence.
    """

    name: str
    title: str
    n_train: int
    n_test: int
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    scale: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    folders: tuple[str, ...]
    files: tuple[DataFile, ...]
    how_to_get: str
    source: str
