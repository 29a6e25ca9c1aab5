"""Writes docs/evidence.md and its figures from the tables of trained networks in results/.

    python bench/evidence.py

Nothing is trained here: each table says on its page with which command it was made. The same tables
give the same page, to the letter.
"""

import argparse
import csv
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from nnmass.report import Point, scatter
from nnmass.runs import write_atomic
from nnmass.studies import StudyTable, equal_mass_groups, fit_accuracy, study_table

ROOT = Path(__file__).parent.parent
HEAD = """# Evidence

What networks that were trained say about NN-Mass. `python bench/evidence.py` writes this page from
the tables in [results](../results). Machine: 2 cores, Python 3.11, torch 2.13.0 (CPU build).

All is over configurations with skips (a mass of 0 has no logarithm), each the mean of its seeds,
and the same ones in every row of a table. R2 is that of a least-squares line; "new depth" that of
predictions for a depth which the line has not seen (below 0: worse than the mean of all). Brackets
are 95 % bootstrap intervals over configurations. The baselines, params and MACs, stand first.
"Regret" is how far the best of the 5 networks that the terms put first is from the best of all.
"""


@dataclass(frozen=True)
class Evidence:
    """A table and what a reader must know of it."""

    name: str  # of its figures
    table: str  # in results/, without .csv
    command: str
    title: str
    told: str
    data: str
    outcome: str = "accuracy"
    has_groups: bool = False


