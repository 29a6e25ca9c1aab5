"""How long the exact solver takes: dense CNNs, the options of a cell being depth and link cap.

    taskset -c 0 python bench/solver.py

Two plain references, each of which must give the same optimum in the same run: all choices of a
small space, looked at one by one with numpy; and, for one budget, the joined front of costs and
masses, cell after cell, without bounds. Then growth with depths and cells, with one, two and three
budgets. A space of depths 4..64 in three cells has 1.95e15 networks.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from nnmass.design._knapsack import Options, solve
from nnmass.errors import NNMassError, UnprovenError

WIDTHS = {
    1: (64,),
    2: (32, 64),
    3: (32, 64, 128),
    4: (32, 64, 128, 128),
    5: (32, 32, 64, 64, 128),
    6: (32, 32, 64, 64, 128, 128),
}
SHARES = (0.02, 0.14, 0.6, 0.97)  # of the greatest mass


def quantities(width: int, inputs: int, size: int, depths: range) -> np.ndarray:
    """(n, 4): parameters, mass, MACs and a made-up, noisy latency of every option of a cell."""
    noise = np.random.default_rng(width)
    tables = []
    for d in depths:
        caps = np.arange(width * (d - 2) + 1)
        full = np.minimum(caps // width, d - 2)
        links = width * full * (full + 1) // 2 + caps * (d - 2 - full)
        weights = 9 * width * (inputs + width * (d - 1) + links)
        stepped = 9 * width * (inputs + width * (d - 1) + -(-links // 8) * 8)
        latency = (0.02 * d + stepped * size**2 / 2e7) * noise.normal(1, 0.05, len(caps))
        mass = 2 * links * d / ((d - 1) * (d - 2))
        columns = [weights + 2 * (width * d + links), mass, weights * size**2, latency]
        tables.append(np.column_stack(columns))
    return np.concatenate(tables)


def space(n_cells: int, deepest: int) -> list[np.ndarray]:
    widths = WIDTHS[n_cells]
    return [
        quantities(width, inputs, max(4, 32 >> c), range(4, deepest + 1))
        for c, (width, inputs) in enumerate(zip(widths, (3, *widths), strict=False))
    ]


def problem(cells: list[np.ndarray], cost: int, budgets: dict[int, float]):
    """Cost and budgets by column; column 1, the mass, must be reached, the others not exceeded."""
    signs = np.array([-1.0 if column == 1 else 1.0 for column in budgets])
    options = [Options(cell[:, cost], cell[:, list(budgets)] * signs) for cell in cells]
    return options, np.array(list(budgets.values())) * signs


def timed(options: list[Options], limits: np.ndarray, most_joins: int):
    start = time.perf_counter()
    try:
        found = solve(options, limits, most_joins=most_joins)
    except UnprovenError:
        return None, time.perf_counter() - start, "unproven"
    note = "none" if found is None else "optimal" if found.is_optimal else "unproven"
    return found, time.perf_counter() - start, note


def by_enumeration(options: list[Options], limits: np.ndarray) -> float:
    """The least cost of two cells, all pairs at once."""
    one, other = options
    cost = one.cost[:, None] + other.cost
    for k, limit in enumerate(limits):
        cost[one.use[:, k, None] + other.use[None, :, k] > limit + 1e-9 * abs(limit)] = math.inf
    return float(cost.min())


def by_fronts(options: list[Options], limits: np.ndarray) -> float:
    """The least cost under one budget: fronts joined cell after cell, without bounds."""
    cost, use = np.zeros(1), np.zeros(1)
    for cell in options:
        cost = (cost[:, None] + cell.cost).ravel()
        use = (use[:, None] + cell.use[:, 0]).ravel()
        order = np.lexsort((use, cost))
        cost, use = cost[order], use[order]
        kept = np.append(True, use[1:] < np.minimum.accumulate(use)[:-1])
        cost, use = cost[kept], use[kept]
    return float(cost[use <= limits[0] + 1e-9 * abs(limits[0])].min())


def references() -> None:
    print("against plain references        networks   reference      solver")
    cases = [("enumeration, 3 budgets", 2, 8, by_enumeration), ("joined fronts", 3, 8, by_fronts)]
    for name, n_cells, deepest, reference in cases:
        cells = space(n_cells, deepest)
        greatest = sum(cell[:, 1].max() for cell in cells)
        budgets = {1: 0.6 * greatest}
        if n_cells == 2:
            budgets |= {j: 0.75 * sum(cell[:, j].max() for cell in cells) for j in (2, 3)}
        options, limits = problem(cells, 0, budgets)
        start = time.perf_counter()
        expected = reference(options, limits)
        seconds = time.perf_counter() - start
        found, ours, _ = timed(options, limits, 10**9)
        if found is None or not math.isclose(found.cost, expected, rel_tol=1e-12):
            raise NNMassError(f"{name}: the solver found {found}, the reference {expected}.")
        size = math.prod(map(len, cells))
        print(f"{name:26s}{size:14,d}{seconds:10.3f} s{ours:10.3f} s")


def growth(n_cells: int, deepest: int, most_joins: int) -> None:
    """One line a space: the slowest of the targets, for one, two and three budgets."""
    cells = space(n_cells, deepest)
    greatest = sum(cell[:, 1].max() for cell in cells)
    line = f"{n_cells} cells, d 4..{deepest:<3d}{math.prod(map(len, cells)):12.2e}"
    for n_budgets in (1, 2, 3):
        runs = [one_target(cells, s * greatest, n_budgets, most_joins) for s in SHARES]
        slowest = max(seconds for seconds, _ in runs)
        n_open = sum(note == "unproven" for _, note in runs)
        line += f"{slowest:9.2f} s" + (f" ({n_open} open)" if n_open else "         ")
    print(line, flush=True)


def one_target(cells: list[np.ndarray], mass: float, n_budgets: int, most_joins: int):
    """Fewest parameters; the other budgets half way between their least and what these need."""
    budgets = {1: mass}
    free, seconds, note = timed(*problem(cells, 0, budgets), most_joins)
    if n_budgets == 1 or free is None:
        return seconds, note
    for column in (2, 3)[: n_budgets - 1]:
        needed = sum(float(cell[i, column]) for cell, i in zip(cells, free.options, strict=True))
        least, _, _ = timed(*problem(cells, column, {1: mass}), most_joins)
        budgets[column] = (needed + (least.cost if least else needed)) / 2
    _, seconds, note = timed(*problem(cells, 0, budgets), most_joins)
    return seconds, note


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--most-joins", type=int, default=10_000_000, help="when to give up")
    arguments = parser.parse_args()
    references()
    print(
        "\nslowest of 4 targets         networks    1 budget           2 budgets          3 budgets"
    )
    for deepest in (8, 16, 32):
        growth(3, deepest, arguments.most_joins)
    for n_cells in WIDTHS:
        growth(n_cells, 64 if n_cells < 5 else 16, arguments.most_joins)


if __name__ == "__main__":
    main()
