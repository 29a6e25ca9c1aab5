"""How well params, MACs and NN-Mass order trained networks: rank correlations with top-1.

    python bench/how_sure.py --tables FOLDER [--markdown FILE]

FOLDER holds two tables of published results, one trained model a row:

    torchvision_imagenet.csv  model, weights, top1, params, gflops, crop_size, resize_size
    cifar_zoo.csv             model, dataset, top1, params_m, macs_m, source

Networks are built without weights and traced by `nnmass.trace`. A row counts only if the built
network has the params and MACs that the row gives; every row left out is named with its reason.
Needs torchvision (the extra `zoo`). Nothing is trained, nothing is fetched.

The logarithm of the mass orders networks as the mass does; networks of mass 0 have none. So the
figures for ln mass are those of "mass above 0".
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

import nnmass
from nnmass.errors import NNMassError
from nnmass.studies import Interval, bootstrap_difference, rank_correlation

SEED, RESAMPLES = 0, 2000
FEWEST = 5  # rows of a group; below, a rank correlation says nothing
PREDICTORS: dict[str, Callable[[Row], float]] = {  # the baselines first
    "params": lambda row: row.params,
    "MACs": lambda row: row.macs,
    "MACs, 0 where mass is 0": lambda row: row.macs if row.mass else 0,
    "mass": lambda row: row.mass,
}
"""The third knows of a network its MACs, and of its mass only whether it is 0."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table whose network was built, checked and traced."""

    model: str
    recipe: str
    family: str
    top1: float
    params: int
    macs: int
    mass: float
    has_attention: bool
    is_flagged: bool


class LeftOut(Exception):  # noqa: N818
    """A row that does not count, and why."""


# --- torchvision

FAMILIES = {
    "ResNet, ResNeXt, Wide ResNet": r"(wide_)?resne(x)?t\d",
    "RegNet": r"regnet_",
    "EfficientNet": r"efficientnet_b",
    "DenseNet": r"densenet",
    "VGG": r"vgg",
    "ViT": r"vit_",
}
ATTENTION = r"vit_|swin_|maxvit_"
ARGUMENTS = {"googlenet": "aux_logits=False"}  # the published params are without the side heads


def torchvision_row(row: dict[str, str]) -> Row:
    model, side = row["model"], int(row["crop_size"])
    arguments = ARGUMENTS.get(model, "")
    if model.startswith("vit_"):
        arguments = f"image_size={side}"
    found = traced(f"torchvision:{model}({arguments})", (3, side, side))
    check("params", found.params, row["params"], unit=1)
    check("MACs", found.macs, row["gflops"], unit=10**9)
    return Row(
        model=f"{model} ({row['weights'].rpartition('.')[2]})",
        recipe=torchvision_recipe(row),
        family=next((name for name, fits in FAMILIES.items() if re.match(fits, model)), "other"),
        top1=float(row["top1"]),
        params=found.params,
        macs=found.macs,
        mass=known_mass(found),
        has_attention=re.match(ATTENTION, model) is not None,
        is_flagged=any(cell.flags for cell in found.cells),
    )


def torchvision_recipe(row: dict[str, str]) -> str:
    """SWAG, V2, or V1; V1 in two, since newer V1 weights were not trained in the old way.

    The table does not name the recipe. What it tells is the test: the old recipe resizes to 256
    pixels, and weights of newer ones come with a size or an interpolation of their own.
    """
    if "SWAG" in row["weights"]:
        return "SWAG"
    if row["weights"].endswith("V2"):
        return "V2"
    return "V1, own test size" if row["resize_size"] or row["interpolation"] else "V1, plain test"


# --- the CIFAR zoo: which of our specs each name may mean; the row's params and MACs decide

CIFAR_ROWS = "1:16:1:1/6:24:2:1/6:32:3:2/6:64:4:2/6:96:3:1/6:160:3:2/6:320:1:1"
CANDIDATES: list[tuple[str, str, list[str]]] = [
    ("ResNet of four stages", r"resnet(?P<d>18|34|50|101|152)$", ["resnet(depth={d},stem=cifar)"]),
    (
        "ResNet of three stages",
        r"resnet-?(?P<d>20|32|44|56|110|1202)$",
        ["resnet(depth={d},shortcut=pad)", "resnet(depth={d},shortcut=projection)"],
    ),
    (
        "Wide ResNet",
        r"(wrn|wideresnet)-(?P<d>\d+)-(?P<k>\d+)",
        ["wide-resnet(depth={d},widen={k})"],
    ),
    ("ResNeXt", r"resnext(?P<d>50|101|152)$", ["resnext(depth={d},stem=cifar)"]),
    (
        "MobileNetV2",
        r"mobilenetv2(_x(?P<w>\d_\d+))?$",
        [
            "mobilenet-v2(wm={w},stem=cifar)",
            f"mobilenet-v2(wm={{w}},stem=cifar,rows={CIFAR_ROWS})",
        ],
    ),
    ("VGG", r"vgg(?P<d>\d+)_bn$", ["vgg(depth={d},bn=true,stem=cifar)"]),
]
CLASSES = {"CIFAR-10": 10, "CIFAR-100": 100, "SVHN": 10}


