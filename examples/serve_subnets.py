"""A service that keeps its latency while the machine gets busy.

One network on handwritten digits, trained together with its sub-networks; each level is measured
on the idle machine; then requests come in, and half-way other processes begin to use all cores.
The controller goes down to a level that keeps the budget, and comes back when they are gone.

    python examples/serve_subnets.py
    python examples/serve_subnets.py --epochs 8 --requests 600
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

import nnmass
from nnmass.data import load_dataset, take
from nnmass.probes import sample_images
from nnmass.slim import (
    SandwichObjective,
    SubnetFamily,
    SubnetServer,
    SubnetTable,
    choose_levels,
    profile_subnets,
)
from nnmass.train import Recipe, train_module

NET = "wide-resnet(depth=10,widen=4,classes=10,in=1,image=8)"
BATCH = 8


def keep_busy() -> None:
    """Use one core until the process is ended."""
    x = torch.randn(256, 256)
    while True:
        x = torch.tanh(x @ x)


@contextmanager
def busy_machine(n_processes: int) -> Iterator[None]:
    """A block in which others use the cores."""
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=keep_busy, daemon=True) for _ in range(n_processes)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.terminate()
            other.join()


def trained_family(epochs: int, n_train: int) -> tuple[SubnetFamily, list[float]]:
    """A family on digits, and the test accuracy of each level."""
    digits = take(load_dataset("digits"), n_train=n_train, n_test=300)
    net = nnmass.build(NET, seed=0)
    levels = choose_levels(net, digits.info.shape)
    family = SubnetFamily(net, levels.kept, input_shape=digits.info.shape)
    recipe = Recipe(epochs=epochs, batch_size=32, lr=0.05)
    result = train_module(
        family, digits, subject=NET, objective=SandwichObjective(rule="all"), recipe=recipe
    )
    figures = result.record.levels.values()
    return result.net.eval(), [float(level["test_accuracy"] or 0.0) for level in figures]


def show_table(table: SubnetTable, accuracies: list[float]) -> None:
    """What each level is worth and takes."""
    print("\nlevel  accuracy      MACs    median       p95")
    for time_, accuracy in zip(table.times, accuracies, strict=True):
        print(
            f"{time_.level:5}{accuracy:10.1%}{time_.macs / 1e6:8.2f} M"
            f"{time_.median_ms:7.2f} ms{time_.p95_ms:7.2f} ms"
        )


def serve(server: SubnetServer, n_requests: int, n_others: int) -> None:
    """Three phases: idle, busy, idle again; a line for every change of level."""
    images, labels = sample_images(load_dataset("digits"), 200, input_shape=(1, 8, 8), seed=1)
    began, level = time.perf_counter(), server.level
    print(
        f"\nbudget {server.budget_ms:.2f} ms for {BATCH} images\n\n   time  phase  level  latency"
    )
    for phase in ("idle", "busy", "idle"):
        latencies, right, used = [], 0, set()
        with ExitStack() as stack:
            if phase == "busy":
                stack.enter_context(busy_machine(n_others))
                time.sleep(4.0)  # they have to start
            for request in range(n_requests // 3):
                first = BATCH * request % len(images)
                answer = server(images[first : first + BATCH])
                right += int((answer.argmax(1) == labels[first : first + BATCH]).sum())
                latencies.append(server.last.latency_ms)
                used.add(server.last.level)
                if server.level != level:
                    level = server.level
                    seconds = time.perf_counter() - began
                    print(f"{seconds:5.1f} s {phase:>6}{level:7}{server.last.latency_ms:6.2f} ms")
        within = sum(latency <= server.budget_ms for latency in latencies) / len(latencies)
        print(
            f"        {phase}: levels {sorted(used)}, {within:.0%} of {len(latencies)} requests "
            f"within the budget, {right / (BATCH * len(latencies)):.1%} of the digits right"
        )


def main() -> None:
    """Train, measure, serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--n-train", type=int, default=800)
    parser.add_argument("--requests", type=int, default=450)
    parser.add_argument("--others", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument(
        "--budget-ms", type=float, help="1.5 times the full level's p95 unless told"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    family, accuracies = trained_family(arguments.epochs, arguments.n_train)
    table = profile_subnets(family, batch_size=BATCH, n_repeats=60)
    show_table(table, accuracies)
    budget_ms = arguments.budget_ms or 1.5 * table.times[0].p95_ms
    serve(SubnetServer(family, table, budget_ms=budget_ms), arguments.requests, arguments.others)


if __name__ == "__main__":
    main()
