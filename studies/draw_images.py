"""Draw a small folder of images in the ImageNet layout: four kinds of patterns in random colours.

    python studies/draw_images.py drawn-images

It stands in for ImageNet where that is not at hand: `nnmass study run
studies/imagenet-mobilenet.toml --quick` trains on it. Nothing can be learned from it but that all
parts of such a study run. Needs Pillow (`pip install "nnmass[images]"`).
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"train": 60, "val": 15}  # images of a class
SIDE = 80


def mask(kind, rng):
    """Where the second colour is, bool (SIDE, SIDE)."""
    y, x = np.mgrid[:SIDE, :SIDE] + rng.integers(0, SIDE)
    period = rng.integers(8, 24)
    stripes = {"rows": y, "columns": x, "diagonals": x + y}
    if kind in stripes:
        return stripes[kind] % period < period // 2
    return (x // period + y // period) % 2 == 0


def draw(kind, rng):
    """One image, uint8 (SIDE, SIDE, 3)."""
    colours = rng.integers(0, 256, size=(2, 3))
    noise = rng.integers(-20, 21, size=(SIDE, SIDE, 3))
    picture = np.where(mask(kind, rng)[..., None], colours[0], colours[1]) + noise
    return picture.clip(0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rng = np.random.default_rng(0)
    for part, n_images in SIZES.items():
        for kind in ("checks", "columns", "diagonals", "rows"):
            place = folder / part / kind
            place.mkdir(parents=True, exist_ok=True)
            for index in range(n_images):
                Image.fromarray(draw(kind, rng)).save(place / f"{index:03}.jpg", quality=90)


if __name__ == "__main__":
    main()
