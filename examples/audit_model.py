"""Audit a trained model: what a few flipped bits, or a patch of pixels, could do to it.

Both audits work on a copy in memory; no attacked model is written or given back.

Takes 23 s on one slow core. Writes nothing.

    python examples/audit_model.py
"""

# %% A small network, trained for a few epochs on digits
import torch

import nnmass
from nnmass.audit import (
    Ablation,
    SmoothedNet,
    bit_trojan,
    certify_patches,
    train_smoothed,
    with_normalisation,
)
from nnmass.train import Recipe, train

torch.set_num_threads(1)
data = nnmass.data.load_dataset("digits")
net = train(
    "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)", data, recipe=Recipe(epochs=4, lr=0.05)
).net
train_pixels = torch.from_numpy(data.train_images) / data.info.scale
test_pixels = torch.from_numpy(data.test_images) / data.info.scale

# %% How few flipped bits of its last layer make a sticker win? Proven from below, found from above
audit = bit_trojan(
    with_normalisation(net, data.info.mean, data.info.std),  # takes pixels in [0, 1]
    audit=(train_pixels, data.train_labels),  # what a search may see
    evaluation=(test_pixels, data.test_labels),  # what judges it
    targets=(3, 8),
    places=("centre",),
    n_weights=(24,),
    trigger_px=4,
)
print(f"bits: the 8-bit model has clean accuracy {audit.clean_accuracy:.1%}")
for target in audit.targets:
    bounds = audit.worst_of(target).bounds
    print(
        f"bits: class {target} takes at least {bounds.floor} flips in its row (proven); "
        f"found: {bounds.n_upper}"
    )

# %% What each mitigation buys, measured on the worst case
for row in audit.mitigations:
    noticed = "" if row.detected is None else f", notices {row.detected:.0%}"
    print(
        f"mitigation: {row.name}: floor {row.floor}, found {row.upper}, "
        f"clean {row.clean_accuracy:.1%}{noticed}"
    )
for advice in audit.recommendations:
    print("advice:", advice)

# %% Which predictions can no patch change? That takes a network that votes on bands
base = nnmass.build("resnet(depth=8,classes=10,stem=cifar,in=2,image=8)", seed=0)  # x and 1 - x
bands = Ablation(mode="column", size=2, image=(8, 8))
recipe = Recipe(epochs=12, optimiser="adam", lr=2e-3, weight_decay=0.0)
voting = train_smoothed(
    SmoothedNet(base, bands, threshold=0.3), data, name="digits in bands", recipe=recipe
).net
patches = certify_patches(voting, test_pixels, data.test_labels, patches=(1, 2))
for line in patches.rows:
    height, width = line.patch
    print(
        f"patches: {line.clean_accuracy:.1%} right without a patch, {line.certified_accuracy:.1%} "
        f"right whatever stands in any {height}x{width} patch (proven)"
    )
