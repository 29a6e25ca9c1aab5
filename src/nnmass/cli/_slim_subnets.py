"""`nnmass slim subnets`: nested sub-networks of a network, chosen, trained together, timed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnmass.cli._completion import complete_data, complete_network
from nnmass.cli._errors import say
from nnmass.cli._inspection import read_shape
from nnmass.cli._network import ANY_NETWORK_HELP, DataDirOption
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_table
from nnmass.cli._slim_levels import LevelRequest, level_rows, make_levels, read_shares
from nnmass.cli._threads import ThreadsOption, set_threads
from nnmass.cli._training import (
    DeviceOption,
    EpochsOption,
    NTestOption,
    NTrainOption,
    RecipeOption,
    ResumeOption,
    SetOption,
    read_images,
    read_recipe,
)
from nnmass.errors import SpecError

_PARAGRAPHS = (
    "Without --data, levels are chosen and priced, and nothing is trained. With it, a network "
    "without weights of its own is trained first (the background), since channels are ranked by "
    "weights; then all levels are trained together.",
    "Examples:",
    '  nnmass slim subnets "resnet(depth=18)" --widths 1,.75,.5,.25 --latency',
    "  nnmass slim subnets runs/a/best --data digits --method norm --out runs/levels",
)
SUBNETS_EPILOG = "\n\n".join(_PARAGRAPHS)


def slim_subnets(
    network: Annotated[
        str, typer.Argument(metavar="NET", help=ANY_NETWORK_HELP, autocompletion=complete_network)
    ],
    levels: Annotated[
        int | None, typer.Option(help="How many, the whole network with them; 4 unless told.")
    ] = None,
    widths: Annotated[
        str | None,
        typer.Option(help="Shares of the channels, such as 1,.75,.5,.25; even steps unless told."),
    ] = None,
    method: Annotated[
        str, typer.Option(help="uniform, norm, greedy or mass; all at the MACs of --widths.")
    ] = "uniform",
    importance: Annotated[
        str, typer.Option(help="By what channels stay: l1, l2, gamma, group, consumer, taylor.")
    ] = "l2",
    divisor: Annotated[int, typer.Option(help="Widths are multiples of it.")] = 8,
    input_: Annotated[
        str | None, typer.Option("--input", help="Sizes of one image, where NET does not tell.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Data set to train all levels on together.", autocompletion=complete_data
        ),
    ] = None,
    data_dir: DataDirOption = None,
    recipe: RecipeOption = "sgd",
    epochs: EpochsOption = None,
    set_: SetOption = None,
    rule: Annotated[
        str, typer.Option(help="Levels that a batch goes through: sandwich, all or single.")
    ] = "sandwich",
    seed: Annotated[int, typer.Option(help="Of weights, split and order.")] = 0,
    n_train: NTrainOption = None,
    n_test: NTestOption = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="Time every level on this machine, exported.")
    ] = False,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the family, its latencies and its trainings.")
    ] = None,
    resume: ResumeOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Several networks in one: choose nested levels, train them together, time each."""
    if resume and (out is None or data is None):
        raise SpecError("--resume goes on with a training: it needs --out and --data")
    request = LevelRequest(
        network=network,
        input_shape=None if input_ is None else read_shape(input_),
        widths=read_shares(levels, widths),
        method=method,
        importance=importance,
        divisor=divisor,
        recipe=read_recipe(recipe, epochs, set_),
        rule=rule,
        seed=seed,
        is_timed=latency,
        device=device,
        out=out,
        resume=resume,
        quiet=quiet or json,
    )
    set_threads(threads)
    images = None
    if data is not None:
        images = read_images(data, data_dir, n_train=n_train, n_test=n_test, quiet=quiet or json)
    made = make_levels(request, images)
    if json:
        emit_json("slim-subnets", made.to_dict())
        return
    from nnmass.report import levels_table

    emit_table(levels_table(level_rows(made)))
    if out is not None:
        say(f"saved to {out}; nnmass.slim.load opens it")
