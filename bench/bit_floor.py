"""Counting the flips that each image needs: all images at once, beside a loop over them.

    python bench/bit_floor.py --images 1000 --features 512 --threads 1

The loop is the definition: for each image sort the gains of all 8 N bits and add them up until the
gap is closed. Ours may be smaller where the gap is closed but for rounding, and never larger.
"""

import argparse
import time

import numpy as np
import torch

from nnmass.audit import UNREACHABLE, flips_needed, quantised_layer


def plain(layer, features, target):
    codes = layer.codes.numpy().astype(np.int64)
    scale = float(layer.scale[target])
    weights = codes * layer.scale.numpy().astype(np.float64)
    bias = layer.bias.numpy().astype(np.float64)
    bits = (codes[target][:, None] & 0xFF) >> np.arange(8) & 1
    values = np.array([1, 2, 4, 8, 16, 32, 64, -128.0]) * scale
    steps = np.where(bits == 0, values, -values)
    needs = []
    for phi in features.numpy().astype(np.float64):
        logits = weights @ phi + bias
        gap = np.delete(logits, target).max() - logits[target]
        gains = np.sort(np.maximum((phi[:, None] * steps).ravel(), 0))[::-1]
        reached = np.cumsum(gains) >= gap
        needs.append(0 if gap <= 0 else int(reached.argmax()) + 1 if reached.any() else UNREACHABLE)
    return np.array(needs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    draws = torch.Generator().manual_seed(0)
    weights = torch.randn(args.classes, args.features, generator=draws) * 0.05
    layer = quantised_layer(weights, torch.zeros(args.classes))
    features = torch.rand(args.images, args.features, generator=draws)
    flips_needed(layer, features[:10], 0)

    start = time.perf_counter()
    ours = flips_needed(layer, features, 0)
    our_s = time.perf_counter() - start
    start = time.perf_counter()
    theirs = plain(layer, features, 0)
    their_s = time.perf_counter() - start
    start = time.perf_counter()
    flips_needed(layer, features, 0, whole_layer=True)
    layer_s = time.perf_counter() - start
    print(f"{args.images} images, {args.classes} x {args.features}, {args.threads} threads")
    print(f"all at once       {our_s:7.3f} s (over the whole layer {layer_s:.3f} s)")
    print(f"image by image    {their_s:7.3f} s")
    print(f"ratio             {their_s / our_s:7.1f}")
    apart = theirs - ours.numpy()
    print(
        f"{(apart == 0).sum()} of {args.images} images have the same count, {(apart > 0).sum()} a "
        f"smaller one (what float32 may err is left to the attacker), {(apart < 0).sum()} a larger"
    )


if __name__ == "__main__":
    main()
