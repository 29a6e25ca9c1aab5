"""Sparse convolutions beside dense and masked ones: inference and a training step.

python bench/sparse_conv.py                 # ResNet-18 of CIFAR, batch 1 and 32, 2 threads
python bench/sparse_conv.py --threads 1 --rounds 20 --batches 1

Dense is the faster of both memory formats, batch norms folded; so is each of ours. Rounds are
interleaved: every network runs once in each, so that what else the machine does hits all alike.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time

import torch

import nnmass
from nnmass.slim import PSConv2d, fold_batch_norm, sparsify

NETWORK, SHAPE = "resnet(depth=18,stem=cifar)", (3, 32, 32)
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
TAPS = (4, 2, 1)


def masked(net, kss):
    """The dense network with the dead taps of ours at zero: what a mask gives."""
    plain = copy.deepcopy(net)
    for path, layer in sparsify(net, kss).named_modules():
        if isinstance(layer, PSConv2d):
            plain.get_submodule(path).weight.data.copy_(layer.to_dense().detach())
    return plain


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


def timed(models, batch, rounds, run):
    """Milliseconds of every round, for each network in each memory format."""
    cases, x = {}, torch.randn(batch, *SHAPE)
    for name, model in models.items():
        for order, memory in FORMATS.items():
            own = copy.deepcopy(model).to(memory_format=memory)
            cases[name, order] = (own, x.contiguous(memory_format=memory))
    times = {case: [] for case in cases}
    for number in range(rounds + 1):
        for case, (model, given) in cases.items():
            start = time.perf_counter()
            run(model, given)
            if number:  # the first round warms up
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
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = nnmass.build(NETWORK)
    print(f"{NETWORK}, torch {torch.__version__}, {options.threads} threads")
    for batch in options.batches:
        rounds = options.rounds if batch < 8 else max(3, options.rounds // 4)
        title = f"batch {batch}, {rounds} rounds"
        show(f"inference, {title}", timed(variants(net, training=False), batch, rounds, infer))
        if not options.inference:
            models = variants(net, training=True)
            show(f"training step, {title}", timed(models, batch, rounds, step))


if __name__ == "__main__":
    main()
