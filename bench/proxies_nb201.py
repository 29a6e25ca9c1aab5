"""Our zero-cost proxies on NAS-Bench-201 cells, beside published values and trained accuracies.

    python bench/proxies_nb201.py --tables FOLDER --data FOLDER --cells 150 \
        --out results/nb201_proxies.csv

TABLES holds nb201_zerocost_dev.csv: one cell a row, with its accuracy, its cost and the proxies of
NAS-Bench-Suite-Zero. DATA holds CIFAR-10. Cells are built from their strings, untrained; every
proxy is computed on one batch of training images (no augmentation). Each finished cell is written
to OUT at once; started again, the run goes on where it stopped. How much of a difference is that of
the weights alone, another seed tells:

    python bench/proxies_nb201.py .. --seed 1 --proxies grasp --out other.csv \
        --beside results/nb201_proxies.csv

Params and MACs are checked on every cell: params against params_m, MACs against flops_m, which is
of a counter that also counts a normalised element as 2, an activated one as 1 and a pooled one as
the pixels of its kernel (the global pooling as 9 x 9).
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import re
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nnmass.data import load_dataset
from nnmass.probes import PROXIES, score_proxies
from nnmass.runs import write_atomic
from nnmass.studies import RankCorrelation, bootstrap_difference, rank_correlation

TABLE_NAMES = {"jacob_cov": "jacov", "naswot": "nwot", "zico": ""}  # others are called as ours
CHANNELS, CELLS_A_STAGE, CLASSES = (16, 32, 64), 5, 10
TABLE_FAILED = -1e8
SETTINGS = ("n_images", "draw", "seed", "init")


# --- the networks


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mul(0.0)


def relu_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(outputs))


OPERATIONS = {
    "none": lambda _: Zero(),
    "skip_connect": lambda _: nn.Identity(),
    "nor_conv_1x1": lambda width: relu_conv_bn(width, width, 1),
    "nor_conv_3x3": lambda width: relu_conv_bn(width, width, 3),
    "avg_pool_3x3": lambda _: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
}


class Cell(nn.Module):
    """Node 0 is the input; every later node is the sum of its edges, the last is the output."""

    def __init__(self, edges: list[list[tuple[str, int]]], width: int) -> None:
        super().__init__()
        self.sources = [[source for _, source in into] for into in edges]
        made = [nn.ModuleList(OPERATIONS[name](width) for name, _ in into) for into in edges]
        self.nodes = nn.ModuleList(made)

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for sources, operations in zip(self.sources, self.nodes, strict=True):
            pairs = zip(operations, sources, strict=True)
            nodes.append(sum(operation(nodes[source]) for operation, source in pairs))
        return nodes[-1]


class Reduction(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = relu_conv_bn(inputs, outputs, 3, stride=2)
        self.second = relu_conv_bn(outputs, outputs, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.second(self.first(x))


def edges_of(arch: str) -> list[list[tuple[str, int]]]:
    """``|op~0|+|op~0|op~1|+..`` as the edges into each node: operation and source."""
    return [
        [(name, int(source)) for name, source in re.findall(r"(\w+)~(\d)", node)]
        for node in arch.split("+")
    ]


def network(arch: str, init: str = "torch") -> nn.Module:
    """The CIFAR network of a cell; ``init`` as PyTorch draws it, or ``kaiming`` (fan out)."""
    stem = nn.Conv2d(3, CHANNELS[0], 3, padding=1, bias=False)
    layers: list[nn.Module] = [stem, nn.BatchNorm2d(CHANNELS[0])]
    for stage, width in enumerate(CHANNELS):
        layers += [Reduction(CHANNELS[stage - 1], width)] if stage else []
        layers += [Cell(edges_of(arch), width) for _ in range(CELLS_A_STAGE)]
    layers += [nn.BatchNorm2d(CHANNELS[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    made = nn.Sequential(*layers, nn.Linear(CHANNELS[-1], CLASSES))
    for module in made.modules():
        if init == "kaiming" and isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return made


def not_macs(arch: str) -> int:
    """What flops_m counts beside multiply-adds."""
    names = re.findall(r"(\w+)~", arch)
    places = [width * (32 // 2**stage) ** 2 for stage, width in enumerate(CHANNELS)]
    in_cell = CELLS_A_STAGE * sum(places)
    norm, activation = 2, 1
    n_convs = sum("conv" in name for name in names)
    normed = places[0] + 2 * sum(places[1:]) + places[2]
    activated = sum(places[:2]) + sum(places[1:]) + places[2]
    pooled = 4 * sum(width * (16 // 2**i) ** 2 for i, width in enumerate(CHANNELS[:2]))
    fixed = norm * normed + activation * activated + pooled + 81 * CHANNELS[-1]
    return fixed + in_cell * ((norm + activation) * n_convs + 9 * names.count("avg_pool_3x3"))


# --- the run


def images_of(folder: Path, count: int, seed: int) -> tuple[Tensor, Tensor]:
    data = load_dataset("cifar10", data_dir=folder)
    chosen = np.random.default_rng(seed).choice(len(data.train_images), count, replace=False)
    mean, std = (torch.tensor(x).view(-1, 1, 1) for x in (data.info.mean, data.info.std))
    pixels = torch.from_numpy(data.train_images[chosen]).float() / data.info.scale
    return (pixels - mean) / std, torch.from_numpy(data.train_labels[chosen])


def chosen_cells(table: list[dict[str, str]], count: int, seed: int) -> list[dict[str, str]]:
    """One cell from each of ``count`` stretches of the table, in a random order."""
    generator = np.random.default_rng(seed)
    ends = np.linspace(0, len(table), min(count, len(table)) + 1).astype(int)
    picks = [generator.integers(a, b) for a, b in itertools.pairwise(ends)]
    return [table[pick] for pick in generator.permutation(picks)]


def measured(row: dict[str, str], options: argparse.Namespace, batch: tuple[Tensor, Tensor]):
    start = time.perf_counter()
    make = partial(network, row["arch"], options.init)
    measured = score_proxies(make, *batch, seeds=[options.seed], proxies=options.proxies)
    scores = {score.proxy: score for score in measured}
    found = {name: "" if s.value is None else repr(s.value) for name, s in scores.items()}
    failed = [f"{name}: {s.reason}" for name, s in scores.items() if s.value is None]
    settings = {name: str(getattr(options, name)) for name in SETTINGS}
    cell = {"nb201_index": row["nb201_index"], "arch": row["arch"]}
    seconds = f"{time.perf_counter() - start:.2f}"
    return {**cell, **settings, **found, "failed": "; ".join(failed), "seconds": seconds}


def read_done(options: argparse.Namespace) -> list[dict[str, str]]:
    if not options.out.exists():
        return []
    with options.out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = {name: str(getattr(options, name)) for name in SETTINGS}
    for row in rows:
        if [name for name in PROXIES if name in row] != options.proxies:
            sys.exit(
                f"{options.out} holds other proxies than {options.proxies}: give another --out"
            )
        if any(row[name] != wanted[name] for name in SETTINGS):
            sys.exit(
                f"{options.out} holds rows of other settings than {wanted}: give another --out"
            )
    return rows


def write(path: Path, rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue())


def run(options: argparse.Namespace, table: list[dict[str, str]]) -> list[dict[str, str]]:
    rows = read_done(options)
    done = {row["nb201_index"] for row in rows}
    cells = chosen_cells(table, options.cells, options.draw)
    left = [cell for cell in cells if cell["nb201_index"] not in done]
    if left:
        batch = images_of(options.data, options.n_images, options.draw)
    for index, cell in enumerate(left):
        rows.append(measured(cell, options, batch))
        write(options.out, rows)
        text = f"{len(cells) - len(left) + index + 1}/{len(cells)} {rows[-1]['seconds']} s"
        print(text, rows[-1]["arch"], rows[-1]["failed"], file=sys.stderr)
    indices = {cell["nb201_index"] for cell in cells}
    return [row for row in rows if row["nb201_index"] in indices]


# --- the report


def correlation(x: list[float], y: list[float]) -> str:
    if len(x) < 3 or min(len(set(x)), len(set(y))) < 2:
        return "| | "
    found: RankCorrelation = rank_correlation(x, y)
    pairs = (
        (found.spearman, found.spearman_interval),
        (found.kendall, found.kendall_interval),
    )
    return " | ".join(f"{value:.3f} [{i.low:.3f}, {i.high:.3f}]" for value, i in pairs)


def minus_params(kept: list[tuple[dict[str, str], dict[str, str]]], name: str) -> str:
    """Interval of the paired difference; one that holds 0 does not tell the two apart."""
    ours = [float(row[name]) for row, _ in kept]
    params = [float(row["params_m"]) for _, row in kept]
    accuracy = [float(row["test_top1"]) for _, row in kept]
    if min(len(set(ours)), len(set(params))) < 2 or len(kept) < 3:
        return ""
    found = bootstrap_difference(ours, params, accuracy)
    return f"[{found.low:+.3f}, {found.high:+.3f}]"


def checked_costs(pairs: list[tuple[dict[str, str], dict[str, str]]]) -> list[str]:
    """On how many cells params and MACs are those of the table, to the last one."""
    if not {"params", "macs"} <= pairs[0][0].keys():
        return []
    same_params, same_macs = 0, 0
    for ours, theirs in pairs:
        same_params += float(ours["params"]) == round(1e6 * float(theirs["params_m"]))
        counted = float(ours["macs"]) + not_macs(ours["arch"])
        same_macs += counted == round(1e6 * float(theirs["flops_m"]))
    return [
        f"params equal params_m: {same_params} of {len(pairs)}",
        f"MACs plus norms, activations and poolings equal flops_m: {same_macs} of {len(pairs)}",
    ]


def beside(rows: list[dict[str, str]], path: Path) -> list[str]:
    """The same proxies of the same cells in another file."""
    with path.open(encoding="utf-8", newline="") as file:
        others = {row["nb201_index"]: row for row in csv.DictReader(file)}
    text = ["", f"With {path.name} (Spearman | Kendall):", ""]
    for name in (name for name in PROXIES if name in rows[0]):
        known = [row for row in rows if row[name] and others.get(row["nb201_index"], {}).get(name)]
        pairs = [(float(row[name]), float(others[row["nb201_index"]][name])) for row in known]
        found = correlation([a for a, _ in pairs], [b for _, b in pairs])
        text.append(f"{name}, {len(pairs)} cells: {found}")
    return text


def report(rows: list[dict[str, str]], table: list[dict[str, str]]) -> list[str]:
    by_index = {row["nb201_index"]: row for row in table}
    pairs = [(row, by_index[row["nb201_index"]]) for row in rows]
    seconds = [float(row["seconds"]) for row in rows]
    text = [
        f"{len(rows)} cells, {rows[0]['n_images']} images, seed {rows[0]['seed']}, "
        f"init {rows[0]['init']}; {sum(seconds):.0f} s, median {np.median(seconds):.2f} s a cell",
        *checked_costs(pairs),
        "",
        "| proxy | cells | with accuracy: Spearman | Kendall | Spearman minus params' | "
        "the table's proxy with accuracy: "
        "Spearman | Kendall | ours with the table's: Spearman | Kendall |",
        "| --- | ---: | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in (name for name in PROXIES if name in rows[0]):
        column = {"params": "params_m", "macs": "flops_m"}.get(name, TABLE_NAMES.get(name, name))
        kept = [(a, b) for a, b in pairs if a[name]]
        ours, accuracy = [float(a[name]) for a, _ in kept], [float(b["test_top1"]) for _, b in kept]
        both = [(a, b) for a, b in kept if column and float(b[column]) > TABLE_FAILED]
        theirs = [float(b[column]) for _, b in both]
        text.append(
            f"| {name} | {len(kept)} | {correlation(ours, accuracy)} | "
            f"{minus_params(kept, name)} | "
            f"{correlation(theirs, [float(b['test_top1']) for _, b in both])} | "
            f"{correlation([float(a[name]) for a, _ in both], theirs)} |"
        )
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--cells", type=int, default=150)
    parser.add_argument("--n-images", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0, help="of the weights")
    parser.add_argument(
        "--draw", type=int, default=0, help="seed of the choice of cells and images"
    )
    parser.add_argument("--init", choices=("torch", "kaiming"), default="torch")
    parser.add_argument("--proxies", nargs="+", choices=list(PROXIES), default=list(PROXIES))
    parser.add_argument("--beside", type=Path, metavar="FILE", help="OUT of another run")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if min(options.cells, options.threads) < 1 or options.n_images < 4:
        parser.error("--cells and --threads must be at least 1, --n-images at least 4")
    torch.set_num_threads(options.threads)
    with (options.tables / "nb201_zerocost_dev.csv").open(encoding="utf-8", newline="") as file:
        table = [row for row in csv.DictReader(file) if row["dataset"] == "CIFAR-10"]
    table.sort(key=lambda row: int(row["nb201_index"]))
    options.proxies = [name for name in PROXIES if name in options.proxies]
    rows = run(options, table)
    print("\n".join(report(rows, table)))
    if options.beside:
        print("\n".join(beside(rows, options.beside)))


if __name__ == "__main__":
    main()
