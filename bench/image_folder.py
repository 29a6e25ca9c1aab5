"""Loading an image folder: a plain loop, our first load, and our second one from the cache.

Makes JPEG files of 500x375 pixels (smooth colours with noise, quality 90) in a temporary folder.
The plain loop opens each with pillow, resizes and cuts it, and keeps it in memory. The number of
threads of ours is the number of processors; JPEG's own scaling is what saves most.

    python bench/image_folder.py
    python bench/image_folder.py --images 2000 --size 64
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from nnmass.data import load_dataset


def make(root: Path, count: int) -> None:
    generator = np.random.default_rng(0)
    y, x = np.ogrid[:375, :500]
    for index in range(count):
        part = "val" if index % 10 == 9 else "train"
        folder = root / part / f"class-{index % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        smooth = np.stack([x * a + y * b for a, b in generator.uniform(0, 0.25, (3, 2))], axis=2)
        pixels = smooth + generator.normal(0, 8, smooth.shape)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        image.save(folder / f"{index:05d}.jpg", quality=90)


def plain(root: Path, size: int) -> np.ndarray:
    images = []
    for path in sorted(root.rglob("*.jpg")):
        image = Image.open(path).convert("RGB")
        scale = size / min(image.size)
        wide = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR
        )
        left, top = (wide.width - size) // 2, (wide.height - size) // 2
        images.append(np.asarray(wide.crop((left, top, left + size, top + size))))
    return np.stack(images).transpose(0, 3, 1, 2).copy()


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "images", Path(folder) / "cache"
        make(root, options.images)
        name = f"folder({root},size={options.size})"
        base = timed(lambda: plain(root, options.size))
        first = timed(lambda: load_dataset(name, cache_dir=cache))
        second = timed(lambda: load_dataset(name, cache_dir=cache))
    print(f"{options.images:,} JPEG files of 500x375 to {options.size}x{options.size}, "
          f"{os.cpu_count()} processors")  # fmt: skip
    for what, seconds in (("plain loop", base), ("first load", first), ("second load", second)):
        rate = options.images / seconds
        print(f"{what:12s} {seconds:8.3f} s   {rate:12,.0f} images/s   {base / seconds:8.1f}x")


if __name__ == "__main__":
    main()
