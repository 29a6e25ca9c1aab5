"""A sweep over patch sizes and thresholds: votes once, beside a forward pass for every question.

    python bench/patch_sweep.py                              # 500 made images of MNIST's shape
    python bench/patch_sweep.py --images 10000 --data-dir ~/data --threads 2

The reference is the straightforward loop: for each of 6 patch sizes and 4 thresholds the network
is run again on every band, band by band, with the two halves of an image written into zeros, and
certified by the count rule. Both must give the same votes, bit for bit, and the same counts.
"""

import argparse
import time

import numpy as np
import torch
from patch_certificates import mnist_net

from nnmass.audit import Ablation, SmoothedNet, certify_votes, collect_votes
from nnmass.data import load_dataset

PATCHES, THRESHOLDS = (1, 2, 3, 4, 5, 6), (0.2, 0.3, 0.4, 0.5)
BATCH = 100


@torch.no_grad()
def reference(net, images, labels, ablation, patch, threshold):
    """Right and certified predictions, by forward passes of their own, and their votes."""
    size, width = ablation.size, ablation.image[1]
    reach = patch + size - 1
    certified, all_votes = 0, []
    for first in range(0, len(images), BATCH):
        x, y = images[first : first + BATCH], labels[first : first + BATCH]
        votes = []
        for start in range(width):
            kept, rest = torch.zeros_like(x), torch.zeros_like(x)
            columns = [(start + j) % width for j in range(size)]
            kept[..., columns] = x[..., columns]
            rest[..., columns] = 1 - x[..., columns]
            votes.append(net(torch.cat((kept, rest), 1)).softmax(1) >= threshold)
        votes = torch.stack(votes, 1)
        counts = votes.sum(1)
        for row, label in zip(counts.tolist(), y.tolist(), strict=True):
            t = row.index(max(row))
            rivals = (n + (k < t) for k, n in enumerate(row) if k != t)
            certified += t == label and row[t] >= max(rivals) + 2 * reach
        all_votes.append(votes)
    return certified, torch.cat(all_votes).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--data-dir", default=None, help="MNIST, in place of made images")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.data_dir:
        data = load_dataset("mnist", data_dir=args.data_dir)
        images = torch.from_numpy(data.test_images[: args.images]).float() / 255
        labels = torch.from_numpy(data.test_labels[: args.images])
    else:
        draws = torch.Generator().manual_seed(0)
        images = torch.rand(args.images, 1, 28, 28, generator=draws)
        labels = torch.randint(10, (args.images,), generator=draws)
    base = mnist_net().eval()
    with torch.no_grad():
        base[-1].weight *= 8  # decided votes, so that something is certified
    ablation = Ablation(mode="column", size=2, image=(28, 28))

    net = SmoothedNet(base, ablation)
    collect_votes(net, images[:40], labels[:40], images_at_once=4)  # neither starts cold
    reference(base, images[:BATCH], labels[:BATCH], ablation, 1, 0.2)

    start = time.perf_counter()
    table = collect_votes(net, images, labels, images_at_once=4)
    audit = certify_votes(table, patches=PATCHES, thresholds=THRESHOLDS)
    ours = time.perf_counter() - start
    counted = {
        (row.threshold, row.patch[0]): round(row.count_accuracy * len(images)) for row in audit.rows
    }

    start, same = time.perf_counter(), 0
    for threshold in THRESHOLDS:
        for patch in PATCHES:
            found, votes = reference(base, images, labels, ablation, patch, threshold)
            is_same = np.array_equal(votes, table.votes(threshold))
            same += is_same and found == counted[threshold, patch]
    theirs = time.perf_counter() - start
    n = len(PATCHES) * len(THRESHOLDS)
    print(f"{n} points, {len(images)} images, {ablation}, {args.threads} threads")
    print(f"votes once      {ours:8.2f} s, of which the network {table.seconds:.2f} s")
    print(f"every question  {theirs:8.2f} s")
    print(f"ratio           {theirs / ours:8.1f}")
    print(f"{same} of {n} points have the same votes, bit for bit, and the same certified images")


if __name__ == "__main__":
    main()
