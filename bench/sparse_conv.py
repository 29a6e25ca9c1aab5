"""Sparse convolutions beside dense and masked ones: inference and a training step.

python bench/sparse_conv.py                 # ResNet-18 of CIFAR, batch 1 and 32, 2 threads
python bench/sparse_conv.py --threads 1 --rounds 20 --batches 1
python bench/sparse_conv.py --threads 1 --layer     # one layer: 256 to 256 channels, 14 x 14

Dense is the faster of both memory formats, batch norms folded; so is each of ours, with the ways
of its layers chosen by `nnmass.slim.tuned`. Rounds are interleaved, so that what else the machine
does hits all networks alike; in each round a network runs a few times in a row, as in use, and the
first run does not count.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time

import torch

import nnmass
from nnmass.slim import PSConv2d, fold_batch_norm, sparsify, tuned

NETWORK, SHAPE = "resnet(depth=18,stem=cifar)", (3, 32, 32)
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
LAYER = (256, 14, 14)
TAPS = (4, 2, 1)
RUNS = 3  # in a row, of each network in each round


def masked(net, kss):
    """The dense network with the dead taps of ours at zero: what a mask gives."""
    plain = copy.deepcopy(net)
    for path, layer in sparsify(net, kss).named_modules():
        if isinstance(layer, PSConv2d):
            plain.get_submodule(path).weight.data.copy_(layer.to_dense().detach())
    return plain


def one_layer():
    """A layer of 256 channels alone: dense, masked, ours."""
    dense = torch.nn.Conv2d(LAYER[0], LAYER[0], 3, padding=1)
    ours = {kss: PSConv2d(LAYER[0], LAYER[0], 3, kss=kss, padding=1) for kss in TAPS}
    made = {"dense": dense, "masked, kss 4": copy.deepcopy(dense)}
    made["masked, kss 4"].weight.data.mul_(ours[4].mask())
    return made | {f"ours, kss {kss}": layer for kss, layer in ours.items()}


def variants(net, *, training):
    made = {"dense": net, "masked, kss 4": masked(net, 4)}
    made |= {f"ours, kss {kss}": sparsify(net, kss) for kss in TAPS}
    if training:
        return {name: model.train() for name, model in made.items()}
    return {name: fold_batch_norm(model, SHAPE) for name, model in made.items()}


def infer(model, x):
    with torch.no_grad():
        model(x)


def step(model, x):
    model(x).square().mean().backward()


def timed(models, batch, rounds, run, shape=SHAPE):
    """Milliseconds of every round, for each network in each memory format."""
    cases, x = {}, torch.randn(batch, *shape)
    for name, model in models.items():
        for order, memory in FORMATS.items():
            own = copy.deepcopy(model).to(memory_format=memory)
            given = x.contiguous(memory_format=memory)
            if run is infer and name.startswith("ours"):
                own = tuned(own, given)
            cases[name, order] = (own, given)
    times = {case: [] for case in cases}
    for _ in range(rounds):
        for case, (model, given) in cases.items():
            run(model, given)
            for _ in range(RUNS):
                start = time.perf_counter()
                run(model, given)
                times[case].append(1e3 * (time.perf_counter() - start))
    return times


def show(title, times):
    print(f"\n{title}: ms (times faster than dense)")
    names = list(dict.fromkeys(name for name, _ in times))
    for what, summary in (("median", statistics.median), ("best", min)):
        fastest = {
            name: min((summary(times[name, order]), order) for order in FORMATS) for name in names
        }
        base = fastest["dense"][0]
        for name, (value, order) in fastest.items():
            print(f"  {what:6}  {name:14} {order}  {value:9.2f}  ({base / value:.2f}x)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--inference", action="store_true", help="no training step")
    parser.add_argument("--network", default=NETWORK, help="a spec of 3x32x32 images")
    parser.add_argument("--layer", action="store_true", help="one layer, no network")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.layer:
        show(f"{LAYER}, batch 1", timed(one_layer(), 1, options.rounds, infer, LAYER))
        return
    net = nnmass.build(options.network)
    print(f"{options.network}, torch {torch.__version__}, {options.threads} threads")
    for batch in options.batches:
        rounds = options.rounds if batch < 8 else max(3, options.rounds // 4)
        title = f"batch {batch}, {rounds} rounds"
        show(f"inference, {title}", timed(variants(net, training=False), batch, rounds, infer))
        if not options.inference:
            models = variants(net, training=True)
            show(f"training step, {title}", timed(models, batch, rounds, step))


if __name__ == "__main__":
    main()
