"""`nnmass datasets`: the data sets that are known; what one is, fetching it, checking it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._completion import complete_data
from nnmass.cli._dataset_table import dataset_entry, emit_datasets
from nnmass.cli._errors import NOT_MET, say
from nnmass.cli._network import DataDirOption, data_folder
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_line
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.data import DatasetCheck

LS_EPILOG = """Examples:

  nnmass datasets ls

  nnmass datasets ls --data-dir ~/data --json
"""

SHOW_EPILOG = """Examples:

  nnmass datasets show cifar10

  nnmass datasets show "segments(20,noise=0.01)" --json
"""

GET_EPILOG = """Examples:

  nnmass datasets get mnist --data-dir ~/data

  nnmass datasets get cifar10 --data-dir ~/data --url https://mirror.example.org/cifar --json
"""

CHECK_EPILOG = """Examples:

  nnmass datasets check cifar10 --data-dir ~/data

  nnmass datasets check "folder(photos,size=64)" --json
"""

NAME_HELP = "Data set; see `nnmass datasets ls`."


def datasets_ls(data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """List the data sets, and whether their files are there."""
    from nnmass.data import DATASET_KINDS, DATASETS, dataset_status

    folder = data_folder(data_dir)
    entries = [
        dataset_entry(info, dataset_status(name, data_dir=folder))
        for name, info in DATASETS.items()
    ]
    kinds = [
        {"name": kind.name, "syntax": kind.syntax, "title": kind.title, "example": kind.example}
        for kind in DATASET_KINDS.values()
    ]
    if json:
        emit_json("datasets", {"datasets": entries, "kinds": kinds})
        return
    emit_datasets(entries)
    emit_line()
    emit_line("Described by their names:")
    for kind in kinds:
        emit_line(f"  {kind['syntax']}: {kind['title']}")


def datasets_show(
    name: Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_data)],
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is known of a data set: sizes, classes, statistics, files, source."""
    from nnmass.data import dataset_info, dataset_status

    folder = data_folder(data_dir)
    info = dataset_info(name, data_dir=folder)
    status = dataset_status(name, data_dir=folder)
    document = dataset_entry(info, status) | {
        "classes": list(info.classes),
        "scale": info.scale,
        "mean": list(info.mean),
        "std": list(info.std),
        "files": [
            {"name": file.name, "size_bytes": file.size_bytes, "md5": file.md5}
            for file in info.files
        ],
        "url": info.origin.url if info.origin else None,
        "source": info.source,
    }
    if json:
        emit_json("datasets-show", document)
        return
    kind = "features" if info.has_features else "images"
    classes = ", ".join(info.classes[:20]) + (", .." if len(info.classes) > 20 else "")
    emit_line(f"{info.name}: {info.title}")
    emit_line(f"  {info.n_train:,} train, {info.n_test:,} test")
    emit_line(f"  {kind} {'x'.join(map(str, info.shape))}, mean {info.mean}, std {info.std}")
    emit_line(f"  {len(info.classes)} classes: {classes}")
    for file in info.files:
        size = f"{file.size_bytes:,} bytes, " if file.size_bytes else ""
        emit_line(f"  {file.name}: {size}md5 {file.md5}")
    emit_line(f"  source: {info.source}")
    here = "yes" if status.is_found else f"no, {status.problem}"
    emit_line(f"  here: {here}")
    if not status.is_found:
        emit_line(f"  {info.how_to_get}")


def datasets_get(
    name: Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_data)],
    data_dir: DataDirOption = None,
    url: Annotated[
        str | None, typer.Option(help="Folder in the net with the same files: a mirror.")
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Fetch a data set, md5 sums checked; a fetch that was cut off goes on."""
    from nnmass.cli._fetching import watching_fetch
    from nnmass.data import dataset_info, fetch_dataset

    folder = data_folder(data_dir)
    if folder is None:
        raise SpecError("no folder to put the files into: give --data-dir DIR or set NNMASS_DATA")
    with watching_fetch(quiet=quiet or json) as watch:
        where = fetch_dataset(name, folder, url=url, watch=watch)
    info = dataset_info(name)
    if json:
        files = [str(where / file.name) for file in info.files]
        emit_json("datasets-get", {"name": info.name, "folder": str(where), "files": files})
        return
    emit_line(f"{info.name}: {len(info.files)} files in {where}, md5 sums right")


def datasets_check(
    name: Annotated[str, typer.Argument(help=NAME_HELP, autocompletion=complete_data)],
    data_dir: DataDirOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Check a data set to the last byte: md5 sums, counts, every image; exit 1 if it has faults."""
    from nnmass.data import check_dataset

    tell = None if quiet or json else say
    check = check_dataset(name, data_dir=data_folder(data_dir), tell=tell)
    if json:
        emit_json("datasets-check", check.to_dict())
    else:
        _emit_check(check)
    if not check.is_good:
        raise typer.Exit(NOT_MET)


def _emit_check(check: DatasetCheck) -> None:
    for fault in check.faults:
        emit_line(fault)
    verdict = "good" if check.is_good else f"{len(check.faults):,} faults"
    counts = (
        f"; {check.n_train:,} train and {check.n_test:,} test are whole" if check.n_train else ""
    )
    emit_line(f"{check.name}: {verdict}{counts}")
