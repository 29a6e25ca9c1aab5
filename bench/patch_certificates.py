"""Certified accuracy against patches on real images: the tables in results/patch_*.csv.

    python bench/patch_certificates.py train --data mnist --work runs/patch
    python bench/patch_certificates.py certify --data mnist --out results/patch_mnist.csv

`train` makes the voting network and can be stopped and run again; `certify` collects the votes of
the test images once and answers every patch size, threshold and rule from them. The first 5,000
test images (of a fixed draw) are the validation half that a threshold may be chosen on, the others
the half that is reported.
"""

import argparse
import csv
import io
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nnmass.audit import Ablation, SmoothedNet, certify_votes, collect_votes, train_smoothed
from nnmass.data import load_dataset, take
from nnmass.nets import build, read_tensors
from nnmass.runs import write_atomic
from nnmass.train import Recipe


def mnist_net(seed=0):
    """The MNIST network of Levine and Feizi's code: two convolutions of stride 2, three linear."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(2, 64, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(128 * 7 * 7, 500),
            nn.ReLU(),
            nn.Linear(500, 100),
            nn.ReLU(),
            nn.Linear(100, 10),
        )


def cifar_net(name, seed=0):
    return build(name, seed)


PATCHES = tuple(range(1, 13))
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, "top-one")

SETTINGS = {
    "mnist": {"size": 2, "threshold": 0.3, "augment": "none"},
    "cifar10": {"size": 4, "threshold": 0.3, "augment": "crop:4+flip"},
}


def smoothed(args):
    chosen = SETTINGS[args.data]
    side = 28 if args.data == "mnist" else 32
    base = mnist_net(args.seed) if args.data == "mnist" else cifar_net(args.net, args.seed)
    ablation = Ablation(mode="column", size=chosen["size"], image=(side, side))
    net = base.to(memory_format=torch.channels_last)
    return SmoothedNet(net, ablation, threshold=chosen["threshold"])


def train(args):
    data = load_dataset(args.data, data_dir=args.data_dir)
    data = take(data, n_train=args.n_train, n_test=args.n_test, seed=0)
    recipe = Recipe(
        epochs=args.epochs,
        batch_size=128,
        optimiser=args.optimiser,
        lr=args.lr,
        weight_decay=0.0 if args.optimiser == "adam" else 5e-4,
        validation_share=0.02,
        augment=SETTINGS[args.data]["augment"],
        precision=args.precision,
    )
    result = train_smoothed(
        smoothed(args),
        data,
        name=f"{args.data} column:{SETTINGS[args.data]['size']}",
        recipe=recipe,
        seed=args.seed,
        folder=args.work / args.data,
        resume=True,
        device=args.device,
        on_step=lambda step: tell(step) if step.step == step.steps else None,
    )
    print(result.record)


def certify(args):
    """Votes of all test images once; a row for each threshold and patch, and for both halves."""
    data = load_dataset(args.data, data_dir=args.data_dir)
    net = smoothed(args).eval()
    weights = args.work / args.data / "best" / "model.safetensors"
    net.load_state_dict(read_tensors(weights, schema="nnmass.weights/1")[0])
    order = np.random.default_rng(0).permutation(len(data.test_labels))[: args.n_test]
    images = torch.from_numpy(data.test_images[order]).float() / data.info.scale
    table = collect_votes(
        net, images, data.test_labels[order], network=args.data, device=args.device
    )
    half = len(table) // 2
    rows = []
    for part, name in ((slice(0, half), "validation"), (slice(half, None), "test")):
        audit = certify_votes(table.part(part), patches=PATCHES, thresholds=THRESHOLDS)
        for row in audit.rows:
            told = row.to_dict()
            told["patch"] = row.patch[0]
            low, high = told.pop("certified_interval")
            del told["clean_interval"]
            rows.append({"part": name, **told, "certified_low": low, "certified_high": high})
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(args.out, text.getvalue())
    print(f"{table.forward_copies:,} copies in {table.seconds:.0f} s; notes: {table.notes}")
    show(args)


def show(args):
    """The 5x5 rows of the test half, and the threshold that the validation half chooses."""
    with args.out.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["patch"] == str(args.patch)]
    chosen = max(
        (row for row in rows if row["part"] == "validation"),
        key=lambda row: float(row["certified_accuracy"]),
    )["threshold"]
    print(f"patch {args.patch}x{args.patch}, {rows[0]['n_images']} images a half")
    print("| votes at | clean % | certified % | 95 % | count rule % | certified, wrong % |")
    for row in rows:
        if row["part"] == "test":
            names = ("clean_accuracy", "certified_accuracy", "certified_low", "certified_high",
                     "count_accuracy", "certified_wrong")  # fmt: skip
            clean, certified, low, high, count, wrong = (100 * float(row[n]) for n in names)
            mark = " (chosen)" if row["threshold"] == chosen else ""
            print(
                f"| {row['threshold']}{mark} | {clean:.2f} | {certified:.2f} | "
                f"{low:.1f} .. {high:.1f} | {count:.2f} | {wrong:.2f} |"
            )


def tell(step):
    if step.curve:
        print(step.epoch, step.curve[-1], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=["train", "certify", "show"])
    parser.add_argument("--data", default="mnist", choices=list(SETTINGS))
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--net", default="resnet(depth=20,classes=10,stem=cifar,in=6,image=32)")
    parser.add_argument("--n-train", type=int, default=None)
    parser.add_argument("--n-test", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--optimiser", default="adam")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--work", type=Path, default=Path("runs/patch"))
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--patch", type=int, default=5, help="of `show`")
    args = parser.parse_args()
    {"train": train, "certify": certify, "show": show}[args.kind](args)


if __name__ == "__main__":
    main()
