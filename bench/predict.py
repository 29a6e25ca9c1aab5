"""The ImageNet predictor: makes it, and prints how well it predicts families it has not seen.

    python bench/predict.py --tables FOLDER [--out src/nnmass/studies/imagenet.json]

TABLES holds torchvision_imagenet.csv and mobilenetv1_width_resolution_imagenet.csv. A fold is a
whole family with all weights of each network: coarse (resnet with resnext and wide_resnet; regnet x
with y; vgg with and without batch norm) or as fine as torchvision names them. Ranks are over
torchvision's rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from imagenet_rows import rows_of

from nnmass.studies import NetworkPredictor, rank_correlation

ABLATION = {
    "params": ["ln_params"],
    "MACs": ["ln_macs"],
    "params, MACs": ["ln_params", "ln_macs"],
    "+ mass": ["ln_params", "ln_macs", "ln_mass"],
    "+ identity mass": ["ln_params", "ln_macs", "ln_mass", "ln_identity_mass"],
    "+ cells": ["ln_params", "ln_macs", "ln_mass", "ln_identity_mass", "ln_cells"],
    "all": None,
}


def fitted(rows: Sequence[dict], families: str, features=None) -> NetworkPredictor:
    made = NetworkPredictor(features=features)
    made.dataset = "ImageNet-1k"
    return made.fit(
        [row["features"] for row in rows],
        [row["top1"] for row in rows],
        families=[row[families] for row in rows],
        recipes=[row["recipe"] for row in rows],
    )


def shown(predicted, accuracy, kept) -> str:
    found = rank_correlation(predicted[kept], accuracy[kept])
    low, high = found.spearman_interval.low, found.spearman_interval.high
    return f"{found.spearman:.3f} [{low:.2f}, {high:.2f}]"


def once_each(rows: Sequence[dict], values, kept):
    """Means over the weights of each network."""
    of_network: dict[tuple[str, int], list[float]] = {}
    for row, value, is_kept in zip(rows, values, kept, strict=True):
        if is_kept:
            of_network.setdefault((row["model"], row["side"]), []).append(value)
    return np.array([np.mean(each) for each in of_network.values()])


def print_ablation(rows: Sequence[dict], families: str) -> NetworkPredictor:
    """A line for each choice of features, recipe told and not; the predictor of all features."""
    top1 = np.array([row["top1"] for row in rows])
    here = np.array([row["source"] == "torchvision" for row in rows])
    skips = here & np.array([row["features"]["has_skips"] > 0 for row in rows])
    plain = here & np.array([row["recipe"] == "plain" for row in rows])
    groups = {"rows": here, "with skips": skips, "plain recipe": plain}
    n_families = len({row[families] for row in rows})
    print(f"\n{len(rows)} rows in {n_families} {families} families; Spearman, families left out\n")
    named = [*groups, "networks once", "once, with skips"]
    print(f"| features | recipe | {' | '.join(named)} | mean error, points |")
    print("| --- | --- |" + " --- |" * len(named) + " ---: |")
    for name, features in ABLATION.items():
        made = fitted(rows, families, features)
        for is_told in (True, False):
            found = made.leave_families_out(is_recipe_told=is_told)
            cells = [shown(found, top1, kept) for kept in groups.values()]
            for kept in (here, skips):
                once = once_each(rows, found, kept), once_each(rows, top1, kept)
                cells.append(shown(*once, slice(None)))
            error, recipe = np.abs(found - top1)[here].mean(), "told" if is_told else "not told"
            print(f"| {name} | {recipe} | {' | '.join(cells)} | {error:.2f} |", flush=True)
    return made


def print_coverage(made: NetworkPredictor) -> None:
    print("\n| level | recipe | families inside | rows inside | half width, points (median) |")
    print("| ---: | --- | ---: | ---: | ---: |")
    for level in (0.8, 0.9):
        for is_told in (True, False):
            inside = made.held_out_coverage(level, is_recipe_told=is_told)
            cells = " | ".join(f"{100 * share:.1f} %" for share in inside)
            low, high = made.held_out_intervals(level, is_recipe_told=is_told)
            recipe, half = "told" if is_told else "not told", np.median((high - low) / 2)
            print(f"| {100 * level:.0f} % | {recipe} | {cells} | {half:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = rows_of(options.tables)
    print_ablation(rows, "fine")
    made = print_ablation(rows, "coarse")
    print_coverage(made)
    if options.out:
        made.save(options.out)
        print(f"\nwrote {options.out}")


if __name__ == "__main__":
    main()
