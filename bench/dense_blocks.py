"""How fast arrays of dense blocks are priced: mass, parameters and MACs together.

    taskset -c 0 python bench/dense_blocks.py

Beside it the same blocks one by one, as `topology.DenseBlock`, on a sample. Both must give the
same masses before a figure is printed.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from nnmass.specs import price_dense_blocks
from nnmass.topology import DenseBlock, DenseBlocks


def all_blocks(most_layers: int) -> DenseBlocks:
    """Growths 4..64, up to ``most_layers`` layers, 16..1036 channels in, bottleneck of 4."""
    growth = np.arange(4, 65)[:, None, None]
    layers = np.arange(1, most_layers + 1)[None, :, None]
    inputs = np.arange(16, 1040, 4)[None, None, :]
    return DenseBlocks(inputs=inputs, growth=growth, layers=layers, inner=4 * growth)


def one_by_one(blocks: DenseBlocks, places: np.ndarray) -> list[float]:
    names = ("inputs", "growth", "layers", "inner")
    columns = [getattr(blocks, name).ravel()[places].tolist() for name in names]
    return [
        DenseBlock(**dict(zip(names, row, strict=True))).mass for row in zip(*columns, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layers", type=int, default=64, help="most layers of a block")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    seconds = []
    for _ in range(arguments.repeats):
        start = time.perf_counter()
        blocks = all_blocks(arguments.layers)
        mass = blocks.mass
        price_dense_blocks(blocks, size=28)
        seconds.append(time.perf_counter() - start)
    places = np.random.default_rng(0).integers(0, mass.size, 5_000)
    start = time.perf_counter()
    masses = one_by_one(blocks, places)
    alone = (time.perf_counter() - start) / len(places)
    assert masses == mass.ravel()[places].tolist()
    print(f"arrays      {mass.size / min(seconds) / 1e6:8.2f} M blocks/s ({mass.size:,} blocks)")
    print(f"one by one  {1 / alone / 1e6:8.2f} M blocks/s, mass alone")


if __name__ == "__main__":
    main()
