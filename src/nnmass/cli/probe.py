"""`nnmass probe`: measuring networks before any training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from nnmass.cli._completion import (
    complete_data_or_noise,
    complete_device,
    complete_measurement,
    complete_network,
)
from nnmass.cli._errors import INTERRUPTED, say
from nnmass.cli._inspection import networks_of, read_shape
from nnmass.cli._network import NETWORKS_HELP, DataDirOption, data_folder
from nnmass.cli._output import JsonOption, QuietOption
from nnmass.cli._probe_csv import probes_csv
from nnmass.cli._probe_output import (
    emit_probe_document,
    emit_probes,
    say_probe_failures,
    write_figures,
    write_page,
)
from nnmass.cli._probe_settings import ImageSource, ProbeSettings, read_probes
from nnmass.cli._probing import Probing, probe_outcome, probed
from nnmass.cli._threads import ThreadsOption, set_threads
from nnmass.errors import SpecError

_PARAGRAPHS = (
    "Networks that are drawn are measured over several initialisations; the folder of a saved "
    "network is measured with its weights.",
    "Exit code: 0 done; 2 where nothing could be measured, for what was typed; 3 where something "
    "could not, or something is missing here, such as a data set.",
    "Examples:",
    '  nnmass probe "dense-mlp(w=8,d=16,t=8,in=64)" --data digits --svg layers.svg',
    '  nnmass probe "dense-mlp(w=8,d="{16,24,32}",t="{0..12}")" --html page.html',
)
EPILOG = "\n\n".join(_PARAGRAPHS)


def probe_verb(
    networks: Annotated[
        list[str],
        typer.Argument(help=NETWORKS_HELP, show_default=False, autocompletion=complete_network),
    ],
    probe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            autocompletion=complete_measurement,
            help="ldi, flow, baselines, latency or theory; may be repeated. ldi unless told.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="noise, or a data set; see `nnmass datasets ls`.",
            autocompletion=complete_data_or_noise,
        ),
    ] = "noise",
    data_dir: DataDirOption = None,
    n_images: Annotated[
        int, typer.Option(help="Training images, balanced over the classes.")
    ] = 100,
    pixels: Annotated[
        Literal["normalised", "unit"] | None,
        typer.Option(
            metavar="HOW",
            help="normalised, as in training (unless told), or unit: in [0, 1].",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Initialisations of each network.")] = 5,
    batch_norm: Annotated[
        Literal["batch", "running"] | None,
        typer.Option(
            metavar="WHICH",
            help="Statistics of batch norms: batch, as when training starts, or running. Each "
            "probe its own choice unless told.",
            show_default=False,
        ),
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="CxHxW",
            help="Sizes of one input, where the network does not tell.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="flow: so many steps of training as well.")] = 0,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="ldi: as the released code, with its defects.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(help="ldi: error of estimates, relative; large layers are estimated.")
    ] = 0.01,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or cuda:N.", autocompletion=complete_device)
    ] = "auto",
    threads: ThreadsOption = None,
    csv: Annotated[
        Path | None, typer.Option(help="File with one row a network, kept while they are probed.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="File for the drawing.")] = None,
    html: Annotated[Path | None, typer.Option(help="File for a page with all of it.")] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Layer Jacobians, gradient flow, baselines, latency: networks measured before training."""
    probes = read_probes(probe or ())
    shape = None if input_ is None else read_shape(input_)
    _check_files(csv=csv, svg=svg, html=html)
    from nnmass.train import resolve_device

    set_threads(threads)
    settings = ProbeSettings(
        probes=probes,
        images=ImageSource(data, n_images, pixels, data_folder(data_dir), quiet=quiet or json),
        input_shape=shape,
        n_seeds=seeds,
        batch_norm=batch_norm,
        steps=steps,
        is_legacy=legacy,
        tolerance=tolerance,
        device=str(resolve_device(device)),
    )
    asked = networks_of(networks)
    done, is_interrupted = probed(asked, settings, keep=partial(_keep, csv), quiet=quiet)
    if json:
        emit_probe_document(done, settings)
    else:
        emit_probes(done)
    say_probe_failures(done, is_single=len(asked) == 1)
    _write(done, settings, csv=csv, svg=svg, html=html)
    if is_interrupted:
        say(f"interrupted: {len(done)} of {len(asked)} networks were done")
        raise typer.Exit(INTERRUPTED)
    if code := probe_outcome(done):
        raise typer.Exit(code)


def _check_files(**files: Path | None) -> None:
    """Before hours of work: can the results go where they shall?"""
    for option, path in files.items():
        if path is not None and (path.is_dir() or not path.name):
            raise SpecError(f"--{option} must be the name of a file, got {str(path)!r}")
    taken = [path.absolute() for path in files.values() if path is not None]
    if len(set(taken)) < len(taken):
        raise SpecError("--csv, --svg and --html name the same file: give each its own")


def _keep(csv: Path | None, done: Sequence[Probing]) -> None:
    """Write what is done so far."""
    from nnmass.runs import write_atomic

    if csv is not None:
        write_atomic(csv, probes_csv(done))


def _write(
    done: Sequence[Probing],
    settings: ProbeSettings,
    *,
    csv: Path | None,
    svg: Path | None,
    html: Path | None,
) -> None:
    if csv is not None and done:
        _keep(csv, done)
        say(f"wrote {csv}")
    if svg is not None:
        write_figures(done, svg)
    if html is not None:
        write_page(done, settings, html)
