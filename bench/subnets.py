"""Does a sub-network take as much less time as it has less work? ResNet-18, 224 pixels.

The full model as it is built, every level as a view of the shared weights, and every level as it
is served (exported: weights of its own, batch norms folded, channels last) take turns, round by
round, so that a machine whose speed drifts slows all alike. Beside each time stand its ratio to
the plain full model and to the full export, and the ratio of the multiply-adds, which is the bound.

    python bench/subnets.py                  # batch 1, two threads
    python bench/subnets.py --threads 1 --rounds 10
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

import nnmass
from nnmass.slim import SubnetFamily, choose_levels

SHAPE = (3, 224, 224)
N_SWITCHES = 10_000


def milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def runners(family: SubnetFamily, plain: torch.nn.Module, x: torch.Tensor) -> dict[str, Callable]:
    """What is timed, by name."""
    x_last = x.contiguous(memory_format=torch.channels_last)

    def view(level: int) -> Callable[[], object]:
        def call() -> None:
            with family.using(level):
                family(x)

        return call

    def export(level: int) -> Callable[[], object]:
        network = family.export(level)
        return lambda: network(x_last)

    levels = range(len(family.subnets))
    return {
        "plain": lambda: plain(x),
        **{f"view {level}": view(level) for level in levels},
        **{f"export {level}": export(level) for level in levels},
    }


def measured(calls: dict[str, Callable], rounds: int, repeats: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()  # caches and threads are the last one's
            times[name] += [milliseconds(call) for _ in range(repeats)]
    return times


def switch_us(family: SubnetFamily) -> float:
    """Microseconds of one change of level."""
    n_levels = len(family.subnets)
    began = time.perf_counter()
    for number in range(N_SWITCHES):
        family.set_subnet(number % n_levels)
    return 1e6 * (time.perf_counter() - began) / N_SWITCHES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    net = nnmass.build("resnet(depth=18)", seed=0).eval()
    levels = choose_levels(net, SHAPE)
    family = SubnetFamily(net, levels.kept, input_shape=SHAPE).eval()
    x = torch.randn(arguments.batch, *SHAPE)
    began = time.perf_counter()
    with torch.inference_mode():
        times = measured(runners(family, net, x), arguments.rounds, arguments.repeats)
    print(
        f"resnet(depth=18), {SHAPE}, batch {arguments.batch}, {arguments.threads} threads, "
        f"torch {torch.__version__}, {arguments.rounds} rounds of {arguments.repeats} runs, "
        f"{time.perf_counter() - began:.0f} s\n"
    )
    print(f"{'':10}{'best ms':>9}{'median':>9}{'x plain':>9}{'x export 0':>12}{'x MACs':>8}")
    best = {name: min(runs) for name, runs in times.items()}
    for name, runs in times.items():
        level = int(name.split()[1]) if " " in name else 0
        print(
            f"{name:10}{best[name]:9.2f}{statistics.median(runs):9.2f}"
            f"{best['plain'] / best[name]:9.2f}{best['export 0'] / best[name]:12.2f}"
            f"{levels.macs[0] / levels.macs[level]:8.2f}"
        )
    print(f"\nswitch: {switch_us(family):.2f} us (set_subnet); between exports: a pointer")


if __name__ == "__main__":
    main()
