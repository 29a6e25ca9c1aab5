"""Studies as people read them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nnmass.cli._errors import say
from nnmass.cli._output import emit_json, emit_line, emit_table

if TYPE_CHECKING:
    from nnmass.runs import StoredStudy
    from nnmass.studies import StudyPlan

_MOST_REASONS = 5


def emit_study(stored: StoredStudy, *, json: bool) -> None:
    """A study: its networks, and what is left or failed."""
    from nnmass.studies import summarise

    networks = summarise(stored.results)
    if json:
        emit_json(
            "study",
            {
                **study_entry(stored),
                "networks": [network.to_dict() for network in networks],
                "trials": stored.to_rows(),
            },
        )
        return
    from nnmass.report import study_networks_table

    emit_table(study_networks_table(networks))
    counts = {status: n for status, n in stored.counts.items() if n}
    emit_line()
    emit_line(f"{stored.name}: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    _say_failures(stored)


def study_entry(stored: StoredStudy) -> dict[str, object]:
    """What a list of studies says of one."""
    return {
        "name": stored.name,
        "folder": str(stored.folder),
        "n_trials": len(stored.results),
        **{f"n_{status}": n for status, n in stored.counts.items()},
    }


def _say_failures(stored: StoredStudy) -> None:
    failed = [result for result in stored.results if result.status == "failed"]
    reasons = Counter(result.reason for result in failed)
    for reason, n in reasons.most_common(_MOST_REASONS):
        first = next(result.trial for result in failed if result.reason == reason)
        where = f"{first.spec} seed {first.seed}" + (f" and {n - 1} more" if n > 1 else "")
        say(f"failed: {where}: {reason}")
    if len(reasons) > _MOST_REASONS:
        say(f"failed: {len(reasons) - _MOST_REASONS} more reasons; see show --json")


def emit_plan(plan: StudyPlan, *, json: bool) -> None:
    """What a study comes to."""
    from nnmass.report import format_count

    study = plan.study
    macs = sum(plan.cost(trial) for trial in plan.trials)
    if json:
        emit_json(
            "study",
            {
                "name": study.name,
                "title": study.title,
                "n_networks": len(study.specs),
                "n_trials": len(plan.trials),
                "n_jobs": len(plan.jobs),
                "forward_macs": macs,
                "seeds": list(study.seeds),
                "data": list(study.data),
                "recipe": study.recipe.to_dict(),
                "specs": list(study.specs),
            },
        )
        return
    seeds, sets = len(study.seeds), ", ".join(study.data)
    emit_line(
        f"{study.name}: {len(study.specs)} networks x {seeds} seed{'s' * (seeds != 1)} on {sets} = "
        f"{len(plan.trials)} trials in {len(plan.jobs)} jobs"
    )
    masses = [float(str(trial.facts["mass"])) for trial in plan.trials]
    params = [int(str(trial.facts["params"])) for trial in plan.trials]
    emit_line(
        f"NN-Mass {min(masses):.2f} to {max(masses):.2f}, params {format_count(min(params))} to "
        f"{format_count(max(params))}, {macs:.3g} multiply-adds of forward passes in all"
    )
    emit_line("nothing is wrong with it")


def emit_list(studies: list[StoredStudy], *, json: bool) -> None:
    """Studies of a folder."""
    if json:
        emit_json("study", {"studies": [study_entry(stored) for stored in studies]})
        return
    from nnmass.report import Column, Table

    rows = tuple(
        (stored.name, str(stored.folder), *(str(n) for n in stored.counts.values()))
        for stored in studies
    )
    names = ("pending", "running", "done", "failed")
    columns = (
        Column(name="study", align="left"),
        Column(name="folder", align="left"),
        *(Column(name=name) for name in names),
    )
    emit_table(Table(columns=columns, rows=rows))
