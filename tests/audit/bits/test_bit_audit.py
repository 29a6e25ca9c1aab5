"""The audit as a whole, the mitigations, bad input."""

import json

import pytest
import torch
from torch import nn

from nnmass.audit import bit_trojan, with_normalisation
from nnmass.audit._bits._bounds import solve
from nnmass.audit._bits._case import Case, Part
from nnmass.audit._bits._flips import flip_mask, with_flips
from nnmass.audit._bits._mitigations import MitigationRow, measure_mitigations
from nnmass.audit._bits._recommend import recommend
from nnmass.audit._bits._repair import checksums, majority, zeroed
from nnmass.audit._fingerprint import fingerprint
from nnmass.errors import DataError, SpecError, TraceError
from oracles.tiny_classifiers import random_layer, tiny_images, tiny_net, trained_net

QUICK = {"places": ("bottom-right",), "trigger_px": 3, "n_weights": (3, 12), "tolerance": 0.3}


@pytest.fixture(scope="module")
def audited():
    net = trained_net()
    before, state = fingerprint(net), torch.random.get_rng_state()
    told = []
    audit = bit_trojan(
        net,
        audit=tiny_images(80, seed=1),
        evaluation=tiny_images(120, seed=2),
        targets=(0, 2),
        seeds=(0, 1),
        n_audit=64,
        network="tiny",
        emulate_floating_scale=True,
        on_progress=lambda *step: told.append(step),
        **QUICK,
    )
    assert fingerprint(net) == before
    assert torch.equal(torch.random.get_rng_state(), state)
    assert told[-1][1:] == (4, 4)
    return audit


def test_both_ends_of_every_case(audited):
    assert [(c.target, c.seed) for c in audited.cases] == [(0, 0), (2, 0), (0, 1), (2, 1)]
    assert audited.targets == (0, 2)
    for case in audited.cases:
        bounds = case.bounds
        assert bounds.layer_floor <= bounds.floor
        assert bounds.upper is None or bounds.floor <= bounds.n_upper
        assert [row.n_weights for row in bounds.rows] == [3, 12]
        assert [row.n_weights for row in case.emulated] == [3, 12]
    worst = audited.worst
    assert worst.bounds.n_upper == min(
        c.bounds.n_upper for c in audited.cases if c.bounds.n_upper is not None
    )
    for target in audited.targets:
        assert audited.floor_of(target) == min(c.bounds.floor for c in audited.of(target))
        assert audited.worst_of(target).target == target


def test_what_the_released_way_counts_is_less_than_what_memory_would_change(audited):
    rows = [row for case in audited.cases for row in case.emulated]
    assert any(row.scale_ratio > 1 for row in rows)
    for row in rows:
        assert row.n_bytes <= row.n_weights
        if row.scale_ratio > 1.01:
            assert row.layer_flips > row.n_flips


def test_the_document_has_no_bytes_of_an_attacked_model(audited):
    document = audited.to_dict()
    text = json.dumps(document)
    assert document["upper"] == audited.worst.bounds.n_upper
    assert document["floor"] == min(audited.floor_of(t) for t in audited.targets)
    assert "codes" not in text
    assert "pixels" not in text
    assert document["trigger_share"] == pytest.approx(9 / 36)


def test_a_mask_brings_the_audited_logits_and_twice_the_old_ones():
    layer = random_layer(torch.Generator().manual_seed(0), features=6)
    after = layer.codes.clone()
    after[1] = torch.tensor([-128, 127, 0, -1, 64, 5], dtype=torch.int8)
    mask = flip_mask(layer.codes, after)
    features = torch.rand(9, 6)
    flipped = layer.with_codes(with_flips(layer.codes, mask))
    assert torch.equal(flipped.logits(features), layer.with_codes(after).logits(features))
    assert torch.equal(with_flips(flipped.codes, mask), layer.codes)


def test_mitigations_are_measured_on_the_worst_case(audited):
    rows = {row.name.split(" ")[0]: row for row in audited.mitigations}
    plain = rows["none"]
    worst = audited.worst.bounds
    assert audited.mitigated == audited.worst
    assert (plain.floor, plain.upper) == (worst.floor, worst.n_upper)
    assert rows["sha256"].detected == 1.0
    assert (rows["three"].floor, rows["three"].upper) == (2 * plain.floor, 2 * plain.upper)
    assert rows["three"].extra_bytes == 2 * audited.layer_bytes
    assert rows["2-bit"].recovered_asr is not None
    for row in audited.mitigations:
        assert row.upper is None or row.floor <= row.upper
        assert 0 <= row.clean_accuracy <= 1
    assert audited.recommendations[-1].startswith("Keep int8")


def test_a_hash_notices_every_set_of_flips_and_low_bits_escape_the_two_bit_sums():
    draws = torch.Generator().manual_seed(0)
    layer = random_layer(draws, classes=4, features=32, spread=90)
    clean = checksums(layer.codes)
    low = torch.zeros(4, 32, dtype=torch.uint8)
    low[0, 3] = 1
    noticed = []
    for bit in range(8):
        hits = 0
        for place in range(128):
            mask = torch.zeros(128, dtype=torch.uint8)
            mask[place] = 1 << bit
            hits += not torch.equal(checksums(with_flips(layer.codes, mask.view(4, 32))), clean)
        noticed.append(hits / 128)
    assert noticed[7] == 1.0  # what it was made for
    assert noticed[0] < 0.2  # and what escapes
    assert noticed == sorted(noticed)


