"""Time to trace networks, how it grows, and two other ways to read a network's graph.

python bench/trace.py            # ours: resnet50, chains, dense graphs
python bench/trace.py --engines  # besides, torch.fx and torch.export on networks of timm
"""

from __future__ import annotations

import argparse
import random
import time
import warnings

import torch
import torch.nn.functional as F
from torch import nn

import nnmass
from nnmass.nets import import_timm, open_network

RUNS = 5
NETWORKS = ("resnet(depth=50)", "dense-cnn(wm=2,d=13,t=40/80/125)", "mobilenet-v2(wm=1)")
GRAPHS = (250, 500, 1000, 2000)


class Chain(nn.Module):
    """``n`` plain convolutions with batch norm and ReLU."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(n))
        self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(n))

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu_(norm(conv(x)))
        return x


class Sparse(nn.Module):
    """``n`` convolutions in one cell, each reading the one before and three drawn earlier ones."""

    def __init__(self, n: int) -> None:
        super().__init__()
        draw = random.Random(n)
        self.reads = [
            sorted({i - 1, *(draw.randrange(i) for _ in range(3))}) if i else [] for i in range(n)
        ]
        self.convs = nn.ModuleList(
            nn.Conv2d(4 * len(reads) or 8, 4, 3, padding=1) for reads in self.reads
        )

    def forward(self, x):
        maps = []
        for conv, reads in zip(self.convs, self.reads, strict=True):
            maps.append(conv(torch.cat([maps[i] for i in reads], 1) if reads else x))
        return maps[-1]


def best_of(action, runs: int = RUNS) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def ours() -> None:
    print(f"{'network':36s} {'trace':>9s} {'building it':>12s}")
    for text in NETWORKS:
        opened = open_network(text)
        seconds = best_of(lambda opened=opened: nnmass.trace(opened.model, opened.input_shape))
        built = best_of(lambda text=text: nnmass.build(text, device="meta"))
        print(f"{text:36s} {1e3 * seconds:6.0f} ms {1e3 * built:9.0f} ms")
    print(f"\n{'graph':14s} {'nodes':>6s} {'edges':>6s} {'trace':>9s} {'a node':>9s}")
    for kind in (Chain, Sparse):
        for n in GRAPHS:
            with torch.device("meta"):
                model = kind(n)
            topology = nnmass.trace(model, (8, 8, 8))
            seconds = best_of(lambda model=model: nnmass.trace(model, (8, 8, 8)), 3)
            print(
                f"{kind.__name__.lower():14s} {topology.n_nodes:6d} {topology.n_edges:6d} "
                f"{seconds:7.2f} s {1e6 * seconds / topology.n_nodes:6.0f} us"
            )


def engines(every: int) -> None:
    timm = import_timm()
    names = timm.list_models()[::every]
    tally = {"ours": [0, 0.0], "torch.fx": [0, 0.0], "torch.export": [0, 0.0]}
    for name in names:
        opened = open_network(f"timm:{name}")
        example = torch.empty(1, *opened.input_shape, device="meta")
        model = opened.model.to("meta").eval()
        for engine, action in {
            "ours": lambda m=model, s=opened.input_shape: nnmass.trace(m, s),
            "torch.fx": lambda m=model: torch.fx.symbolic_trace(m),
            "torch.export": lambda m=model, x=example: torch.export.export(m, (x,), strict=False),
        }.items():
            start = time.perf_counter()
            try:
                action()
            except Exception as error:
                print(f"{engine} on {name}: {type(error).__name__}: {str(error)[:90]!r}")
            else:
                tally[engine][0] += 1
            tally[engine][1] += time.perf_counter() - start
    for engine, (done, seconds) in tally.items():
        print(f"{engine:14s} {done} of {len(names)} networks of timm, {seconds:.1f} s in all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", action="store_true", help="compare with fx and export")
    parser.add_argument("--every", type=int, default=15, help="of timm's networks, every n-th")
    arguments = parser.parse_args()
    ours()
    if arguments.engines:
        warnings.simplefilter("ignore")
        engines(arguments.every)


if __name__ == "__main__":
    main()