def cifar_row(row: dict[str, str]) -> Row:
    family, texts = candidates(row["model"])
    if not row["params_m"]:
        raise LeftOut("the row gives no params, so that the network cannot be checked")
    reasons = []
    for text in texts:
        spec = nnmass.parse(text.removesuffix(")") + f",classes={CLASSES[row['dataset']]})")
        try:
            check("params", spec.params, row["params_m"], unit=10**6)
            if row["macs_m"]:
                check("MACs", spec.macs, row["macs_m"], unit=10**6)
        except LeftOut as reason:
            reasons.append(f"{spec}: {reason}")
            continue
        found = traced(str(spec), spec.input_shape)
        if (found.params, found.macs) != (spec.params, spec.macs) or not math.isclose(
            found.mass, spec.mass
        ):
            raise SystemExit(f"{spec}: closed form and traced network differ; this is a bug")
        return Row(
            model=row["model"],
            recipe=f"{row['source'].partition(':')[0]}, {row['dataset']}",
            family=family,
            top1=float(row["top1"]),
            params=found.params,
            macs=found.macs,
            mass=known_mass(found),
            has_attention=False,
            is_flagged=any(cell.flags for cell in found.cells),
        )
    raise LeftOut("; ".join(reasons))


def candidates(model: str) -> tuple[str, list[str]]:
    for family, pattern, templates in CANDIDATES:
        if fits := re.match(pattern, model.lower()):
            given = {key: (text or "1").replace("_", ".") for key, text in fits.groupdict().items()}
            return family, [template.format(**given) for template in templates]
    raise LeftOut("no spec of ours describes this network")


# --- building, tracing, checking


@cache
def traced(text: str, shape: tuple[int, ...]) -> nnmass.tracing.Topology:
    print(f"  {text}", file=sys.stderr)
    return nnmass.trace(nnmass.open_network(text).model, shape)


def known_mass(found: nnmass.tracing.Topology) -> float:
    if math.isnan(found.mass):
        raise LeftOut(f"no mass: {'; '.join(found.notes)}")
    return found.mass


def check(what: str, built: int, published: str, *, unit: int) -> None:
    """The built network has the published number, within the rounding of its last digit."""
    digits = len(published.partition(".")[2])
    if abs(built / unit - float(published)) > 0.5 * 10**-digits + 1e-9:
        raise LeftOut(f"{what} are {built / unit:.{digits}f}, the row says {published}")


def read(
    path: Path, make: Callable[[dict[str, str]], Row]
) -> tuple[list[Row], list[tuple[str, str]]]:
    """The rows that count, and the others with their reasons."""
    kept, left_out = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                kept.append(make(row))
            except (LeftOut, NNMassError) as reason:
                where = row.get("weights", "").rpartition(".")[2]
                where = where or f"{row['dataset']}, {row['source'].partition('/')[0]}"
                left_out.append((f"{row['model']} ({where})", str(reason)))
    return kept, left_out


# --- the figures


def told(value: float, interval: Interval, sign: str = "") -> str:
    text = f"{value:{sign}.2f} [{interval.low:{sign}.2f}, {interval.high:{sign}.2f}]"
    return text + "*" * (interval.n_degenerate > 0)


