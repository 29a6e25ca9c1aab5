"""The predictor of networks on NAS-Bench-201 cells: does the topology add to params and MACs?

    python bench/predict_nb201.py --tables FOLDER [--cells 400] [--dataset cifar10]

TABLES holds nb201_accuracy_dev.csv. Cells are built untrained from their strings and traced; cells
that are the same graph (topology_group) are one family, left out together.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from predict import ABLATION
from proxies_nb201 import network

from nnmass.studies import NetworkPredictor, network_features, rank_correlation
from nnmass.tracing import trace

# Not the number of cells: it is the same for all of these networks.
KINDS = {kind: names for kind, names in ABLATION.items() if kind != "+ cells"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--cells", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of cells")
    parser.add_argument(
        "--dataset", choices=("cifar10", "cifar100", "imagenet16_120"), default="cifar10"
    )
    options = parser.parse_args()
    with (options.tables / "nb201_accuracy_dev.csv").open(encoding="utf-8", newline="") as file:
        table = [row for row in csv.DictReader(file) if row[f"{options.dataset}_top1"]]
    count = min(options.cells, len(table))
    picks = np.random.default_rng(options.seed).choice(len(table), count, replace=False)
    rows = [table[pick] for pick in picks]
    features = [network_features(trace(network(row["arch"]), (3, 32, 32))) for row in rows]
    accuracy = np.array([float(row[f"{options.dataset}_top1"]) for row in rows])
    groups = [row["topology_group"] for row in rows]
    print(
        f"{count} cells of {len(set(groups))} topologies, {options.dataset}, seed {options.seed}\n"
    )
    print("| features | Spearman | Kendall | mean error, points |\n| --- | --- | --- | ---: |")
    for name, chosen in KINDS.items():
        made = NetworkPredictor(features=chosen)
        made.fit(features, accuracy, families=groups)
        predicted = made.leave_families_out()
        found = rank_correlation(predicted, accuracy)
        ends = (found.spearman_interval, found.kendall_interval)
        told = [
            f"{value:.3f} [{i.low:.2f}, {i.high:.2f}]"
            for value, i in zip((found.spearman, found.kendall), ends, strict=True)
        ]
        error = np.abs(predicted - accuracy).mean()
        print(f"| {name} | {' | '.join(told)} | {error:.2f} |", flush=True)


if __name__ == "__main__":
    main()
