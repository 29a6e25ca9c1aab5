"""The ImageNet predictor: makes it, and prints how well it predicts families it has not seen.

    python bench/predict.py --tables FOLDER [--out src/nnmass/studies/imagenet.json]

TABLES holds torchvision_imagenet.csv. Networks are opened without weights and traced at their test
size. Left out: transformers, and SWAG weights (other training data). A fold is a whole family
(resnet with resnext and wide_resnet; regnet x with y), with all weights of each network.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from nnmass.nets import open_network
from nnmass.studies import NetworkPredictor, network_features, rank_correlation
from nnmass.tracing import trace

FAMILIES = {
    **{name: name for name in ("alexnet", "vgg", "squeezenet", "googlenet", "inception")},
    **{"densenet": "densenet", "resnet": "resnet", "resnext": "resnet", "wide_resnet": "resnet"},
    **{"regnet": "regnet", "shufflenet": "shufflenet", "mobilenet_v2": "mobilenet_v2"},
    **{"mobilenet_v3": "mobilenet_v3", "mnasnet": "mnasnet", "efficientnet_v2": "efficientnet_v2"},
    **{"efficientnet": "efficientnet", "convnext": "convnext"},
}
STRONG_V1 = ("convnext", "efficientnet", "resnext101_64x4d")
"""V1 weights that were trained by a strong recipe."""

ABLATION = {
    "params": ["ln_params"],
    "MACs": ["ln_macs"],
    "params, MACs": ["ln_params", "ln_macs"],
    "+ mass": ["ln_params", "ln_macs", "ln_mass"],
    "+ identity mass": ["ln_params", "ln_macs", "ln_mass", "ln_identity_mass"],
    "+ cells": ["ln_params", "ln_macs", "ln_mass", "ln_identity_mass", "ln_cells"],
    "all": None,
}


def family_of(model: str) -> str:
    """The longest beginning that is known; empty for a transformer."""
    return next(
        (FAMILIES[key] for key in sorted(FAMILIES, key=len)[::-1] if model.startswith(key)), ""
    )


def rows_of(tables: Path):
    with (tables / "torchvision_imagenet.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if family_of(row["model"]) and "SWAG" not in row["weights"]]
    traced = {}
    for row in rows:
        key = row["model"], int(row["crop_size"])
        if key not in traced:
            model = open_network(f"torchvision:{key[0]}").model
            traced[key] = network_features(trace(model, (3, key[1], key[1])))
        row["features"] = traced[key]
        row["family"] = family_of(row["model"])
        is_second = row["weights"].endswith("_V2")
        is_strong = is_second or row["model"].startswith(STRONG_V1)
        row["recipe"] = "strong" if is_strong else "plain"
    return rows


def fitted(rows, features=None, recipes=True, residuals=None) -> NetworkPredictor:
    made = NetworkPredictor(features=features)
    made.dataset = "ImageNet-1k"
    return made.fit(
        [row["features"] for row in rows],
        [float(row["top1"]) for row in rows],
        families=[row["family"] for row in rows],
        recipes=[row["recipe"] if recipes else "" for row in rows],
        residuals=residuals,
    )


def shown(predicted, rows, kept) -> str:
    accuracy = np.array([float(row["top1"]) for row in rows])
    found = rank_correlation(predicted[kept], accuracy[kept])
    low, high = found.spearman_interval.low, found.spearman_interval.high
    return f"{found.spearman:.3f} [{low:.2f}, {high:.2f}]"


def report(rows) -> NetworkPredictor:
    has_skips = np.array([row["features"]["has_skips"] > 0 for row in rows])
    plain = np.array([row["recipe"] == "plain" for row in rows])
    groups = {"all": np.ones(len(rows), bool), "with skips": has_skips, "plain recipe": plain}
    accuracy = np.array([float(row["top1"]) for row in rows])
    n_families = len({row["family"] for row in rows})
    print(f"{len(rows)} rows, {n_families} families; Spearman, families left out\n")
    print("| features | recipe | " + " | ".join(groups) + " | mean error, points |")
    print("| --- | --- |" + " --- |" * len(groups) + " ---: |")
    made = None
    for name, features in ABLATION.items():
        for told in (True, False):
            made = fitted(rows, features, recipes=told, residuals=np.zeros(len(rows)))
            predicted = made.leave_families_out()
            cells = [shown(predicted, rows, kept) for kept in groups.values()]
            error = np.abs(predicted - accuracy).mean()
            recipe = "told" if told else "not told"
            print(f"| {name} | {recipe} | {' | '.join(cells)} | {error:.2f} |", flush=True)
    made = fitted(rows)
    by_family, by_row = (f"{100 * share:.1f} %" for share in made.held_out_coverage())
    print(
        f"\nIntervals of level {made.level}, of families left out: {by_row} of the rows lie inside;"
    )
    print(f"{by_family} where each family weighs the same.")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args()
    made = report(rows_of(options.tables))
    if options.out:
        made.save(options.out)
        print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
