"""Bit-trojan audits of trained networks: the tables in results/bits_*.csv.

    nnmass train "resnet(depth=8,classes=10,stem=cifar,in=1,image=28)" --data mnist --epochs 3 \
        --set lr=0.05 --out runs/mnist8
    python bench/bit_audit.py --model runs/mnist8/best --data mnist --out results/bits_mnist

Writes OUT.csv (every class and place, both ends, the published search at each number of weights,
the released code's floating scale) and OUT_mitigations.csv (the worst case).
"""

import argparse
import csv
import io
from pathlib import Path

import numpy as np
import torch

from nnmass.audit import bit_trojan, with_normalisation
from nnmass.data import load_dataset
from nnmass.nets import open_network
from nnmass.runs import write_atomic

N_WEIGHTS = (10, 24, 48, 97, 150)


def rows_of(audit):
    for case in audit.cases:
        bounds, upper = case.bounds, case.bounds.upper
        row = {
            "target": case.target, "place": case.place, "seed": case.seed,
            "clean_accuracy": bounds.clean_accuracy, "asr0_non": bounds.asr0_non,
            "floor": bounds.floor, "layer_floor": bounds.layer_floor, "upper": bounds.n_upper,
            "method": upper.method if upper else None, "upper_accuracy": upper and upper.accuracy,
            "upper_asr_non": upper and upper.asr_non, "upper_bytes": upper and upper.flips.n_bytes,
            "upper_pages": upper and upper.flips.n_pages,
        }  # fmt: skip
        for found in bounds.rows:
            n = found.n_weights
            row |= {f"flips_{n}": found.flips.n_flips, f"bytes_{n}": found.flips.n_bytes,
                    f"accuracy_{n}": found.accuracy, f"asr_non_{n}": found.asr_non}  # fmt: skip
        for found in case.emulated:
            n = found.n_weights
            row |= {
                f"floating_flips_{n}": found.n_flips,
                f"floating_accuracy_{n}": found.accuracy,
                f"floating_asr_{n}": found.asr,
                f"floating_layer_flips_{n}": found.layer_flips,
            }
        yield row


def write(path, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue())


def show(audit):
    """What the pages quote."""
    print(f"{audit.network}: clean {audit.clean_accuracy:.4f}, {audit.layer_bytes} bytes, "
          f"{audit.seconds:.0f} s, sticker {audit.trigger_px} px")  # fmt: skip
    print("| class | floor | floor, layer | found | by | at | ASR % | clean % |")
    for target in audit.targets:
        case = audit.worst_of(target)
        bounds, upper = case.bounds, case.bounds.upper
        found = (
            (bounds.n_upper, upper.method, case.place, f"{100 * upper.asr_non:.1f}",
             f"{100 * upper.accuracy:.1f}") if upper else ("-", "-", case.place, "-", "-")
        )  # fmt: skip
        cells = (target, bounds.floor, bounds.layer_floor, *found)
        print(f"| {' | '.join(map(str, cells))} |")
    for n in N_WEIGHTS:
        ours = [row for case in audit.cases for row in case.bounds.rows if row.n_weights == n]
        theirs = [row for case in audit.cases for row in case.emulated if row.n_weights == n]
        print(
            f"published search, {n} weights, mean of {len(ours)} cases: flips "
            f"{np.mean([r.flips.n_flips for r in ours]):.0f}, clean "
            f"{100 * np.mean([r.accuracy for r in ours]):.1f} %, ASR "
            f"{100 * np.mean([r.asr_non for r in ours]):.1f} %; floating scale: n_b "
            f"{np.mean([r.n_flips for r in theirs]):.0f} (n_b / n_w "
            f"{np.mean([r.n_flips / max(r.n_bytes, 1) for r in theirs]):.1f}), clean "
            f"{100 * np.mean([r.accuracy for r in theirs]):.1f} %, ASR "
            f"{100 * np.mean([r.asr for r in theirs]):.1f} %, bits really changed "
            f"{np.mean([r.layer_flips for r in theirs]):.0f}"
        )
    print("| mitigation | floor | found | clean % | noticed % | ASR after repair % | us |")
    for row in audit.mitigations:
        shares = (row.clean_accuracy, row.detected, row.recovered_asr)
        clean, noticed, repaired = ("-" if v is None else f"{100 * v:.1f}" for v in shares)
        check = "-" if row.check_us is None else f"{row.check_us:.1f}"
        cells = (row.name, row.floor, row.upper or "-", clean, noticed, repaired, check)
        print(f"| {' | '.join(map(str, cells))} |")
    print(*audit.recommendations, sep="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--n-test", type=int, default=None)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = load_dataset(args.data, data_dir=args.data_dir)
    net = open_network(args.model, weights=True).model
    model = with_normalisation(net, data.info.mean, data.info.std)
    parts = (
        (data.train_images[:1000], data.train_labels[:1000]),
        (data.test_images[: args.n_test], data.test_labels[: args.n_test]),
    )
    audit, evaluation = (
        (images.astype(np.float32) / data.info.scale, labels) for images, labels in parts
    )
    found = bit_trojan(
        model,
        audit=audit,
        evaluation=evaluation,
        n_weights=N_WEIGHTS,
        seeds=tuple(range(args.seeds)),
        emulate_floating_scale=True,
        network=Path(args.model).parent.name,
        device=args.device,
        on_progress=lambda what, done, total: print(f"[{done}/{total}] {what}", flush=True),
    )
    write(f"{args.out}.csv", list(rows_of(found)))
    write(f"{args.out}_mitigations.csv", [row.to_dict() for row in found.mitigations])
    show(found)


if __name__ == "__main__":
    main()
