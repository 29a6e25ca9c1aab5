"""`nnmass study fit`: what the accuracies of a study follow, and a model that predicts them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._errors import say
from nnmass.cli._output import JsonOption, QuietOption, emit_json, emit_line, emit_table

if TYPE_CHECKING:
    from nnmass.studies import StudyFit, StudyTable

_PARAGRAPHS = (
    "Intervals are percentile bootstrap intervals over configurations, a configuration with all "
    "its seeds. Baselines (params, MACs) come first.",
    "Exit code: 0 done; 2 where the table cannot be fitted; 3 where it cannot be read.",
    "Examples:",
    "  nnmass study fit results/mnist.csv --out mnist-fit.json",
    "  nnmass study fit synthetic-mlp --data 'segments(20)' --json",
)
FIT_EPILOG = "\n\n".join(_PARAGRAPHS)


def study_fit(
    path: Annotated[Path, typer.Argument(help="A CSV file, or a study's folder.")],
    outcome: Annotated[
        str, typer.Option(help="The column to explain; accuracy finds test_accuracy and top1.")
    ] = "accuracy",
    data: Annotated[
        str | None,
        typer.Option(
            help="Take this data set's rows, where there are several.", show_default=False
        ),
    ] = None,
    terms: Annotated[
        str | None,
        typer.Option(
            help="Of the model, such as 'ln mass + ln params'; chosen unless told.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[int, typer.Option(help="Of the regret of the top networks.")] = 5,
    level: Annotated[float, typer.Option(help="Of the bootstrap intervals.")] = 0.95,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="File for the model that predicts.", show_default=False)
    ] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """How well mass, params and MACs explain the accuracies of a study, and how sure that is."""
    from nnmass.studies import fit_accuracy, read_terms

    chosen = None if terms is None else read_terms(terms)
    fit = fit_accuracy(
        read_table(path, outcome=outcome, data=data),
        top=top,
        terms=chosen,
        level=level,
        n_resamples=resamples,
        seed=seed,
    )
    if out is not None:
        fit.model.save(out)
    if json:
        emit_json("study-fit", {"path": str(path), **fit.to_dict()})
    else:
        emit_fit(fit)
    if out is not None and not quiet:
        say(f"wrote {out}; use it with: nnmass predict NETWORK --fit {out}")


def read_table(path: Path, *, outcome: str, data: str | None) -> StudyTable:
    """The table of a CSV file, or of a study's folder."""
    from nnmass.runs import read_study
    from nnmass.studies import read_study_table, study_table

    if not path.is_dir():
        return read_study_table(path, outcome=outcome, data=data)
    rows = read_study(path).to_rows()
    return study_table(rows, outcome=outcome, data=data, where=str(path))


def emit_fit(fit: StudyFit) -> None:
    """Both tables, the model and the notes."""
    from nnmass.report import fit_tables

    for rank, table in enumerate(fit_tables(fit)):
        if rank:
            emit_line()
        emit_table(table)
    state = fit.model.state
    assert state is not None
    emit_line()
    emit_line(f"model: {' + '.join(fit.model.terms or ())}, intervals by {state.held_out} left out")
    emit_line(
        f"[..]: {100 * fit.level:g} % bootstrap intervals over configurations, "
        f"{fit.n_resamples} resamples, seed {fit.seed}. new depth (width): R2 of predictions "
        f"for depths (widths) left out. regret: best minus the best of the top {fit.top}."
    )
    for note in fit.notes:
        emit_line(f"note: {note}")
