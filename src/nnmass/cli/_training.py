"""Options and settings of the verbs that train: data, recipe, device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._completion import complete_device, complete_recipe
from nnmass.cli._errors import say
from nnmass.cli._network import data_folder
from nnmass.errors import SpecError

if TYPE_CHECKING:
    from torch import nn

    from nnmass.data import ImageData
    from nnmass.runs import RunRecord
    from nnmass.train import Objective, Recipe

RecipeOption = Annotated[
    str, typer.Option(help="sgd, quick, adam, cifar or imagenet.", autocompletion=complete_recipe)
]
EpochsOption = Annotated[int | None, typer.Option(help="Instead of the recipe's.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="KEY=VALUE: another field of the recipe; may be repeated."),
]
NTrainOption = Annotated[
    int | None, typer.Option(help="Only so many training images, balanced over the classes.")
]
NTestOption = Annotated[int | None, typer.Option(help="Only so many test images.")]
DeviceOption = Annotated[
    str, typer.Option(help="auto, cpu, cuda or cuda:N.", autocompletion=complete_device)
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in --out, or begin it.")
]


def read_images(
    name: str, data_dir: Path | None, *, n_train: int | None, n_test: int | None, quiet: bool
) -> ImageData:
    """The data set, or as much of it as is asked for."""
    from nnmass.data import cache_folder, check_name, load_dataset, take

    check_name(name)
    images = load_dataset(
        name,
        data_dir=data_folder(data_dir),
        cache_dir=cache_folder(),
        tell=None if quiet else say,
    )
    return take(images, n_train=n_train, n_test=n_test, seed=0)


def read_recipe(name: str, epochs: int | None, settings: list[str] | None) -> Recipe:
    """The recipe with what ``--epochs`` and ``--set`` change."""
    from nnmass.train import recipe_named

    texts: dict[str, str] = {}
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals:
            raise SpecError(f"--set must be KEY=VALUE, such as lr=0.05, got {setting!r}")
        texts[key.strip()] = value.strip()
    if epochs is not None:
        texts["epochs"] = str(epochs)
    return recipe_named(name).replaced(texts)


def check_resume(resume: bool, out: Path | None) -> None:
    """A run that goes on lies somewhere."""
    if resume and out is None:
        raise SpecError("--resume needs --out, the folder of the run to go on with")


def trained_copy(
    net: nn.Module,
    data: ImageData,
    *,
    name: str,
    recipe: Recipe,
    seed: int,
    folder: Path | None,
    resume: bool,
    device: str,
    quiet: bool,
    objective: Objective | None = None,
) -> tuple[nn.Module, RunRecord]:
    """`nnmass.train.train_module`, with its progress shown."""
    from nnmass.cli._progress import watching
    from nnmass.train import train_module

    with watching(quiet=quiet) as watch:
        result = train_module(
            net,
            data,
            subject=name,
            objective=objective,
            recipe=recipe,
            seed=seed,
            folder=folder,
            resume=resume,
            device=device,
            on_step=lambda step: watch(name, step, done=0, total=1),
        )
    return result.net, result.record
