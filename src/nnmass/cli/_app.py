"""The application: its verbs, and what holds for all of them."""

from __future__ import annotations

from typing import Annotated

import typer

from nnmass.cli import (
    audit,
    datasets,
    demo,
    design,
    doctor,
    explore,
    inspect,
    mass,
    nets,
    predict,
    probe,
    probes,
    report,
    slim,
    study,
    train,
)
from nnmass.cli._build_facts import version_text
from nnmass.cli._errors import reporting
from nnmass.cli._study_fit import FIT_EPILOG, study_fit

app = typer.Typer(
    name="nnmass",
    help="Tells which convolutional network to train, before any training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(version_text())  # noqa: T201
        raise typer.Exit


@app.callback(
    epilog='Start with `nnmass demo`, or `nnmass mass "dense-cnn(wm=2,d=13,t=40/80/125)"`.'
)
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Version, commit, Python, torch.",
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
app.command("doctor", epilog=doctor.EPILOG)(reporting(doctor.doctor_verb))

app.command("explore", epilog=explore.EPILOG)(reporting(explore.explore_verb))
app.command("report", epilog=report.EPILOG)(reporting(report.report_verb))

_nets = typer.Typer(help="The families of networks: ls, show.", no_args_is_help=True)
_nets.command("ls", epilog=nets.LS_EPILOG)(reporting(nets.nets_ls))
_nets.command("show", epilog=nets.SHOW_EPILOG)(reporting(nets.nets_show))
app.add_typer(_nets, name="nets")

_probes = typer.Typer(help="What can be measured: ls, show.", no_args_is_help=True)
_probes.command("ls", epilog=probes.LS_EPILOG)(reporting(probes.probes_ls))
_probes.command("show", epilog=probes.SHOW_EPILOG)(reporting(probes.probes_show))
app.add_typer(_probes, name="probes")

app.add_typer(slim.app, name="slim")
app.add_typer(audit.app, name="audit")

_study = typer.Typer(
    help="Many trainings as one: run, resume, check, ls, show, export, fit.", no_args_is_help=True
)
_study.command("run", epilog=study.RUN_EPILOG)(reporting(study.study_run))
_study.command("resume", epilog=study.RESUME_EPILOG)(reporting(study.study_resume))
_study.command("check", epilog=study.CHECK_EPILOG)(reporting(study.study_check))
_study.command("ls", epilog=study.LS_EPILOG)(reporting(study.study_ls))
_study.command("show", epilog=study.SHOW_EPILOG)(reporting(study.study_show))
_study.command("export", epilog=study.EXPORT_EPILOG)(reporting(study.study_export))
_study.command("fit", epilog=FIT_EPILOG)(reporting(study_fit))
app.add_typer(_study, name="study")

_datasets = typer.Typer(help="The data sets: ls, show, get, check.", no_args_is_help=True)
_datasets.command("ls", epilog=datasets.LS_EPILOG)(reporting(datasets.datasets_ls))
_datasets.command("show", epilog=datasets.SHOW_EPILOG)(reporting(datasets.datasets_show))
_datasets.command("get", epilog=datasets.GET_EPILOG)(reporting(datasets.datasets_get))
_datasets.command("check", epilog=datasets.CHECK_EPILOG)(reporting(datasets.datasets_check))
app.add_typer(_datasets, name="datasets")
