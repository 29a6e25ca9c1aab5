"""The audit as a whole: tables, curves, certificates that are checked again, bad input."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from nnmass.audit import (
    Ablation,
    SmoothedNet,
    VoteTable,
    certify_patches,
    certify_votes,
    collect_votes,
    read_votes,
    recheck,
    save_votes,
)
from nnmass.audit._fingerprint import fingerprint
from nnmass.audit._patch._votes import votes_of
from nnmass.errors import CheckpointError, DataError, SpecError, UnprovenError
from oracles.patch_votes import plainly_certified, touched_copies

BANDS = Ablation(mode="column", size=2, image=(8, 8))


def base(seed=0, classes=10):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
            nn.Linear(256, classes), nn.Dropout(0.5),
        )  # fmt: skip


def images(n=6):
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def table(probabilities=None, ablation=BANDS, **changes):
    draws = np.random.default_rng(0)
    if probabilities is None:
        raw = draws.random((30, ablation.n, 4)).astype(np.float32)
        raw[:15, :, 1] += 3.0  # half of them nearly unanimous
        probabilities = raw / raw.sum(-1, keepdims=True)
    fields = {
        "probabilities": probabilities,
        "labels": draws.integers(0, 2, len(probabilities)),
        "ablation": ablation,
        "network": "made",
        "fingerprint": "0",
        "forward_copies": 1,
        "seconds": 0.0,
    }
    return VoteTable(**{**fields, **changes})


@pytest.mark.parametrize("threshold", [0.05, 0.3, 1.0, "top-one"])
def test_the_deployed_network_votes_as_its_table(threshold):
    net = SmoothedNet(base(), BANDS, threshold=threshold).eval()
    found = collect_votes(net, images(), torch.arange(6))
    counts = net(images())
    assert np.array_equal(found.votes(threshold).sum(1), counts.detach().numpy().astype(int))
    alone = torch.cat([net(one[None]) for one in images()])
    assert torch.equal(alone, counts)
    probabilities = net.probabilities(images()).detach()
    assert np.array_equal(found.probabilities, probabilities.numpy())
    assert torch.equal(torch.from_numpy(found.votes(threshold)), net.votes(probabilities))


def test_votes_are_those_of_each_copy_by_itself():
    net = SmoothedNet(base(), Ablation(mode="both", size=3, image=(8, 8))).eval()
    whole = net.probabilities(images(5), images_at_once=2, copies_at_once=7)
    one_by_one = torch.stack([net.logits_at(images(5), i).softmax(-1) for i in range(16)], 1)
    assert torch.allclose(whole, one_by_one, atol=1e-6)


@pytest.mark.parametrize("images_at_once", [2, 5, 6])
def test_votes_do_not_hang_on_how_many_images_are_run_at_once(images_at_once):
    net = SmoothedNet(base(), BANDS)
    one, more = (
        collect_votes(net, images(), torch.arange(6), images_at_once=n) for n in (1, images_at_once)
    )
    for threshold in (0.1, 0.3, "top-one"):
        assert np.array_equal(one.votes(threshold), more.votes(threshold))
    apart = float(np.abs(one.probabilities - more.probabilities).max())
    assert apart < 1e-5
    assert one.notes == ()


def test_the_network_and_the_generators_are_left_as_they_were():
    net = SmoothedNet(base(), BANDS).train()
    net.base[1].eval()
    modes = [module.training for module in net.modules()]
    before, state = fingerprint(net), torch.random.get_rng_state()
    certify_patches(net, images(), torch.arange(6), patches=(1,))
    with pytest.raises(DataError):
        certify_patches(net, images(), torch.full((6,), 10), patches=(1,))
    assert fingerprint(net) == before
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(state, torch.random.get_rng_state())


def test_rows_are_certified_and_right_after_ties():
    found = table()
    audit = certify_votes(found, patches=(1, (8, 2)), thresholds=(0.25, "top-one"))
    assert [(row.threshold, row.patch) for row in audit.rows] == [
        (0.25, (1, 1)), (0.25, (8, 2)), ("top-one", (1, 1)), ("top-one", (8, 2)),
    ]  # fmt: skip
    for row in audit.rows:
        votes = found.votes(row.threshold)
        places = touched_copies(BANDS, row.patch)
        t = votes.sum(1).argmax(1)
        for rule, accuracy in (
            ("location", row.certified_accuracy), ("count", row.count_accuracy),
        ):  # fmt: skip
            flags = [plainly_certified(one, places, rule) for one in votes]
            right = [flag and t[i] == found.labels[i] for i, flag in enumerate(flags)]
            assert accuracy == sum(right) / 30
            assert audit.certified(row.threshold, row.patch, rule).tolist() == flags
        wrong = audit.certified(row.threshold, row.patch) & (t != found.labels)
        assert row.certified_wrong == wrong.sum() / 30
        low, high = row.certified_interval
        assert low <= row.certified_accuracy <= high
    assert audit.rows[0].certified_accuracy > 0


def test_curve_and_largest_patch_agree_with_each_size_alone():
    audit = certify_votes(table(), thresholds=(0.25,))
    for rule in ("count", "location"):
        largest = audit.largest(0.25, rule)
        curve = audit.curve(0.25, rule)
        assert [side for side, _ in curve] == list(range(1, len(curve) + 1))
        for side, share in curve:
            certified = audit.certified(0.25, side, rule)
            assert np.array_equal(largest >= side, certified)
            right = audit.predictions(0.25) == audit.table.labels
            assert share == (certified & right).mean()
        assert largest.max() == len(curve) - 1 > 0
        margin = np.array([c.margin for c in audit.certificates(0.25, 1, rule)])
        if rule == "count":  # floor(g / 2) - s + 1 where that is a patch
            closed = margin // 2 - BANDS.size + 1
            closed = np.where((closed >= 1) & (closed + BANDS.size - 1 <= 8), closed, 0)
            assert np.array_equal(largest, closed)


def test_every_certificate_is_proven_again_and_a_changed_one_is_not():
    audit = certify_votes(table(), thresholds=(0.25,), tolerance=0.01)
    for rule in ("count", "location"):
        found = audit.certificates(0.25, (2, 1), rule)
        assert {c.is_certified for c in found} == {True, False}
        for certificate in found:
            recheck(certificate, audit.table)
        good = next(c for c in found if c.is_certified)
        for change in (
            {"is_certified": False},
            {"reach": good.reach - 1},
            {"margin": 99},
            {"prediction": 3},
            {"votes": 1},
            {"label": 3},
            {"ablation": "row:2"},
        ):
            with pytest.raises(UnprovenError, match="but the votes give"):
                recheck(dataclasses.replace(good, **change), audit.table)
        with pytest.raises(UnprovenError, match="has 30 images"):
            recheck(dataclasses.replace(good, index=30), audit.table)
    with pytest.raises(CheckpointError, match="another vote table"):
        recheck(good, table(labels=np.zeros(30, np.int64)))
    told = good.to_dict()
    assert "rectangle of 2x1" in told["threat"]
    assert len(told["not_covered"]) >= 5


def test_tolerance_counts_doubtful_votes_against_the_prediction():
    p = np.full((1, 8, 3), 0.1, np.float32)
    p[0, :, 0] = 0.31
    found = table(p, labels=np.zeros(1, np.int64))
    assert certify_votes(found, patches=(1,), thresholds=(0.3,)).rows[0].certified_accuracy == 1
    doubtful = certify_votes(found, patches=(1,), thresholds=(0.3,), tolerance=0.02)
    assert doubtful.rows[0].certified_accuracy == 0
    assert doubtful.rows[0].clean_accuracy == 1
    safe = certify_votes(found, patches=(1,), thresholds=(0.3,), tolerance=0.005)
    assert safe.rows[0].certified_accuracy == 1


@pytest.mark.parametrize("threshold", [0.3, "top-one"])
def test_whatever_probabilities_do_within_the_tolerance_is_covered(threshold):
    draws = np.random.default_rng(2)
    found = table()
    sure, possible = found.possible_votes(threshold, 0.05)
    for _ in range(200):
        moved = found.probabilities + draws.uniform(-0.05, 0.05, found.probabilities.shape)
        votes = votes_of(moved.astype(np.float32), threshold)
        assert not (sure & ~votes).any()
        assert not (votes & ~possible).any()


def test_a_stored_table_comes_back_bit_for_bit(tmp_path):
    found = table(notes=("a note",))
    back = read_votes(save_votes(found, tmp_path / "a" / "votes.safetensors"))
    assert np.array_equal(back.probabilities, found.probabilities)
    assert (back.digest, back.ablation, back.notes) == (found.digest, BANDS, ("a note",))
    (tmp_path / "b").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="cannot be read as a vote table"):
        read_votes(tmp_path / "b")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_votes(tmp_path / "missing")
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(1)}, tmp_path / "c")
    with pytest.raises(CheckpointError, match="is no vote table"):
        read_votes(tmp_path / "c")


class Broken(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how, self.weight = how, nn.Parameter(torch.zeros(1))
        self.norm = nn.BatchNorm1d(10, track_running_stats=False)

    def forward(self, x):
        flat = x.flatten(1)[:, :10]
        if self.how == "nan":
            return torch.log(flat - 2)
        if self.how == "random":
            return torch.rand_like(flat) * 9
        return self.norm(flat) * 9


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("nan", "gave no number for copy 0 of image 0"),
        ("random", "the base network is random, or mixes images"),
        ("batch", "the base network is random, or mixes images"),
    ],
)
def test_networks_that_nothing_can_be_certified_of(how, words):
    with pytest.raises(DataError, match=words), torch.random.fork_rng(devices=[]):
        at_once = 4 if how == "batch" else 1
        collect_votes(
            SmoothedNet(Broken(how), BANDS), images(), torch.arange(6), images_at_once=at_once
        )


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"images": images() + 1}, DataError, r"must lie in \[0, 1\], got 1.*with_normalisation"),
        ({"images": images() * float("nan")}, DataError, r"must lie in \[0, 1\]"),
        ({"images": images()[:, 0]}, DataError, r"must be \(B, C, H, W\)"),
        ({"images": images()[:0]}, DataError, "none of them 0"),
        ({"images": torch.rand(6, 1, 8, 9)}, SpecError, "images must be 8x8"),
        ({"images": torch.rand(6, 3, 8, 8)}, SpecError, "cannot be run on encoded images"),
        ({"images": "images"}, DataError, "must be a tensor or an array"),
        ({"labels": torch.arange(5)}, DataError, "must be 6 whole numbers"),
        ({"labels": torch.rand(6)}, DataError, "must be 6 whole numbers"),
        ({"labels": torch.arange(6) - 1}, DataError, "at least 0, got -1"),
        ({"labels": torch.arange(6) + 5}, DataError, "labels must lie in 0 .. 9"),
        ({"patches": (9,)}, SpecError, "larger than the images"),
        ({"patches": (0,)}, SpecError, "height of the patch must be at least 1"),
        ({"patches": ()}, SpecError, "at least one patch"),
        ({"thresholds": (0,)}, SpecError, r"threshold must lie in \(0, 1\]"),
        ({"thresholds": (-0.1,)}, SpecError, r"threshold must lie in \(0, 1\]"),
        ({"thresholds": (1.5,)}, SpecError, r"threshold must lie in \(0, 1\]"),
        ({"thresholds": (float("nan"),)}, SpecError, r"threshold must lie in \(0, 1\]"),
        ({"thresholds": ("top",)}, SpecError, "top-one"),
        ({"tolerance": -1}, SpecError, "tolerance must be"),
        ({"images_at_once": 0}, SpecError, "images_at_once must be at least 1"),
        ({"net": nn.Linear(2, 2)}, SpecError, "an ordinary network does not vote"),
        ({"net": SmoothedNet(base(classes=1), BANDS)}, DataError, "at least 2 classes"),
    ],
)
def test_bad_input_is_refused_with_the_reason(wrong, error, words):
    good = {"net": SmoothedNet(base(), BANDS), "images": images(), "labels": torch.arange(6),
            "patches": (1,)}  # fmt: skip
    arguments = {**good, **wrong}
    with pytest.raises(error, match=words):
        certify_patches(
            arguments.pop("net"), arguments.pop("images"), arguments.pop("labels"), **arguments
        )


def test_rules_that_are_not_there():
    with pytest.raises(SpecError, match="Did you mean 'location'"):
        certify_votes(table()).certified(0.3, 1, "locations")
