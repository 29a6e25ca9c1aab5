"""Accuracy of slimmed networks, trained on real images: the tables in results/ about `nnmass.slim`.

    python bench/slim_accuracy.py sparse --data mnist --out results/sparse_mnist.csv
    python bench/slim_accuracy.py subnets --data cifar10 --out results/subnets_cifar10.csv
    python bench/slim_accuracy.py show --out results/sparse_mnist.csv

`sparse` trains a network dense and with fewer taps a kernel, from scratch, all else equal.
`subnets` trains a network, chooses four nested sub-networks in it by several methods at equal
multiply-adds, and trains them together. Rows that the table holds already are not made again, so
that a stopped run goes on. `show` prints means over seeds, with standard errors.
"""

import argparse
import csv
import io
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev

import torch

from nnmass.data import load_dataset, take
from nnmass.nets import build
from nnmass.runs import write_atomic
from nnmass.train import Recipe, train_module
from nnmass.train._batches import split

VARIANTS = [(9, "dense"), *((kss, assign) for assign in ("in", "periodic") for kss in (4, 2, 1))]
METHODS = ("uniform", "norm", "mass")
WIDTHS = (1.0, 0.75, 0.5, 0.25)
DIVISOR = 4  # a quarter of ResNet-20's 16 channels
SUBNET_NAMES = ("net", "data", "method", "seed")
NOT_TOLD = ("data_dir", "work", "device")


def images_for(job):
    data = load_dataset(job["data"], data_dir=Path(job["data_dir"]) if job["data_dir"] else None)
    return take(data, n_train=job["n_train"], n_test=job["n_test"], seed=0)


def recipe_for(job, **changes):
    augment = "crop:4+flip" if job["data"] == "cifar10" else "none"
    fields = {"epochs": job["epochs"], "batch_size": job["batch_size"], "lr": job["lr"]}
    return Recipe(**{**fields, "augment": augment, **changes})


def sparse_rows(job):
    """One training from scratch; the dense network has 9 taps a kernel."""
    net = build(job["net"], job["seed"]).to(memory_format=torch.channels_last)
    if job["kss"] < 9:
        from nnmass.slim import sparsify

        net = sparsify(net, kss=job["kss"], assign=job["assign"], seed=job["seed"], weights="fresh")
    result = train_module(
        net,
        images_for(job),
        subject=f"{job['net']} kss={job['kss']} {job['assign']}",
        recipe=recipe_for(job),
        seed=job["seed"],
        device=job["device"],
    )
    record = result.record
    figures = {"mass": record.mass, "params": record.params, "macs": record.macs}
    accuracy = {"accuracy": record.test_accuracy, "last_accuracy": record.last_test_accuracy}
    return [job | figures | accuracy]


def subnets_rows(job):
    """A background network, four levels in it, trained together; a row for each level."""
    from nnmass.slim import SandwichObjective, SubnetFamily, calibrate, choose_levels

    data = images_for(job)
    net = background(job, data)
    shape = data.info.shape
    levels = choose_levels(net, shape, method=job["method"], widths=WIDTHS, divisor=DIVISOR)
    family = SubnetFamily(net, levels.kept, input_shape=shape)
    result = train_module(
        family,
        data,
        subject=f"{job['net']} {job['method']}",
        objective=SandwichObjective(),
        recipe=recipe_for(job, lr=job["lr"] / 2),
        seed=job["seed"],
        device=job["device"],
    )
    family = result.net
    parts = split(data, validation_share=0.1, seed=job["seed"], device=torch.device(job["device"]))
    own = [accuracy_of(family, number, parts) for number in range(len(levels))]
    calibrate(family, parts.train.in_order(256))
    rows = []
    for number, subnet in enumerate(family.subnets):
        figures = {name: getattr(subnet, name) for name in ("mass", "params", "macs")}
        accuracy = {"accuracy": accuracy_of(family, number, parts), "own_accuracy": own[number]}
        rows.append(job | {"level": number} | figures | accuracy)
    return rows


