"""`nnmass demo`: the main job from start to end, on embedded real data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnmass.cli._errors import say
from nnmass.cli._output import (
    JsonOption,
    QuietOption,
    emit_json,
    emit_line,
    emit_table,
    json_text,
)
from nnmass.cli._threads import ThreadsOption, set_threads

if TYPE_CHECKING:
    from nnmass.data import ImageData
    from nnmass.studies import Arm, EqualMassResult
    from nnmass.train import Recipe, Step

EPILOG = """Examples:

  nnmass demo

  nnmass demo --seeds 5 --out results/demo --json
"""

REFERENCE = "dense-cnn(wm=1,d=21,t=20/40/60,in=1,image=8)"
"""The deep network that the demo compresses, for the 8x8 digits."""


def demo_verb(
    out: Annotated[Path, typer.Option(help="Folder of the report and the results.")] = Path("demo"),
    seeds: Annotated[int, typer.Option(help="Trainings of each network.")] = 3,
    epochs: Annotated[int, typer.Option(help="Epochs of each training.")] = 12,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Compress a deep network by its mass, train it beside two others, and say what came of it."""
    from nnmass.data import load_dataset
    from nnmass.report import report_equal_mass, write_report
    from nnmass.runs import write_atomic
    from nnmass.studies import plan_equal_mass
    from nnmass.train import Recipe

    is_talking = not (quiet or json)
    arms = plan_equal_mass(REFERENCE)
    if is_talking:
        _say_plan(arms)
    set_threads(threads)
    recipe = Recipe(epochs=epochs)
    result = _run(arms, load_dataset("digits"), recipe, n_seeds=seeds, quiet=not is_talking)
    document, page = result.to_dict(), out / "report.html"
    write_atomic(out / "demo.json", json_text(document))
    write_report(report_equal_mass(result), page)
    if json:
        emit_json("demo", document | {"report": str(page)})
        return
    _emit(result)
    say(f"report: {page}   numbers: {out / 'demo.json'}")


def _say_plan(arms: Sequence[Arm]) -> None:
    from nnmass.report import format_count

    say("Digits (8x8, real). Designed before any training:")
    for arm in arms:
        c = arm.candidate
        say(f"  {arm.role:9s}  {c.spec}  mass {c.mass:.1f}, {format_count(c.params)} params")


def _run(
    arms: Sequence[Arm], data: ImageData, recipe: Recipe, *, n_seeds: int, quiet: bool
) -> EqualMassResult:
    from nnmass.cli._progress import watching
    from nnmass.studies import run_equal_mass

    roles = [arm.role for arm in arms]
    with watching(quiet=quiet) as watch:

        def on_step(arm: Arm, seed: int, step: Step) -> None:
            done = roles.index(arm.role) * n_seeds + seed
            label = f"{arm.role:9s} seed {seed}"
            watch(label, step, done=done, total=len(arms) * n_seeds)

        return run_equal_mass(arms, data, recipe=recipe, n_seeds=n_seeds, on_step=on_step)


def _emit(result: EqualMassResult) -> None:
    from nnmass.report import equal_mass_table

    emit_table(equal_mass_table(result))
    emit_line()
    emit_line(result.verdict())
