"""Image folders: ``train/CLASS/..`` and ``val/CLASS/..``, or Tiny ImageNet's list of classes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnmass.data._info import DatasetInfo
from nnmass.data._names import FolderName
from nnmass.errors import DataError

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")
_TEST_PARTS = ("val", "validation", "valid", "test")
_ANNOTATIONS = "val_annotations.txt"
_TITLES = {"imagenet": "ImageNet (ILSVRC 2012)", "tiny-imagenet": "Tiny ImageNet"}
_PLACES = {
    "imagenet": ("imagenet", "ImageNet", "ILSVRC/Data/CLS-LOC", "."),
    "tiny-imagenet": ("tiny-imagenet-200", "tiny-imagenet", "."),
}
_LAYOUT = "an image folder has train/CLASS/ and val/CLASS/ with the images of each class"


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
    return f"Give its path: {_LAYOUT}."


def list_folder(name: FolderName, data_dir: str | Path | None) -> FolderListing:
    """The images of the data set called ``name``.

    Args:
        name: The path of a ``folder(PATH)`` is taken in ``data_dir`` first, then as it is.
        data_dir: The folder to look into.

    Raises:
        DataError: The folder is not there, or is not laid out as an image folder.
    """
    root = _find(name, data_dir)
    try:
        return _list(name, root)
    except OSError as error:
        raise DataError(
            f"{name}: cannot look into {error.filename or root}: {error.strerror}"
        ) from error


def _find(name: FolderName, data_dir: str | Path | None) -> Path:
    given = Path(data_dir) if data_dir is not None and os.fspath(data_dir) else None
    if name.kind == "folder":
        path = Path(name.path).expanduser()
        places = [path] if given is None else [given / path, path]
    elif given is None:
        raise DataError(f"{name}: no data folder is given. {how_to_get(name)}")
    else:
        places = [given / sub for sub in _PLACES[name.kind]]
    found = next((place for place in places if (place / "train").is_dir()), None)
    if found is None:
        looked = ", ".join(dict.fromkeys(map(str, places)))
        raise DataError(f"{name}: there is no folder train/ in {looked}. {how_to_get(name)}")
    return found


def _list(name: FolderName, root: Path) -> FolderListing:
    classes = _subfolders(root / "train")
    if not classes:
        raise DataError(f"{name}: {root / 'train'} has no folders of classes: {_LAYOUT}")
    ignored = [0]
    test = _list_test(name, root, classes, ignored)
    train = _list_classes(root / "train", classes, ignored)
    for part, files in (("train", train), ("validation", test)):
        if not files:
            raise DataError(
                f"{name}: no {part} image lies in {root}: {_LAYOUT}; images end in "
                f"{', '.join(SUFFIXES)}"
            )
    return FolderListing(
        name=name,
        root=root,
        classes=classes,
        train=train,
        test=test,
        n_ignored=ignored[0],
    )


def _subfolders(folder: Path) -> tuple[str, ...]:
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    return tuple(sorted(names))


def _list_test(
    name: FolderName, root: Path, classes: tuple[str, ...], ignored: list[int]
) -> tuple[ImageFile, ...]:
    annotations = root / "val" / _ANNOTATIONS
    if annotations.is_file():
        ignored[0] -= 1  # the list itself
        return _list_annotated(name, annotations, classes, ignored)
    part = next((root / part for part in _TEST_PARTS if (root / part).is_dir()), None)
    if part is None:
        raise DataError(
            f"{name}: {root} has none of the folders {', '.join(_TEST_PARTS)}: {_LAYOUT}"
        )
    strange = sorted(set(_subfolders(part)) - set(classes))
    if strange:
        raise DataError(
            f"{name}: {len(strange)} classes of {part} are not in train/: {_some(strange)}"
        )
    return _list_classes(part, classes, ignored)


def _list_annotated(
    name: FolderName, annotations: Path, classes: tuple[str, ...], ignored: list[int]
) -> tuple[ImageFile, ...]:
    labels = {class_name: label for label, class_name in enumerate(classes)}
    class_of: dict[str, str] = {}
    for line in annotations.read_text().splitlines():
        file, _, rest = line.partition("\t")
        class_of[file] = rest.partition("\t")[0]
    strange = sorted(set(class_of.values()) - set(classes))
    if strange:
        raise DataError(f"{name}: classes of {annotations} are not in train/: {_some(strange)}")
    entries = sorted(_walk(annotations.parent, ignored), key=lambda entry: entry.name)
    unknown = [entry.name for entry in entries if entry.name not in class_of]
    missing = sorted(set(class_of) - {entry.name for entry in entries})
    if unknown or missing:
        raise DataError(
            f"{name}: {annotations} and the images beside it differ: {len(unknown)} images are "
            f"not in the list ({_some(unknown)}), {len(missing)} of the list are not there "
            f"({_some(missing)})"
        )
    return tuple(_file(entry, labels[class_of[entry.name]]) for entry in entries)


def _some(names: list[str]) -> str:
    return ", ".join([*names[:5], ".."] if len(names) > 5 else names) or "none"


def _list_classes(
    part: Path, classes: tuple[str, ...], ignored: list[int]
) -> tuple[ImageFile, ...]:
    return tuple(
        _file(entry, label)
        for label, name in enumerate(classes)
        if (part / name).is_dir()
        for entry in sorted(_walk(part / name, ignored), key=lambda entry: entry.path)
    )


def _walk(folder: Path | str, ignored: list[int]) -> Iterator[os.DirEntry[str]]:
    """The image files in ``folder`` and below."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(entry.path, ignored)
            elif entry.name.lower().endswith(SUFFIXES):
                yield entry
            else:
                ignored[0] += 1


def _file(entry: os.DirEntry[str], label: int) -> ImageFile:
    stat = entry.stat()
    return ImageFile(
        path=entry.path, label=label, size_bytes=stat.st_size, modified_ns=stat.st_mtime_ns
    )
