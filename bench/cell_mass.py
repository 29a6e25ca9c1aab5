"""How fast `nnmass.cell_mass` is, beside two plain ways of doing the same.

    taskset -c 0 python bench/cell_mass.py

Times the masses of random cells on one core: the package, the same O(1) formula written plainly
in numpy (whole arrays, integer division), and the definition summed layer by layer in Python on
a smaller sample. The three must agree before a figure is printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from nnmass import cell_mass

Cells = tuple[np.ndarray, np.ndarray, np.ndarray]


def random_cells(count: int) -> Cells:
    rng = np.random.default_rng(0)
    width, depth = rng.integers(1, 513, count), rng.integers(3, 129, count)
    return width, depth, (rng.random(count) * 1.2 * width * (depth - 2)).astype(np.int64)


def plain_numpy(w: np.ndarray, d: np.ndarray, t: np.ndarray) -> np.ndarray:
    n = d - 2
    k = np.minimum(t // w, n)
    links = w * k * (k + 1) / 2 + t * (n - k)
    return np.where(t >= w * n, w * d, 2 * d / (n * (n + 1)) * links)


def by_layers(w: np.ndarray, d: np.ndarray, t: np.ndarray) -> list[float]:
    masses = []
    for width, depth, cap in zip(w.tolist(), d.tolist(), t.tolist(), strict=True):
        links = possible = 0
        for layer in range(2, depth):
            candidates = width * (layer - 1)
            links += min(cap, candidates)
            possible += candidates
        masses.append(links / possible * width * depth)
    return masses


def best_seconds(function: Callable[..., object], cells: Cells, *, repeats: int) -> float:
    """The fastest of ``repeats`` runs: what is left when nothing else disturbs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*cells)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=4_000_000)
    parser.add_argument("--layer-cells", type=int, default=20_000, help="for the sum over layers")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    cells = random_cells(options.cells)
    few = tuple(array[: options.layer_cells] for array in cells)
    np.testing.assert_allclose(cell_mass(*cells), plain_numpy(*cells), rtol=1e-12)
    np.testing.assert_allclose(cell_mass(*few), by_layers(*few), rtol=1e-12)

    rows = [("nnmass.cell_mass", cell_mass, cells), ("plain numpy", plain_numpy, cells)]
    rows.append(("sum over layers", by_layers, few))
    rates = {}
    for name, function, given in rows:
        seconds = best_seconds(function, given, repeats=options.repeats)
        rates[name] = given[0].size / seconds
        ratio = rates["nnmass.cell_mass"] / rates[name]
        print(
            f"{name:<18}{given[0].size:>12,} cells {seconds:8.3f} s "
            f"{rates[name] / 1e6:10.3f} M cells/s   nnmass is {ratio:,.1f}x"
        )


if __name__ == "__main__":
    main()