def figures(group: str, rows: list[Row]) -> list[str]:
    """One line a predictor: both correlations, and rho minus that of MACs, paired."""
    if len(rows) < FEWEST:
        return [f"| {group} | {len(rows)} | too few | | | |"]
    top1 = [row.top1 for row in rows]
    columns = {name: [float(of(row)) for row in rows] for name, of in PREDICTORS.items()}
    if all(row.mass > 0 for row in rows) or all(row.mass == 0 for row in rows):
        del columns["MACs, 0 where mass is 0"]
    found = {
        name: rank_correlation(values, top1, n_resamples=RESAMPLES, seed=SEED)
        for name, values in columns.items()
        if len(set(values)) > 1
    }
    text = []
    for name, values in columns.items():
        head = f"| {group} | {len(rows)} | {name}"
        if name not in found:
            text.append(f"{head} | all {values[0]:g} | | |")
            continue
        rho = told(found[name].spearman, found[name].spearman_interval)
        tau = told(found[name].kendall, found[name].kendall_interval)
        gap = ""
        if name != "MACs":
            pair = bootstrap_difference(
                values, columns["MACs"], top1, n_resamples=RESAMPLES, seed=SEED
            )
            gap = told(found[name].spearman - found["MACs"].spearman, pair, sign="+")
        text.append(f"{head} | {rho} | {tau} | {gap} |")
    return text


def block(group: str, rows: list[Row]) -> list[str]:
    """All rows; and, where some have mass 0, the others alone: the figures of ln mass."""
    with_mass = [row for row in rows if row.mass > 0]
    text = figures(group, rows)
    if 0 < len(with_mass) < len(rows) and len(rows) >= FEWEST:
        text += figures(f"{group}; mass above 0", with_mass)
    return text


def by(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


HEAD = [
    "| rows | n | predictor | Spearman [95 %] | Kendall [95 %] | Spearman minus that of MACs |",
    "|---|--:|---|---|---|---|",
]


def torchvision_report(rows: list[Row]) -> list[str]:
    text = ["Attention networks (ViT, Swin, MaxViT) left out:", "", *HEAD]
    text += torchvision_groups([row for row in rows if not row.has_attention])
    text += ["", "With them:", "", *HEAD, *torchvision_groups(rows)]
    text += ["", "Cells that the metric was made for only (no flag, no attention):", "", *HEAD]
    text += torchvision_groups([r for r in rows if not r.has_attention and not r.is_flagged])
    text += ["", "Within families, by recipe:", "", *HEAD]
    for family, members in by(rows, lambda row: row.family).items():
        if family != "other":
            for recipe, group in by(members, lambda row: row.recipe[:2]).items():
                text += figures(f"{family}, {recipe.replace('SW', 'SWAG')}", group)
    return text


def torchvision_groups(rows: list[Row]) -> list[str]:
    text = block("all recipes mixed", rows)
    text += block("V1", [row for row in rows if row.recipe.startswith("V1")])
    for recipe in ("V1, plain test", "V1, own test size", "V2", "SWAG"):
        text += block(recipe, [row for row in rows if row.recipe == recipe])
    return text


def cifar_report(rows: list[Row]) -> list[str]:
    text = [*HEAD]
    for data in ("CIFAR-10", "CIFAR-100"):
        text += block(
            f"{data}, repositories mixed", [row for row in rows if row.recipe.endswith(f", {data}")]
        )
    for recipe, group in by(rows, lambda row: row.recipe).items():
        text += block(recipe, group)
        families = by(group, lambda row: row.family)
        for family, members in families.items() if len(families) > 1 else ():
            if len(members) >= FEWEST:
                text += figures(f"{recipe}: {family}", members)
    return text


def listed(title: str, items: list[tuple[str, str]]) -> list[str]:
    """Names by reason, the most frequent reason first."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, reason in items:
        reasons[reason].append(name)
    lines = [
        f"- {len(names)}: {reason}: {', '.join(dict.fromkeys(names))}"
        for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1]))
    ]
    return ["", f"{title} ({len(items)} rows):", "", *(lines or ["- none"])]


def report(tables: Path) -> list[str]:
    text = [f"Percentile bootstrap over rows, {RESAMPLES} resamples, seed {SEED}. A star: some "
            "resamples held a constant and were left out."]  # fmt: skip
    for file, make, write in (
        ("torchvision_imagenet.csv", torchvision_row, torchvision_report),
        ("cifar_zoo.csv", cifar_row, cifar_report),
    ):
        print(f"reading {file}", file=sys.stderr)
        rows, left_out = read(tables / file, make)
        n_networks = len({(row.params, row.macs, row.mass) for row in rows})
        text += ["", f"## {file}: {len(rows)} of {len(rows) + len(left_out)} rows, "
                 f"{n_networks} different networks (by params, MACs, mass)", ""]  # fmt: skip
        text += write(rows)
        text += listed("Left out", left_out)
        flagged = [(row.model, "parallel branches or attention") for row in rows if row.is_flagged]
        text += listed("Counted, though the metric was not made for some of their cells", flagged)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it there as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    text = "\n".join(report(options.tables))
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
