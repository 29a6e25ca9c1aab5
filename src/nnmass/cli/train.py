"""`nnmass train`: train the network of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnmass.cli._completion import complete_data, complete_network
from nnmass.cli._errors import say
from nnmass.cli._network import NETWORK_HELP, DataDirOption, read_network
from nnmass.cli._output import JsonOption, QuietOption, emit_json
from nnmass.cli._record_table import emit_record
from nnmass.cli._threads import ThreadsOption, set_threads
from nnmass.cli._training import (
    DeviceOption,
    EpochsOption,
    NTestOption,
    NTrainOption,
    RecipeOption,
    ResumeOption,
    SetOption,
    check_resume,
    read_images,
    read_recipe,
)

EPILOG = """Examples:

  nnmass train "dense-cnn(wm=1,d=10,t=20/40/60,in=1,image=8)" --data digits --out runs/a

  nnmass train designs/candidate-01.json --data cifar10 --data-dir ~/data --n-train 5000 --out b
"""


def train_verb(
    network: Annotated[str, typer.Argument(help=NETWORK_HELP, autocompletion=complete_network)],
    data: Annotated[
        str, typer.Option(help="Data set; see `nnmass datasets ls`.", autocompletion=complete_data)
    ] = "digits",
    data_dir: DataDirOption = None,
    recipe: RecipeOption = "sgd",
    epochs: EpochsOption = None,
    set_: SetOption = None,
    seed: Annotated[int, typer.Option(help="Of links, weights, split and order.")] = 0,
    n_train: NTrainOption = None,
    n_test: NTestOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run: record, curve, resume point, best.")
    ] = None,
    resume: ResumeOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train a network; stopped at any moment, it goes on from the last finished epoch."""
    spec = read_network(network)
    chosen = read_recipe(recipe, epochs, set_)
    check_resume(resume, out)
    from nnmass.cli._progress import watching
    from nnmass.train import train

    images = read_images(data, data_dir, n_train=n_train, n_test=n_test, quiet=quiet or json)
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
    emit_record(result.record)
    if out is not None:
        say(f"run in {out}; nnmass.load('{out / 'best'}') gives the network")
