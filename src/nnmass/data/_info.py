"""What is known of a data set before its files are opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a data set, as its authors published it.

    Attributes:
        name: The file's name, without a folder.
        size_bytes: Its exact size; None where only the md5 sum was published.
        md5: Its md5 sum, 32 lower-case hexadecimal digits; finds damage, proves no origin.
    """

    name: str
    size_bytes: int | None
    md5: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the files of a data set can be fetched.

    Attributes:
        url: Folder in the net; a file's name is added to it.
        folder: Sub-folder of the data folder that the files are put into.
        archive: The gzipped tar that holds all files; None if each is fetched by itself.
    """

    url: str
    folder: str
    archive: DataFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """A data set: its sizes, its classes, its files and where they come from.

    Attributes:
        name: What `load_dataset` calls it.
        title: What its authors call it.
        n_train: Images (or points) of the training part.
        n_test: Images (or points) of the test part.
        shape: Channels, height and width of one image, kept as uint8; or a single number: how many
            float32 features a point has.
        classes: The class names; a label is a position in this tuple.
        scale: Largest value that a pixel can have; images divided by it lie in [0, 1]. 1 for
            features, which are given to a network less ``mean``, over ``std``, and no more: with
            0 and 1 they go in as they are.
        mean: Per channel, mean of the training images divided by ``scale``, to 4 digits.
        std: Per channel, their standard deviation over all images and pixels, to 4 digits.
        folders: Sub-folders of the data folder that are looked into, in this order; ``"."`` is
            the data folder itself. Empty if the data is part of the package.
        files: The files, in the order that the reader takes them; empty like ``folders``.
        how_to_get: What to do when the files are missing or damaged.
        source: Who made the data, and its licence.
        origin: Where the files can be fetched; None if they cannot.
        strips: sha256 sums of the training and of the test pixels, uint8 with the channels last,
            where the images may lie as strips of lossless WebP as well; else empty.
    """

    name: str
    title: str
    n_train: int
    n_test: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    scale: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    folders: tuple[str, ...]
    files: tuple[DataFile, ...]
    how_to_get: str
    source: str
    origin: Origin | None = None
    strips: tuple[str, ...] = ()

    @property
    def has_features(self) -> bool:
        """Points with float features, no images."""
        return len(self.shape) == 1