def read(name):
    with (ROOT / "results" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(measure, digits=2):
    if measure is None:
        return "-"
    interval = measure.interval
    tail = f" [{interval.low:.{digits}f}, {interval.high:.{digits}f}]" if interval else ""
    return f"{measure.value:.{digits}f}{tail}"


def fitted(rows, outcome):
    """The fit over networks with skips: all terms over the same configurations."""
    return fit_accuracy(study_table(with_skips(rows), outcome=outcome))


def with_skips(rows):
    return [row for row in rows if float(row["mass"]) > 0]


def fits_table(fit):
    has_widths = any(one.r_squared_new_width for one in fit.configurations)
    head = ["", "R2", "Spearman", "Kendall", "regret", "R2, new depth"]
    lines = [head + ["R2, new width"] * has_widths, ["---"] + ["--:"] * (5 + has_widths)]
    for one in fit.configurations:
        cells = [named(one), measured(one.r_squared), measured(one.spearman), measured(one.kendall),
                 measured(one.regret), measured(one.r_squared_new_depth)]  # fmt: skip
        lines.append(cells + [measured(one.r_squared_new_width)] * has_widths)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figure(rows, one, what):
    table: StudyTable = study_table(rows, outcome=one.outcome)
    means = table.averaged()
    spreads = {
        index: stdev(found) if len(found) > 1 else 0.0
        for index in range(len(means.outcome))
        if (found := table.outcome[table.configurations == index].tolist())
    }
    is_log = what == "mass"
    x = means.columns[what]
    points = [
        Point(math.log(x[i]) if is_log else float(x[i]), float(means.outcome[i]), spreads[i], "",
              f"depth {means.columns['depth'][i]:g}", hint=means.names[i])
        for i in sorted(range(len(x)), key=lambda i: means.columns["depth"][i])
        if means.columns["mass"][i] > 0
    ]  # fmt: skip
    label = "ln NN-Mass" if is_log else "parameters"
    y_label = "test accuracy, %" if one.outcome == "accuracy" else "mean singular value"
    text = scatter(points, x_label=label, y_label=y_label, title=f"{one.title}, against {label}")
    name = f"evidence-{one.name}-{what}.svg"
    write_atomic(ROOT / "docs" / "images" / name, text)
    return f'<img src="images/{name}" width="600" alt="{one.title}, {y_label} against {label}">'


def verdict(fit):
    """In words, from the numbers: does mass tell more than what it has to beat?"""
    found = fit.configurations
    baseline = max((one for one in found if one.is_baseline), key=by_r_squared)
    best = max((one for one in found if one.name in ("mass", "ln mass")), key=by_r_squared)
    mine, theirs = best.r_squared.interval, baseline.r_squared.interval
    how = "not clearly more or less than"  # where the intervals overlap
    if mine.low > theirs.high:
        how = "more than"
    elif mine.high < theirs.low:
        how = "less than"
    depth = ""
    if best.r_squared_new_depth and baseline.r_squared_new_depth:
        depth = (
            f" For depths that were left out: R2 {best.r_squared_new_depth.value:.2f} against "
            f"{baseline.r_squared_new_depth.value:.2f}."
        )
    return (
        f"Over the {fit.n_configurations} configurations with skips, **{named(best)}** explains "
        f"{100 * best.r_squared.value:.0f} % of the variance, {how} the best of params, MACs and "
        f"both ({named(baseline)}: {100 * baseline.r_squared.value:.0f} %).{depth}"
    )


def named(one):
    return one.name.replace("macs", "MACs")


def by_r_squared(one):
    return one.r_squared.value


def equal_mass(rows, outcome, *, in_full):
    means = study_table(with_skips(rows), outcome=outcome).averaged()
    columns = {name: means.columns[name].tolist() for name in ("mass", "depth", "params", "macs")}
    values = means.outcome.tolist()
    groups = equal_mass_groups(columns["mass"], [int(d) for d in columns["depth"]], values)
    if not groups:
        return []
    inside = fmean(group.values[1] - group.values[0] for group in groups)
    sizes = [[columns["params"][i] for i in group.members] for group in groups]
    costs = fmean(max(params) / min(params) for params in sizes)
    n = digits_of(outcome)
    told = (
        f"Within {len(groups)} groups of equal mass (to 3 %) and different depth, the values "
        f"differ by {inside:.{n}f} on average while parameters differ by {costs:.2f}x; all "
        f"of these configurations span {max(values) - min(values):.{n}f}."
    )
    if not in_full:
        return [told]
    lines = ["| mass | network | params | MACs | mean |", "|--:|---|--:|--:|--:|"]
    for group in groups:
        for i in sorted(group.members, key=lambda i: columns["depth"][i]):
            mass, params, macs = (columns[name][i] for name in ("mass", "params", "macs"))
            size = f"{params / 1e6:.2f} M | {macs / 1e6:.0f} M"
            lines.append(f"| {mass:.1f} | `{means.names[i]}` | {size} | {values[i]:.2f} |")
    return [told, "\n".join(lines)]


def section(one):
    rows = [row for row in read(one.table) if row["data"] == one.data]
    fit = fitted(rows, one.outcome)
    failed = sum(row["status"] != "done" for row in rows)
    parts = [
        f"## {one.title}",
        f"{one.told} {len(rows)} trainings with {len({row['seed'] for row in rows})} seeds"
        + (f", {failed} of them failed" if failed else "")
        + f": [results/{one.table}.csv](../results/{one.table}.csv), made by",
        f"    {one.command}",
        verdict(fit),
        fits_table(fit),
        *without_skips(rows, one.outcome),
        *equal_mass(rows, one.outcome, in_full=one.has_groups),
        "\n".join(figure(rows, one, what) for what in ("mass", "params")),
    ]
    return "\n\n".join(part for part in parts if part)


def without_skips(rows, outcome):
    """What networks of mass 0 reach, which have no ln mass and are in no line."""
    scale = 100 if outcome == "accuracy" else 1
    values = {
        is_plain: [scale * float(row[outcome]) for row in group if row[outcome]]
        for is_plain, group in (
            (True, [row for row in rows if float(row["mass"]) == 0]),
            (False, with_skips(rows)),
        )
    }
    if not values[True]:
        return []
    n = digits_of(outcome)
    plain, linked = (
        f"{fmean(found):.{n}f} on average ({min(found):.{n}f} to {max(found):.{n}f})"
        for found in (values[True], values[False])
    )
    return [f"Single trainings without any skip have {plain}, those with skips {linked}."]


def digits_of(outcome):
    return 2 if outcome == "accuracy" else 4


def made_by(study, table, *, quick=False):
    """The two commands behind a table."""
    folder = f"{study}-quick" if quick else study
    return (
        f"nnmass study run studies/{study}.toml{' --quick' * quick}\n"
        f"    nnmass study export {folder} results/{table}.csv"
    )


_MNIST = made_by("mnist-mlp", "mnist_mlp")
EVIDENCE = (
    Evidence(
        name="mnist",
        table="mnist_mlp",
        command=_MNIST,
        title="MNIST MLPs: accuracy",
        told="Width 8, depths 16 to 32, link caps 0 to 12, all images, 10 epochs.",
        data="mnist",
    ),
    Evidence(
        name="mnist-ldi",
        table="mnist_mlp",
        command=_MNIST,
        title="MNIST MLPs: gradient propagation at the start",
        told="Mean singular value of the layer Jacobians of the same networks, untrained.",
        data="mnist",
        outcome="ldi_mean",
    ),
    Evidence(
        name="cifar10",
        table="cifar10_dense_cpu",
        command=made_by("cifar10-dense-cpu", "cifar10_dense_cpu"),
        title="CIFAR-10, reduced: dense CNNs of equal mass",
        told="**Reduced for a CPU**: 4,000 images, 5 epochs (285 steps), width multiplier 1, "
        "bfloat16. So short a training tells who learns fast, and deep networks do not.",
        data="cifar10",
        has_groups=True,
    ),
    *(
        Evidence(
            name=f"{data[:-4]}-{data[-3:-1]}",
            table="synthetic_mlp",
            command=made_by("synthetic-mlp", "synthetic_mlp", quick=True),
            title=f"{data[:-4].capitalize()} {data[-3:-1]}",
            told="Width 8, depths 8, 16, 24, 32, link caps 0 to 48, 12,000 points in [0, 1], 200 "
            "epochs (the authors: 600 to 1,500).",
            data=data,
        )
        for data in ("segments(20)", "segments(30)", "circles(20)", "circles(30)")
    ),
)


def main():
    argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0]).parse_args()
    text = "\n\n".join([HEAD.strip(), *(section(one) for one in EVIDENCE)]) + "\n"
    write_atomic(ROOT / "docs" / "evidence.md", text)


if __name__ == "__main__":
    main()