def test_groups_are_interleaved_and_only_the_failing_ones_are_zeroed():
    codes = torch.arange(1, 41).to(torch.int8).view(4, 10)
    after = codes.clone()
    after[0, 1] ^= -128
    is_bad = checksums(after, 8) != checksums(codes, 8)
    assert is_bad.nonzero().flatten().tolist() == [1]
    repaired = zeroed(after, is_bad, 8).flatten()
    assert repaired.eq(0).nonzero().flatten().tolist() == [1, 6, 11, 16, 21, 26, 31, 36]
    assert repaired[repaired != 0].tolist() == [v for i, v in enumerate(range(1, 41)) if i % 5 != 1]


def test_a_majority_undoes_any_flips_of_one_copy():
    draws = torch.Generator().manual_seed(1)
    codes = torch.randint(-128, 128, (3, 5), generator=draws).to(torch.int8)
    wrong = torch.randint(-128, 128, (3, 5), generator=draws).to(torch.int8)
    for copies in ([wrong, codes, codes], [codes, wrong, codes], [codes, codes, wrong]):
        assert torch.equal(majority(torch.stack(copies)), codes)
    assert torch.equal(majority(torch.stack([wrong, wrong, codes])), wrong)


def test_no_way_to_win_has_no_floor_and_no_upper_bound():
    layer = random_layer(torch.Generator().manual_seed(0), classes=2, features=4)
    layer.bias[1] = 1e6
    part = Part(clean=torch.rand(30, 4), stamped=torch.rand(30, 4), labels=torch.ones(30).long())
    part.labels[0] = 0
    case = Case(layer=layer, audit=part, evaluation=part, target=0, goal=0.9, tolerance=1.0,
                n_weights=(2,))  # fmt: skip
    solved = solve(case)
    assert (solved.bounds.floor, solved.bounds.upper, solved.codes) == (None, None, None)
    rows = measure_mitigations(case, solved, layer.weights)
    assert all(row.floor is None for row in rows)
    assert recommend(rows, 0.05)


def test_recommendations_follow_from_the_rows():
    plain = MitigationRow(name="none", clean_accuracy=0.9, floor=4, upper=20)
    better = MitigationRow(name="copies", clean_accuracy=0.9, floor=8, upper=40)
    costly = MitigationRow(name="clip", clean_accuracy=0.7, floor=30, upper=90)
    leaky = MitigationRow(name="sums", clean_accuracy=0.9, floor=4, upper=20, detected=0.5)
    text = " ".join(recommend([plain, better, costly, leaky], 0.05))
    assert "Copies raises the proven floor from 4 to 8" in text
    assert "30" not in text
    assert "Do not rely on sums: it missed 50.0%" in text
    assert recommend([], 0.05) == ()


def ask(net=None, **changes):
    arguments = {
        "audit": tiny_images(40, seed=1), "evaluation": tiny_images(40, seed=2), "targets": (0,),
        "mitigations": False, **QUICK,
    }  # fmt: skip
    return bit_trojan(tiny_net() if net is None else net, **{**arguments, **changes})


def overlapping():
    images, labels = tiny_images(40, seed=2)
    images[7] = tiny_images(40, seed=1)[0][3]
    return images, labels


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"evaluation": overlapping()}, DataError,
         r"1 evaluation images are audit images too, first evaluation image 7 \(audit image 3\)"),
        ({"evaluation": tiny_images(40, side=8)}, DataError, "give both from one source"),
        ({"audit": tiny_images(4)[0]}, DataError, r"audit must be \(images, labels\)"),
        ({"audit": (tiny_images(4)[0] * 3 - 1, tiny_images(4)[1])}, DataError,
         "with_normalisation"),
        ({"audit": (tiny_images(4)[0], torch.full((4,), 9))}, DataError, "go up to 9"),
        ({"targets": (4,)}, SpecError, r"classes in 0 \.\. 3, got 4"),
        ({"targets": ()}, SpecError, "targets must be a list of classes"),
        ({"goal": 0}, SpecError, r"goal must be a number in \(0, 1\]"),
        ({"goal": 1.2}, SpecError, "goal must be"),
        ({"tolerance": -0.1}, SpecError, r"tolerance must be a number in \[0, 1\]"),
        ({"n_weights": ()}, SpecError, "n_weights must be a list"),
        ({"n_weights": (-1,)}, SpecError, "n_weights must be at least 0"),
        ({"seeds": (0.5,)}, SpecError, "seeds must be a whole number"),
        ({"places": "centre"}, SpecError, "places must be a list"),
        ({"places": ("center",)}, SpecError, "Did you mean 'centre'"),
        ({"trigger_px": 7}, SpecError, "does not fit into images of 6x6"),
        ({"n_audit": 0}, SpecError, "n_audit must be at least 1"),
        ({"net": nn.Sequential(nn.Conv2d(1, 4, 6), nn.Flatten())}, TraceError, "no linear layer"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_the_reason(wrong, error, words):
    net = wrong.get("net", tiny_net())
    before = fingerprint(net)
    with pytest.raises(error, match=words):
        ask(**{**wrong, "net": net})
    assert fingerprint(net) == before


def test_a_model_that_hardly_knows_its_classes_is_told():
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    with torch.no_grad():
        net[1].weight.mul_(1e-3)
        net[1].bias.copy_(torch.tensor([0.0, 0.0, 0.0, 9.0]))
    poor = ask(net, evaluation=tiny_images(400, seed=2))
    assert any("hardly more than guessing" in note for note in poor.notes)
    assert not any("guessing" in note for note in ask(trained_net()).notes)
    wrapped = with_normalisation(trained_net(), [0.0], [1.0])
    assert ask(wrapped).clean_accuracy == ask(trained_net()).clean_accuracy


def test_wrong_normalisations():
    for mean, std in (([0.5], [0.0]), ([0.5, 0.1], [1.0]), (["a"], [1.0])):
        with pytest.raises(SpecError, match=r"std must be above 0|mean must be numbers"):
            with_normalisation(nn.Flatten(), mean, std)
