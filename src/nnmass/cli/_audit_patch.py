"""`nnmass audit patch`: which images no patch can change, proven by votes over bands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnmass.cli._audit_patch_output import emit_patch, emit_patch_document, write_patch_files
from nnmass.cli._audit_patch_run import certified
from nnmass.cli._audit_voting import VotingSettings, voting_network
from nnmass.cli._completion import complete_data
from nnmass.cli._counting import ticking
from nnmass.cli._errors import NOT_MET, say
from nnmass.cli._network import DataDirOption
from nnmass.cli._output import JsonOption, QuietOption
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
from nnmass.errors import SpecError, whole_number

_PARAGRAPHS = (
    "The proof needs a network that was trained to vote on bands: the folder that --train wrote, "
    "or any network together with --train. Sizes of patches are at the network's input. With "
    "several thresholds the first half of the test images chooses, the other half is reported.",
    "Examples:",
    '  nnmass audit patch "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)" --data digits '
    "--bands column:2 --train --patch 1 --patch 2 --out voting",
    "  nnmass audit patch voting --data digits --patch 1x3 --html page.html",
)
PATCH_EPILOG = "\n\n".join(_PARAGRAPHS)


def audit_patch(
    model: Annotated[
        str,
        typer.Argument(
            help="A folder that --train wrote; or, with --train, any network.", show_default=False
        ),
    ],
    data: Annotated[
        str, typer.Option(help="Data set; see `nnmass datasets ls`.", autocompletion=complete_data)
    ] = "digits",
    data_dir: DataDirOption = None,
    patch: Annotated[
        list[str] | None,
        typer.Option(help="Side in pixels, or HEIGHTxWIDTH; may be repeated; 5 unless told."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="In (0, 1], or top-one; may be repeated; the network's own unless told."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Votes so near to the threshold count against a certificate.")
    ] = 0.0,
    bands: Annotated[
        str, typer.Option(help="With --train: column:PIXELS, row:, block: or both:PIXELS.")
    ] = "column:4",
    stride: Annotated[int, typer.Option(help="With --train: pixels between two bands.")] = 1,
    no_wrap: Annotated[
        bool, typer.Option("--no-wrap", help="With --train: bands end at the edges.")
    ] = False,
    is_trained_here: Annotated[
        bool, typer.Option("--train", help="Train the network to vote first.")
    ] = False,
    recipe: RecipeOption = "sgd",
    epochs: EpochsOption = None,
    set_: SetOption = None,
    seed: Annotated[int, typer.Option(help="Of first weights, bands and order.")] = 0,
    n_train: NTrainOption = None,
    n_test: NTestOption = None,
    attack: Annotated[
        int, typer.Option(help="Attack so many images as well (PGD), to see the gap.")
    ] = 0,
    require: Annotated[
        float | None,
        typer.Option(
            help="Certified accuracy in per cent that each patch must reach; else exit code 1.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for network, votes, certificates, page.", show_default=False),
    ] = None,
    resume: ResumeOption = False,
    html: Annotated[Path | None, typer.Option(help="File for the page with all of it.")] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Certify predictions against patches of any content at any place."""
    check_resume(resume, out)
    whole_number(attack, "--attack", low=0)
    patches = tuple(_patch(text) for text in patch or ["5"])
    thresholds = tuple(_threshold(text) for text in threshold or [])
    settings = read_recipe(recipe, epochs, set_)
    _check_votes(thresholds, tolerance)
    set_threads(threads)
    images = read_images(data, data_dir, n_train=n_train, n_test=n_test, quiet=quiet or json)
    voting = VotingSettings(
        patches=patches,
        bands=bands,
        stride=stride,
        wrap=not no_wrap,
        recipe=settings,
        seed=seed,
        resume=resume,
        device=device,
        is_trained_here=is_trained_here,
    )
    net, name, record = voting_network(model, images, voting, out=out, quiet=quiet or json)
    with ticking(quiet=quiet or json) as tick:
        done = certified(
            net,
            images,
            network=name,
            patches=patches,
            thresholds=thresholds or (net.threshold,),
            tolerance=tolerance,
            n_attacked=attack,
            seed=seed,
            device=device,
            tick=tick,
        )
    write_patch_files(done, record, out=out, html=html)
    if json:
        emit_patch_document(done, record)
    else:
        emit_patch(done, record)
    if require is not None and not done.meets(require / 100):
        say(f"not met: a certified accuracy of {require:g} % for every patch")
        raise typer.Exit(NOT_MET)


def _patch(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if not 1 <= len(sides) <= 2 or not all(side.strip().isdigit() for side in sides):
        raise SpecError(f"--patch must be PIXELS or HEIGHTxWIDTH, such as 5 or 3x7, got {text!r}")
    return int(sides[0]), int(sides[-1])


def _check_votes(thresholds: tuple[float | str, ...], tolerance: float) -> None:
    """What would be refused after the training is refused before it."""
    from nnmass.audit._patch._counted import checked_tolerance
    from nnmass.audit._patch._threshold import checked_threshold

    checked_tolerance(tolerance)
    for threshold in thresholds:
        checked_threshold(threshold)


def _threshold(text: str) -> float | str:
    try:
        return text if text == "top-one" else float(text)
    except ValueError:
        message = f"--threshold must be a number in (0, 1] or top-one, got {text!r}"
        raise SpecError(message) from None
