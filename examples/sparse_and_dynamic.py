"""Slim a network in two ways: fewer taps in its kernels, and several sizes in one.

Takes 25 s on one slow core. Writes nothing.

    python examples/sparse_and_dynamic.py
"""

# %% A small network, trained for a few epochs on digits
import torch

import nnmass
from nnmass.data import load_dataset, take
from nnmass.slim import (
    SandwichObjective,
    SubnetFamily,
    choose_levels,
    sparse_report,
    sparsify,
)
from nnmass.train import Recipe, train_module

NET = "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)"
torch.set_num_threads(1)
digits = take(load_dataset("digits"), n_train=900, n_test=300)
recipe = Recipe(epochs=4, batch_size=32, lr=0.05)
dense = train_module(nnmass.build(NET, seed=0), digits, subject=NET, recipe=recipe)
topology = nnmass.trace(dense.net, digits.info.shape)
print(
    f"dense: {topology.params:,} params, {topology.macs:,} MACs, NN-Mass {topology.mass:.0f}, "
    f"test accuracy {dense.record.test_accuracy:.1%}"
)

# %% Sparse by design: 4, 2 or 1 live taps of 9, trained from scratch; the skips stay as they are
for kss in (4, 2, 1):
    sparse = sparsify(nnmass.build(NET, seed=0), kss=kss, weights="fresh")
    trained = train_module(sparse, digits, subject=f"{NET}, {kss} taps", recipe=recipe)
    report = sparse_report(sparse)
    topology = nnmass.trace(trained.net, digits.info.shape)
    print(
        f"{kss} of 9 taps: {report.params_after:,} params, {topology.macs:,} MACs, "
        f"NN-Mass {topology.mass:.0f}, test accuracy {trained.record.test_accuracy:.1%}"
    )

# %% Dynamic: nested levels of one network, chosen by the norm of their channels
levels = choose_levels(
    dense.net, digits.info.shape, method="norm", widths=(1, 0.75, 0.5, 0.25), divisor=4
)
family = SubnetFamily(dense.net, levels.kept, input_shape=digits.info.shape)
joint = train_module(
    family, digits, subject="four in one", objective=SandwichObjective(), recipe=recipe
)
for subnet, figures in zip(family.subnets, joint.record.levels.values(), strict=True):
    print(
        f"level {subnet.name}: {subnet.params:,} params, {subnet.macs:,} MACs, "
        f"NN-Mass {subnet.mass:.0f}, test accuracy {figures['test_accuracy']:.1%}"
    )

# %% Switching takes a microsecond; an export is a plain network of its own
family = joint.net.eval()
images = torch.zeros(1, *digits.info.shape)
with torch.no_grad():
    with family.using(3):
        switched = family(images)
    exported = family.export(3)(images)
gap = float((switched - exported).abs().max())
print(f"the smallest level, switched to and exported: logits differ by {gap:.1e} at most")
