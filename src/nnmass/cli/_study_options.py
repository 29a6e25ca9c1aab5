"""Options that several verbs of `nnmass study` share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._network import data_folder

if TYPE_CHECKING:
    from nnmass.studies import Engine, Study

FileArgument = Annotated[Path, typer.Argument(help="The study: a TOML file.", metavar="FILE")]
FolderArgument = Annotated[Path, typer.Argument(help="Folder of the study.", metavar="FOLDER")]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="The small version that the file's [quick] describes.")
]
EngineOption = Annotated[
    str | None, typer.Option(help="local or ray; the file's unless told.", show_default=False)
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="Of a Ray cluster: HOST:PORT, ray://HOST:PORT or auto; without it, one of this "
        "machine's own.",
        show_default=False,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(help="Trainings at once; as many as cores unless told.", show_default=False),
]
WorkerThreadsOption = Annotated[
    int | None,
    typer.Option(help="CPU threads of each; cores / workers unless told.", show_default=False),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(help="auto, cpu, cuda or cuda:N; the file's unless told.", show_default=False),
]


def chosen_study(
    study: Study,
    *,
    engine: str | None,
    address: str | None,
    workers: int | None,
    threads: int | None,
    device: str | None,
) -> tuple[Study, Engine]:
    """The study and its engine with what the command line says."""
    from nnmass.studies import make_engine

    settings = study.engine
    if engine is not None and engine != settings.name:
        settings = replace(settings, name=engine, address=None)
    given = {"address": address, "workers": workers, "threads": threads, "device": device}
    told = {key: value for key, value in given.items() if value is not None}
    settings = replace(settings, **told)  # type: ignore[arg-type]
    return replace(study, engine=settings), make_engine(settings)


def data_dir_of(option: Path | None) -> Path | None:
    """The data folder, as one that holds wherever a worker runs."""
    folder = data_folder(option)
    return None if folder is None else folder.absolute()
