"""`nnmass audit bits`: how few flipped bits of the last layer plant a trojan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._completion import complete_data
from nnmass.cli._counting import ticking
from nnmass.cli._errors import NOT_MET, say
from nnmass.cli._network import DataDirOption
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_line, emit_table
from nnmass.cli._threads import ThreadsOption, set_threads
from nnmass.cli._training import DeviceOption, NTestOption, read_images
from nnmass.errors import SpecError

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from nnmass.audit import BitAudit
    from nnmass.data import ImageData

_PARAGRAPHS = (
    "Works on a copy in memory: nothing is flipped anywhere, and no attacked model is kept. The "
    "network is quantised to 8 bits as deployed, at one frozen scale for each layer. Searches see "
    "training images, test images judge them.",
    "Examples:",
    "  nnmass audit bits runs/a/best --data digits --html bits.html",
    "  nnmass audit bits runs/a/best --data digits --target 2 --place centre --require 10",
)
BITS_EPILOG = "\n\n".join(_PARAGRAPHS)


def audit_bits(
    model: Annotated[
        str,
        typer.Argument(
            help="The folder of a saved network, or package.module:factory.", show_default=False
        ),
    ],
    data: Annotated[
        str, typer.Option(help="Data set; see `nnmass datasets ls`.", autocompletion=complete_data)
    ] = "digits",
    data_dir: DataDirOption = None,
    target: Annotated[
        list[int] | None,
        typer.Option(help="The attacker's class; may be repeated; all unless told."),
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option(help="bottom-right, top-left or centre; may be repeated; all unless told."),
    ] = None,
    sticker: Annotated[
        int | None,
        typer.Option(help="Side in pixels; a tenth of the area unless told.", show_default=False),
    ] = None,
    weights: Annotated[
        list[int] | None,
        typer.Option(help="Of the published search; may be repeated; 10, 24, 150 unless told."),
    ] = None,
    goal: Annotated[float, typer.Option(help="Per cent of images that make a trojan.")] = 90.0,
    tolerance: Annotated[float, typer.Option(help="Points of accuracy that it may cost.")] = 5.0,
    n_audit: Annotated[int, typer.Option(help="Images that a search sees.")] = 128,
    seeds: Annotated[int, typer.Option(help="Draws of those images.")] = 1,
    is_raw: Annotated[
        bool, typer.Option("--raw", help="The network takes pixels in [0, 1] as they are.")
    ] = False,
    no_mitigations: Annotated[
        bool, typer.Option("--no-mitigations", help="Leave their measurement out.")
    ] = False,
    floating_scale: Annotated[
        bool,
        typer.Option("--floating-scale", help="Also count as the released code does; flagged."),
    ] = False,
    n_test: NTestOption = None,
    require: Annotated[
        int | None,
        typer.Option(
            help="Proven floor of the layer for every class; else exit code 1.", show_default=False
        ),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    html: Annotated[Path | None, typer.Option(help="File for a page to hand on.")] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Bound from both sides how many flipped bits implant a trojan, and measure mitigations."""
    set_threads(threads)
    images = read_images(data, data_dir, n_train=None, n_test=n_test, quiet=quiet or json)
    net = _opened(model, images, is_raw=is_raw)
    from nnmass.audit import bit_trojan

    pixels = (_scaled(part, images) for part in (images.train_images, images.test_images))
    train, test = pixels
    with ticking(quiet=quiet or json) as tick:
        done = bit_trojan(
            net,
            audit=(train, images.train_labels),
            evaluation=(test, images.test_labels),
            targets=target or None,
            n_weights=tuple(weights or (10, 24, 150)),
            places=tuple(place or ("bottom-right", "top-left", "centre")),
            trigger_px=sticker,
            seeds=tuple(range(seeds)),
            n_audit=n_audit,
            goal=goal / 100,
            tolerance=tolerance / 100,
            mitigations=not no_mitigations,
            emulate_floating_scale=floating_scale,
            network=model,
            device=device,
            on_progress=tick,
        )
    if html is not None:
        from nnmass.report import report_bits, write_report

        command = " ".join(["nnmass", *sys.argv[1:]])
        write_report(report_bits(done, provenance={"command": command, "data": data}), html)
        say(f"page in {html}")
    if json:
        emit_json("audit-bits", done.to_dict())
    else:
        _emit(done)
    if require is not None and not _meets(done, require):
        say(f"not met: a proven floor of {require} flips in the last layer for every class")
        raise typer.Exit(NOT_MET)


def _opened(model: str, images: ImageData, *, is_raw: bool) -> nn.Module:
    from nnmass.audit import with_normalisation
    from nnmass.nets import has_weights, open_network

    if images.info.has_features or len(images.info.shape) != 3:
        raise SpecError(f"{images.info.name} has no images: a sticker needs some")
    if ":" not in model and not has_weights(model):
        raise SpecError(
            f"{model!r} is not trained, so that its audit would say nothing: name the folder of a "
            "saved network, such as runs/a/best of `nnmass train --out runs/a`"
        )
    net = open_network(model, weights=True).model
    return net if is_raw else with_normalisation(net, images.info.mean, images.info.std)


def _scaled(pixels: np.ndarray, images: ImageData) -> np.ndarray:
    scaled: np.ndarray = pixels.astype("float32") / images.info.scale
    return scaled


def _meets(audit: BitAudit, least: int) -> bool:
    floors = (audit.layer_floor_of(target) for target in audit.targets)
    return all(floor is None or floor >= least for floor in floors)


def _emit(audit: BitAudit) -> None:
    from nnmass.report import bits_line, bits_table, emulated_table, mitigations_table

    emit_table(bits_table(audit))
    if any(case.emulated for case in audit.cases):
        emit_line()
        emit_table(emulated_table(audit))
    if audit.mitigations:
        emit_line()
        emit_table(mitigations_table(audit))
    emit_line()
    emit_line(bits_line(audit))
    for line in audit.recommendations:
        emit_line(f"- {line}")
    for note in audit.notes:
        emit_line(f"note: {note}")
