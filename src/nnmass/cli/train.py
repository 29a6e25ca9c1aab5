"""`nnmass train`: train the network of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._errors import say
from nnmass.cli._network import NETWORK_HELP, data_folder, read_network
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_table
from nnmass.cli._threads import ThreadsOption, set_threads
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from nnmass.runs import RunRecord
    from nnmass.train import Recipe

EPILOG = """Examples:

  nnmass train "dense-cnn(wm=1,d=10,t=20/40/60,in=1,image=8)" --data digits --out runs/a

  nnmass train designs/candidate-01.json --data cifar10 --data-dir ~/data --n-train 5000 --out b
"""


def train_verb(
    network: Annotated[str, typer.Argument(help=NETWORK_HELP)],
    data: Annotated[str, typer.Option(help="Data set; see `nnmass datasets ls`.")] = "digits",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the data sets; NNMASS_DATA unless told.")
    ] = None,
    recipe: Annotated[str, typer.Option(help="sgd, quick, adam, cifar or imagenet.")] = "sgd",
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE: another field of the recipe; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of links, weights, split and order.")] = 0,
    n_train: Annotated[
        int | None, typer.Option(help="Only so many training images, balanced over the classes.")
    ] = None,
    n_test: Annotated[int | None, typer.Option(help="Only so many test images.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: ThreadsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run: record, curve, resume point, best.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, or begin it.")
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train a network; stopped at any moment, it goes on from the last finished epoch."""
    spec = read_network(network)
    chosen = read_recipe(recipe, epochs, set_ or [])
    if resume and out is None:
        raise SpecError("--resume needs --out, the folder of the run to go on with")
    from nnmass.cli._progress import watching
    from nnmass.data import cache_folder, check_name, load_dataset, take
    from nnmass.train import train

    check_name(data)
    images = load_dataset(
        data,
        data_dir=data_folder(data_dir),
        cache_dir=cache_folder(),
        tell=None if quiet or json else say,
    )
    images = take(images, n_train=n_train, n_test=n_test, seed=0)
    set_threads(threads)
    try:
        with watching(quiet=quiet or json) as watch:
            result = train(
                spec,
                images,
                recipe=chosen,
                seed=seed,
                folder=out,
                resume=resume,
                device=device,
                on_step=lambda step: watch(spec.family, step, done=0, total=1),
            )
    except KeyboardInterrupt:
        if out is not None:
            say(f"\nstopped; finished epochs are in {out}: the same command with --resume goes on")
        raise
    if json:
        emit_json("train", {"record": result.record.to_dict(), "curve": list(result.curve)})
        return
    _emit_record(result.record)
    if out is not None:
        say(f"run in {out}; nnmass.load('{out / 'best'}') gives the network")


def read_recipe(name: str, epochs: int | None, settings: list[str]) -> Recipe:
    """The recipe called ``name`` with what ``--epochs`` and ``--set`` change."""
    from nnmass.train import recipe_named

    texts: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise SpecError(f"--set must be KEY=VALUE, such as lr=0.05, got {setting!r}")
        texts[key.strip()] = value.strip()
    if epochs is not None:
        texts["epochs"] = str(epochs)
    return recipe_named(name).replaced(texts)


def _emit_record(record: RunRecord) -> None:
    from nnmass.report import Column, Table, format_count, format_percent

    names = ("NN-Mass", "params", "MACs", "best epoch", "validation", "test", "test, last", "time")
    row = (
        record.spec,
        f"{record.mass:.2f}",
        format_count(record.params),
        format_count(record.macs),
        f"{record.best_epoch} of {record.epochs_done}",
        format_percent(record.validation_accuracy or 0.0),
        format_percent(record.test_accuracy or 0.0),
        format_percent(record.last_test_accuracy or 0.0),
        f"{record.train_seconds:.1f} s",
    )
    columns = (Column(name="network", align="left"), *(Column(name=name) for name in names))
    emit_table(Table(columns=columns, rows=(row,)))
