"""Image folders: ``train/CLASS/..`` and ``val/CLASS/..``, or Tiny ImageNet's list of classes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nnmass.data._folder_info import LAYOUT, FolderListing, ImageFile, how_to_get
from nnmass.data._names import FolderName
from nnmass.errors import DataError

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")
_TEST_PARTS = ("val", "validation", "valid", "test")
_ANNOTATIONS = "val_annotations.txt"
_PLACES = {
    "imagenet": ("imagenet", "ImageNet", "ILSVRC/Data/CLS-LOC", "."),
    "tiny-imagenet": ("tiny-imagenet-200", "tiny-imagenet", "."),
}


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
        raise DataError(f"{name}: {root / 'train'} has no folders of classes: {LAYOUT}")
    ignored = [0]
    test = _list_test(name, root, classes, ignored)
    train = _list_classes(root / "train", classes, ignored)
    for part, files in (("train", train), ("validation", test)):
        if not files:
            raise DataError(
                f"{name}: no {part} image lies in {root}: {LAYOUT}; images end in "
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
            f"{name}: {root} has none of the folders {', '.join(_TEST_PARTS)}: {LAYOUT}"
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
