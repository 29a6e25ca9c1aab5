"""`nnmass study`: many trainings that are resumed, shown and exported as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._errors import CANNOT, say
from nnmass.cli._network import DataDirOption
from nnmass.cli._output import JsonOption, QuietOption
from nnmass.cli._study_options import (
    AddressOption,
    DeviceOption,
    EngineOption,
    FileArgument,
    FolderArgument,
    QuickOption,
    WorkersOption,
    WorkerThreadsOption,
    chosen_study,
    data_dir_of,
)
from nnmass.cli._study_progress import watching_study
from nnmass.cli._study_tables import emit_list, emit_plan, emit_study
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.runs import StoredStudy

RUN_EPILOG = """Examples:

  nnmass study run studies/mnist-mlp.toml --quick

  nnmass study run studies/cifar10.toml --engine ray --address 10.0.0.1:6379 --json
"""
RESUME_EPILOG = """Examples:

  nnmass study resume mnist-mlp

  nnmass study resume mnist-mlp --retry-failed --workers 1 --json
"""
CHECK_EPILOG = """Examples:

  nnmass study check studies/mnist-mlp.toml

  nnmass study check studies/mnist-mlp.toml --quick --json
"""
LS_EPILOG = """Examples:

  nnmass study ls

  nnmass study ls runs --json
"""
SHOW_EPILOG = """Examples:

  nnmass study show mnist-mlp

  nnmass study show mnist-mlp --json
"""
EXPORT_EPILOG = """Examples:

  nnmass study export mnist-mlp results/mnist-mlp.csv

  nnmass study export mnist-mlp --to json   # on stdout; study show has --json as well
"""


def study_run(
    file: FileArgument,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the study; its name unless told.", show_default=False),
    ] = None,
    quick: QuickOption = False,
    engine: EngineOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    threads: WorkerThreadsOption = None,
    device: DeviceOption = None,
    data_dir: DataDirOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Run a study, or what is left of it; stopped at any moment, it goes on where it was."""
    from nnmass.studies import default_folder, read_study_file, run_study

    study, where = chosen_study(
        read_study_file(file, quick=quick),
        engine=engine,
        address=address,
        workers=workers,
        threads=threads,
        device=device,
    )
    folder = out if out is not None else default_folder(study)
    with _resumable(folder), watching_study(quiet=quiet or json) as watch:
        stored = run_study(
            study, out=folder, engine=where, data_dir=data_dir_of(data_dir), on_event=watch
        )
    _end(stored, json=json)


def study_resume(
    folder: FolderArgument,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Train those that failed as well.")
    ] = False,
    engine: EngineOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    threads: WorkerThreadsOption = None,
    device: DeviceOption = None,
    data_dir: DataDirOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Go on with a study, as it was asked for."""
    from nnmass.runs import read_study
    from nnmass.studies import resume_study, study_of

    study, where = chosen_study(
        study_of(read_study(folder)),
        engine=engine,
        address=address,
        workers=workers,
        threads=threads,
        device=device,
    )
    with _resumable(folder), watching_study(quiet=quiet or json) as watch:
        stored = resume_study(
            folder,
            engine=where,
            device=study.engine.device,
            data_dir=data_dir_of(data_dir),
            retry_failed=retry_failed,
            on_event=watch,
        )
    _end(stored, json=json)


def study_check(
    file: FileArgument,
    quick: QuickOption = False,
    engine: EngineOption = None,
    address: AddressOption = None,
    device: DeviceOption = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    """Check a study: its file, its networks, its data, its workers; nothing is started."""
    from nnmass.studies import check_study, read_study_file

    study, where = chosen_study(
        read_study_file(file, quick=quick),
        engine=engine,
        address=address,
        workers=None,
        threads=None,
        device=device,
    )
    emit_plan(check_study(study, data_dir=data_dir_of(data_dir), engine=where), json=json)


def study_ls(
    folder: Annotated[Path, typer.Argument(help="Folder to look into.")] = Path(),
    json: JsonOption = False,
) -> None:
    """List the studies in a folder and in the folders within it."""
    from nnmass.runs import STORE_FILE, read_study

    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise SpecError(f"{folder} {what}: give the folder that holds studies")
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = [read_study(place) for place in places if (place / STORE_FILE).is_file()]
    emit_list(found, json=json)
    if not found:
        say(f"no studies in {folder}; `nnmass study run FILE` begins one")


def study_show(folder: FolderArgument, json: JsonOption = False) -> None:
    """Show a study, also while it runs: each network over its seeds."""
    from nnmass.runs import read_study

    emit_study(read_study(folder), json=json)


def study_export(
    folder: FolderArgument,
    target: Annotated[
        Path | None,
        typer.Argument(help="File, or folder for tensorboard; stdout unless told.", metavar="FILE"),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="csv, json, parquet, mlflow (an SQLite file) or tensorboard; what FILE's name "
            "says unless told.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the table of a study, one row a trial, for other programs."""
    from nnmass.runs import read_study
    from nnmass.studies import export_study, export_text

    stored = read_study(folder)
    if target is None:
        print(export_text(stored, to or "csv"), end="")  # noqa: T201
        return
    export_study(stored, target, to=to)
    say(f"{len(stored.results)} trials of {stored.name} in {target}")


@contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"\nstopped; what is finished is in {folder}: `nnmass study resume {folder}` goes on")
        raise


def _end(stored: StoredStudy, *, json: bool) -> None:
    emit_study(stored, json=json)
    counts = stored.counts
    if counts["failed"]:
        say(f"`nnmass study resume {stored.folder} --retry-failed` trains the failed ones again")
    if counts["failed"] and not counts["done"]:
        raise typer.Exit(CANNOT)
