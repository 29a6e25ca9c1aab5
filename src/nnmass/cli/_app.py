"""The application: its verbs, and what holds for all of them."""

from __future__ import annotations

from typing import Annotated

import typer

from nnmass._version import __version__
from nnmass.cli import datasets, demo, design, inspect, mass, nets, predict, probe, probes, train
from nnmass.cli._errors import reporting

app = typer.Typer(
    name="nnmass",
    help="Tells which convolutional network to train, before any training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nnmass {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback(
    epilog='Start with `nnmass demo`, or `nnmass mass "dense-cnn(wm=2,d=13,t=40/80/125)"`.'
)
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Tells which convolutional network to train, before any training."""


app.command("mass", epilog=mass.EPILOG)(reporting(mass.mass))
app.command("inspect", epilog=inspect.EPILOG)(reporting(inspect.inspect_verb))
app.command("probe", epilog=probe.EPILOG)(reporting(probe.probe_verb))
app.command("design", epilog=design.EPILOG)(reporting(design.design_verb))
app.command("predict", epilog=predict.EPILOG)(reporting(predict.predict_verb))
app.command("train", epilog=train.EPILOG)(reporting(train.train_verb))
app.command("demo", epilog=demo.EPILOG)(reporting(demo.demo_verb))

_nets = typer.Typer(help="The families of networks: ls, show.", no_args_is_help=True)
_nets.command("ls", epilog=nets.LS_EPILOG)(reporting(nets.nets_ls))
_nets.command("show", epilog=nets.SHOW_EPILOG)(reporting(nets.nets_show))
app.add_typer(_nets, name="nets")

_probes = typer.Typer(help="What can be measured: ls, show.", no_args_is_help=True)
_probes.command("ls", epilog=probes.LS_EPILOG)(reporting(probes.probes_ls))
_probes.command("show", epilog=probes.SHOW_EPILOG)(reporting(probes.probes_show))
app.add_typer(_probes, name="probes")

_datasets = typer.Typer(help="The data sets: ls.", no_args_is_help=True)
_datasets.command("ls", epilog=datasets.LS_EPILOG)(reporting(datasets.datasets_ls))
app.add_typer(_datasets, name="datasets")
