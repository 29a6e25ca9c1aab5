"""Time of LDI: ours beside a plain loop over samples and layers, in the same run.

    python bench/ldi.py                      the three sizes, 100 images each
    python bench/ldi.py --network timm:resnet18 --images 8      every layer of a large network

The loop makes each layer's Jacobian of each image and takes its singular values, as one would
write it down. The released code does that with two more Python loops inside; its times on 2 quiet
cores (torch 2.13) are printed beside: they were not measured in this run.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F

import nnmass

RELEASED_S = {(8, 16, 10): 0.34, (16, 24, 40): 2.03, (32, 32, 80): 5.07}


def plain_loop(net, images):
    """All singular values, one image and one layer at a time."""
    values = []
    last = len(net.layers) - 1
    with torch.no_grad():
        for image in images:
            z, outputs = image, []
            for index, layer in enumerate(net.layers):
                if index:
                    width = net.spec.width
                    links = [int(c) for c in net.links.wiring[index]]
                    z = torch.cat([z, *(outputs[c // width][c % width][None] for c in links)])
                slope = torch.where(z > 0, 1, torch.exp(z)) if index else torch.ones_like(z)
                values.append(torch.linalg.svdvals(layer.weight @ torch.diag(slope)))
                z = layer(F.elu(z) if index else z)
                if index < last:
                    outputs.append(z)
    return torch.cat(values)


def best_of(function, n):
    function()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def eigenvalues_alone(side, n):
    """Seconds that LAPACK takes for so many matrices of the layers' size, in as many threads."""
    matrices = torch.rand(n, side, 2 * side, dtype=torch.float64)
    parts = (matrices @ matrices.mT).chunk(torch.get_num_threads())
    with ThreadPoolExecutor(len(parts)) as pool:
        return best_of(lambda: list(pool.map(torch.linalg.eigvalsh, parts)), 20)[0]


def small():
    images = torch.rand(100, 784, generator=torch.Generator().manual_seed(0))
    print(f"LDI of 100 images, {torch.get_num_threads()} threads, best of 20 (the loop: once)")
    print(
        "w  d  t      ours ms   loop ms   ratio   released ms   ratio   largest difference   "
        "eigenvalues alone ms   2 images ms"
    )
    for (w, d, t), released_s in RELEASED_S.items():
        net = nnmass.build(f"dense-mlp(w={w},d={d},t={t})", seed=0)
        ours, result = best_of(lambda net=net: nnmass.ldi(net, images), 20)
        start = time.perf_counter()
        values = plain_loop(net, images).double()
        loop = time.perf_counter() - start
        difference = max(
            abs(result.pooled_mean - float(values.mean())),
            abs(result.std - float(values.std(correction=0))),
        )
        print(
            f"{w:<2} {d:<2} {t:<3} {1e3 * ours:10.1f} {1e3 * loop:9.0f} {loop / ours:6.0f}x "
            f"{1e3 * released_s:12.0f} {released_s / ours:6.0f}x {difference:16.1e} "
            f"{1e3 * eigenvalues_alone(w, 100 * (d - 1)):22.1f} "
            f"{1e3 * best_of(lambda net=net: nnmass.ldi(net, images[:2]), 20)[0]:15.1f}"
        )


def large(name, n_images, tolerance):
    opened = nnmass.open_network(name, seed=0, weights=True)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(n_images, *opened.input_shape, generator=generator)
    result = nnmass.ldi(opened.model, images, tolerance=tolerance)
    print(f"{name}, {n_images} images of {opened.input_shape}: {result.elapsed_s:.1f} s")
    for layer in result.layers:
        error = 100 * layer.mean_error / layer.mean
        print(
            f"{layer.path:28} {layer.rows:>7} x {layer.columns:<7} {layer.method:9} "
            f"{layer.mean:.4f} +- {error:.2f} %  {layer.n_images} images"
        )
    worst = max(layer.mean_error / layer.mean for layer in result.layers)
    print(f"largest error bar {100 * worst:.2f} %, mean {result.mean:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--network", help="a network to measure instead, such as timm:resnet18")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--tolerance", type=float, default=0.01)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.network:
        large(arguments.network, arguments.images, arguments.tolerance)
    else:
        small()


if __name__ == "__main__":
    main()
