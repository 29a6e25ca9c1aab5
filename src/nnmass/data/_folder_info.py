"""What is known of an image folder once its files are listed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnmass.data._info import DatasetInfo
from nnmass.data._names import FolderName

LAYOUT = "an image folder has train/CLASS/ and val/CLASS/ with the images of each class"
_TITLES = {"imagenet": "ImageNet (ILSVRC 2012)", "tiny-imagenet": "Tiny ImageNet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An image and its class.

    Attributes:
        path: Where it lies.
        label: Position of its class.
        size_bytes: Size of the file.
        modified_ns: When it was last written, in nanoseconds.
    """

    path: str
    label: int
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderListing:
    """What lies in an image folder; no image was opened.

    Attributes:
        name: The data set's.
        root: The folder.
        classes: Names of the folders in ``train``, sorted.
        train: The images to train on, class by class, sorted.
        test: The images of the validation part, the same.
        n_ignored: Files that do not end like an image.
    """

    name: FolderName
    root: Path
    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    n_ignored: int


def folder_info(
    listing: FolderListing, *, n_train: int | None = None, n_test: int | None = None
) -> DatasetInfo:
    """What is known of an image folder: its classes, its counts, and the statistics of ImageNet.

    The mean and the standard deviation are those of ImageNet for every image folder, so that they
    are known before an image is decoded and are the same for any part of it.
    """
    name, size = listing.name, listing.name.size
    return DatasetInfo(
        name=str(name),
        title=_TITLES.get(name.kind, f"The images in {name.path}"),
        n_train=len(listing.train) if n_train is None else n_train,
        n_test=len(listing.test) if n_test is None else n_test,
        shape=(3, size, size),
        classes=listing.classes,
        scale=255,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        folders=(".",),
        files=(),
        how_to_get=how_to_get(name),
        source=f"the files in {listing.root}",
    )


def how_to_get(name: FolderName) -> str:
    """What to do when the folder is not there."""
    if name.kind == "imagenet":
        return (
            "Register at image-net.org, get the images of ILSVRC 2012, sort those of val/ into "
            "folders of their classes, and give the folder above imagenet/: --data-dir DIR, "
            "NNMASS_DATA=DIR, or data_dir= in Python."
        )
    if name.kind == "tiny-imagenet":
        return (
            "Get tiny-imagenet-200.zip from cs231n.stanford.edu, unpack it in DIR and give DIR: "
            "--data-dir DIR, NNMASS_DATA=DIR, or data_dir= in Python."
        )
    return f"Give its path: {LAYOUT}."
