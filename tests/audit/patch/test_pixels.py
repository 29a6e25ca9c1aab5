"""No patch changes a certified prediction: every patch on every image of small worlds."""

import hashlib
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from nnmass.audit import (
    Ablation,
    SmoothedNet,
    attack_patches,
    certify_patches,
    encode,
    train_smoothed,
)
from nnmass.data import load_dataset, take
from nnmass.train import Recipe


def conv_net(seed, channels=2, side=4, classes=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(), nn.Flatten(),
            nn.Linear(6 * side * side, classes),
        )  # fmt: skip
        with torch.no_grad():
            net[-1].weight *= 6  # decided votes, so that some images are certified
            net[-1].bias[0] += 1
        return net


def binary_images():
    bits = torch.tensor(list(product((0.0, 1.0), repeat=16)))
    return bits.view(-1, 1, 4, 4)


def patched(image, contents, top, left):
    """The image with each of the contents (N, h, w) at that place."""
    out = image.expand(len(contents), -1, -1, -1).clone()
    height, width = contents.shape[1:]
    out[:, 0, top : top + height, left : left + width] = contents
    return out


def contents_of(levels, side):
    return torch.tensor(list(product(levels, repeat=side * side))).view(-1, side, side)


@torch.no_grad()
def changes(net, image, contents):
    """Whether any content at any place changes the deployed prediction; and how many were tried."""
    before = net(image[None]).argmax(1)  # as deployed
    height, width = image.shape[1:]
    side = contents.shape[1]
    places = product(range(height - side + 1), range(width - side + 1))
    shown = torch.cat([patched(image, contents, *place) for place in places])
    votes = net.votes(net.probabilities(shown, images_at_once=len(shown)))
    after = votes.sum(1).argmax(1)
    return bool((after != before).any()), len(shown)


def check(net, images, contents, side, threshold):
    labels = torch.zeros(len(images), dtype=torch.long)
    audit = certify_patches(
        net, images, labels, patches=(side,), thresholds=(threshold,), images_at_once=64
    )
    certified = audit.certified(threshold, side, "location")
    assert (certified | ~audit.certified(threshold, side, "count")).all()
    tried = 0
    for image in images[torch.from_numpy(certified)]:
        is_changed, n = changes(net, image, contents)
        assert not is_changed
        tried += n
    return tried


def worlds(n_images, n_nets):
    """Tables of all kinds over binary images of 4x4 and patches of 2x2 in every binary content."""
    images = binary_images()
    draws = torch.Generator().manual_seed(0)
    contents = contents_of((0.0, 1.0), 2)
    tried = 0
    for seed in range(n_nets):
        mode = ("column", "row", "block", "both")[seed % 4]
        bands = Ablation(mode=mode, size=1, image=(4, 4), wrap=seed % 3 > 0)
        threshold = (0.3, 0.5, "top-one")[seed % 3]
        net = SmoothedNet(conv_net(seed), bands, threshold=threshold).eval()
        some = images[torch.randperm(len(images), generator=draws)[:n_images]]
        side = 1 if mode in ("block", "both") else 1 + seed % 2
        tried += check(net, some, contents if side == 2 else contents[:2, :1, :1], side, threshold)
    return tried


def test_no_patch_on_a_binary_image_changes_what_is_certified():
    assert worlds(20, 8) > 500


@pytest.mark.slow
def test_no_patch_on_any_binary_image_changes_what_is_certified():
    images, contents = binary_images(), contents_of((0.0, 1.0), 2)
    net = SmoothedNet(conv_net(0), Ablation(mode="column", size=1, image=(4, 4)), threshold=0.3)
    tried = check(net.eval(), images, contents, 2, 0.3)
    tried += worlds(400, 24)
    print(f"{tried:,} patched images tried, none changed a certified prediction")  # noqa: T201
    assert tried > 200_000


def digits_net():
    data = take(load_dataset("digits"), n_test=100, seed=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        base = nn.Sequential(
            nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(), nn.Flatten(),
            nn.Linear(16 * 64, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
    net = SmoothedNet(base, Ablation(mode="column", size=2, image=(8, 8)), threshold=0.3)
    recipe = Recipe(epochs=8, optimiser="adam", lr=3e-3, weight_decay=0.0)
    return train_smoothed(net, data, name="digits", recipe=recipe).net, data


@pytest.fixture(scope="module")
def trained():
    net, data = digits_net()
    return net, torch.from_numpy(data.test_images).float() / 16, data.test_labels


def test_no_pixel_in_any_grey_changes_what_is_certified_of_a_digit(trained):
    net, images, labels = trained
    levels = torch.arange(17).float() / 16
    audit = certify_patches(net, images, labels, patches=(1,))
    assert audit.rows[0].certified_accuracy > 0.1
    tried = 0
    certified = torch.from_numpy(audit.certified(0.3, 1))
    for image in images[certified][:3]:
        is_changed, n = changes(net, image, levels.view(-1, 1, 1))
        assert not is_changed
        tried += n
    assert tried == 3 * 64 * 17


def test_an_attack_changes_no_certified_image_and_some_others(trained):
    net, images, labels = trained
    audit = certify_patches(net, images, labels, patches=(2,))
    attack = attack_patches(net, images, labels, patch=2, restarts=4, steps=12, step_size=0.2)
    flipped = np.array(attack.is_flipped)
    assert not (flipped & audit.certified(0.3, 2)).any()
    assert flipped.any()
    row = audit.rows[0]
    assert row.certified_accuracy <= attack.attacked_accuracy < attack.clean_accuracy
    assert attack.clean_accuracy == row.clean_accuracy
    assert attack.to_dict()["n_flipped"] == flipped.sum()
    again = attack_patches(net, images, labels, patch=2, restarts=4, steps=12, step_size=0.2)
    assert again.is_flipped == attack.is_flipped


class Hash(nn.Module):
    """Says anything, as long as it is the same for the same visible band."""

    def __init__(self, classes=3):
        super().__init__()
        self.classes = classes
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        seen = [hashlib.sha256(one.numpy().tobytes()).digest()[0] for one in x]
        # most bands say class 0, so that there is something to certify
        chosen = torch.tensor([max(0, byte % 8 - 5) % self.classes for byte in seen])
        return 9.0 * nn.functional.one_hot(chosen, self.classes).float()


@pytest.mark.parametrize("mode", ["column", "block"])
def test_certificates_of_a_hostile_network_do_not_lie(mode):
    bands = Ablation(mode=mode, size=1, image=(4, 4))
    net = SmoothedNet(Hash(), bands, threshold=0.5).eval()
    images = binary_images()[
        torch.randperm(2**16, generator=torch.Generator().manual_seed(1))[:150]
    ]
    tried = check(net, images, contents_of((0.0, 1.0), 1), 1, 0.5)
    assert tried > 50


def test_pixels_outside_a_band_do_not_matter():
    bands = Ablation(mode="column", size=2, image=(8, 8))
    net = SmoothedNet(conv_net(0, side=8), bands).eval()
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for position in range(8):
        kept = torch.from_numpy(bands.masks[position])
        edited = torch.where(kept, images, torch.rand(2, 1, 8, 8))
        before, after = (net.logits_at(x, position) for x in (images, edited))
        assert torch.equal(before, after)


def test_rows_of_an_image_are_columns_of_its_transpose():
    rows = Ablation(mode="row", size=2, image=(5, 4))
    columns = Ablation(mode="column", size=2, image=(4, 5))
    images = torch.rand(3, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    seen = encode(images, rows)
    turned = encode(images.transpose(2, 3), columns)
    assert torch.equal(seen, turned.transpose(3, 4))