def background(job, data):
    """The network that levels are chosen in; one for each seed, whatever the method."""
    folder = Path(job["work"]) / f"{job['data']}-{job['seed']}"
    net = build(job["net"], job["seed"]).to(memory_format=torch.channels_last)
    result = train_module(
        net,
        data,
        subject=job["net"],
        recipe=recipe_for(job),
        seed=job["seed"],
        device=job["device"],
        folder=folder,
        resume=True,
    )
    return result.net


@torch.no_grad()
def accuracy_of(family, number, parts):
    family.eval()
    correct = 0
    with family.using(number):
        for images, labels in parts.test.in_order(512):
            correct += int((family(images).argmax(1) == labels).sum())
    return correct / len(parts.test)


def key_of(row, names):
    return tuple(str(row[name]) for name in names)


def write_rows(path, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue())


def read_rows(path):
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def start_worker():
    torch.set_num_threads(1)


def run_all(jobs, make, path, *, workers, names):
    """Make the rows of all jobs that are not in the table, and write it after each."""
    rows = read_rows(path)
    done = {key_of(row, names) for row in rows}
    todo = [job for job in jobs if key_of(job, names) not in done]
    print(f"{len(jobs) - len(todo)} of {len(jobs)} are in {path} already", flush=True)
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker) as pool:
        for future in as_completed([pool.submit(make, job) for job in todo]):
            made = [{k: v for k, v in row.items() if k not in NOT_TOLD} for row in future.result()]
            rows += made
            write_rows(path, rows)
            for row in made:
                shown = {k: row[k] for k in (*names, "accuracy")}
                print(" ".join(f"{k}={v}" for k, v in shown.items()), flush=True)


def show(rows):
    """Means over seeds as a Markdown table."""
    keys = ("method", "level") if "method" in rows[0] else ("kss", "assign")
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    first = rows[0]
    print(f"{first['net']}, {first['data']}, {first['n_train']} images, {first['epochs']} epochs")
    print(f"| {' | '.join(keys)} | params | MACs | NN-Mass | accuracy % | seeds |")
    for key, group in groups.items():
        params, macs = (fmean(float(row[name]) for row in group) for name in ("params", "macs"))
        mass = fmean(float(row["mass"]) for row in group)
        values = [100 * float(row["accuracy"]) for row in group]
        error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
        cells = (*key, f"{params:,.0f}", f"{macs / 1e6:.2f} M", f"{mass:.0f}")
        print(f"| {' | '.join(cells)} | {fmean(values):.1f} +- {error:.1f} | {len(values)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=["sparse", "subnets", "show"])
    parser.add_argument("--data", default="mnist", choices=["mnist", "cifar10"])
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--net", default=None)
    parser.add_argument("--n-train", type=int, default=None)
    parser.add_argument("--n-test", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--work", default="runs/slim", help="where backgrounds are kept")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.kind == "show":
        show(read_rows(args.out))
        return
    channels = 1 if args.data == "mnist" else 3
    image = 28 if args.data == "mnist" else 32
    default = f"resnet(depth=20,classes=10,stem=cifar,in={channels},image={image})"
    shared = {
        name: getattr(args, name)
        for name in (
            "data",
            "data_dir",
            "n_train",
            "n_test",
            "epochs",
            "batch_size",
            "lr",
            "device",
        )
    } | {"net": args.net or default}
    seeds = range(args.seeds)
    if args.kind == "sparse":
        jobs = [
            shared | {"kss": kss, "assign": assign, "seed": seed}
            for seed in seeds
            for kss, assign in VARIANTS
        ]
        names = ("net", "data", "kss", "assign", "seed")
        run_all(jobs, sparse_rows, args.out, workers=args.workers, names=names)
        return
    jobs = [shared | {"seed": seed, "method": METHODS[0]} for seed in seeds]
    run_all(jobs, subnets_rows, args.out, workers=args.workers, names=SUBNET_NAMES)
    jobs = [job | {"method": method} for job in jobs for method in METHODS[1:]]
    run_all(jobs, subnets_rows, args.out, workers=args.workers, names=SUBNET_NAMES)


if __name__ == "__main__":
    main()
