"""Pages of audits: what they say, that nothing is missing, and the chart of ranges."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from nnmass.audit import Ablation, VoteTable, bit_trojan, certify_votes
from nnmass.errors import SpecError
from nnmass.report import (
    Range,
    bits_line,
    bits_table,
    mitigations_table,
    patch_images,
    patch_line,
    patch_table,
    ranges,
    render_html,
    report_bits,
    report_patches,
)
from oracles.tiny_classifiers import tiny_images, trained_net

SVG = "{http://www.w3.org/2000/svg}"


def patch_audit(n=30, thresholds=(0.3, "top-one"), notes=()):
    draws = np.random.default_rng(0)
    raw = draws.random((n, 8, 4)).astype(np.float32)
    raw[: n // 2, :, 1] += 3.0
    table = VoteTable(
        probabilities=raw / raw.sum(-1, keepdims=True),
        labels=np.ones(n, np.int64),
        ablation=Ablation(mode="column", size=2, image=(8, 8)),
        network="a <b> network",
        fingerprint="0",
        forward_copies=8 * n,
        seconds=1.0,
        notes=notes,
    )
    return certify_votes(table, patches=(1, (2, 1)), thresholds=thresholds)


def pixels(n=30, channels=1):
    return np.random.default_rng(0).integers(0, 256, (n, channels, 8, 8), dtype=np.uint8)


def test_the_table_and_the_sentence_have_the_audit_s_numbers():
    audit = patch_audit()
    rows = patch_table(audit).rows
    assert [row[:3] for row in rows] == [
        ("0.3", "1x1", "2"), ("0.3", "2x1", "2"), ("top-one", "1x1", "2"), ("top-one", "2x1", "2"),
    ]  # fmt: skip
    first = audit.rows[0].certified_accuracy
    assert patch_line(audit).startswith(f"{100 * first:.1f} % of 30 images")
    other = audit.rows[2].certified_accuracy
    assert patch_line(audit, "top-one").startswith(f"{100 * other:.1f} % of 30 images")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_go_from_the_least_to_the_most_robust(channels):
    audit = patch_audit()
    root = ElementTree.fromstring(patch_images(audit, pixels(channels=channels)))
    assert len(list(root.iter(f"{SVG}image"))) == 24
    told = root.find(f"{SVG}desc").text.split("; ")
    assert told[0].endswith("up to none")
    assert told[-1].endswith("px")
    few = ElementTree.fromstring(patch_images(patch_audit(2), pixels(2)))
    assert len(list(few.iter(f"{SVG}image"))) == 2


def test_the_patch_page_says_what_is_not_covered_and_its_notes():
    page = render_html(report_patches(patch_audit(notes=("mind this",)), pixels=pixels()))
    assert "before the image is resized" in page
    assert "mind this" in page
    assert "a &lt;b&gt; network" in page
    assert render_html(report_patches(patch_audit())).count("<figure") == 1


@pytest.fixture(scope="module")
def bits():
    return bit_trojan(
        trained_net(), audit=tiny_images(64, seed=1), evaluation=tiny_images(80, seed=2),
        places=("centre",), trigger_px=3, n_weights=(3,), tolerance=0.3, network="tiny",
        emulate_floating_scale=True,
    )  # fmt: skip


def test_the_bits_page_has_both_ends_and_every_mitigation(bits):
    page = render_html(report_bits(bits, provenance={"command": "x"}))
    assert len(bits_table(bits).rows) == 4
    assert len(mitigations_table(bits).rows) == len(bits.mitigations)
    assert "Nothing was flipped anywhere" in page
    assert all(
        row.name.replace("<", "&lt;") in page.replace("<wbr>", "") for row in bits.mitigations
    )
    assert "count no memory flips" in page
    line = bits_line(bits)
    assert str(bits.worst.bounds.n_upper) in line
    assert f"at least {min(bits.floor_of(t) for t in bits.targets)} flips in the row" in line
    assert f"{min(bits.layer_floor_of(t) for t in bits.targets)} anywhere in the last" in line


def test_ranges_draw_what_is_there_and_say_what_is_not():
    rows = [
        Range(label="a", low=3, high=20),
        Range(label="b", low=5, high=None),
        Range(label="c", low=None, high=None),
        Range(label="a very long label that has to be folded twice, at least", low=0, high=0),
    ]
    svg = ranges(rows, x_label="x", title="t <", low_name="floor", high_name="found")
    root = ElementTree.fromstring(svg)
    assert "b: floor 5, found not found; c: floor out of reach" in root.find(f"{SVG}desc").text
    assert len(list(root.iter(f"{SVG}circle"))) == 1 + 3
    assert len(list(root.iter(f"{SVG}rect"))) == 1 + 2
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    for circle in root.iter(f"{SVG}circle"):
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_ranges_that_are_none():
    with pytest.raises(SpecError, match="low 3 above high 2"):
        Range(label="a", low=3, high=2)
    with pytest.raises(SpecError, match="finite numbers of at least 0"):
        Range(label="a", low=float("nan"), high=None)
    with pytest.raises(SpecError, match="without a number"):
        ranges([Range(label="a", low=None, high=None)], x_label="x", title="t",
               low_name="l", high_name="h")  # fmt: skip


def test_a_model_that_nothing_can_be_planted_in_still_has_a_page():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 4))
    with torch.no_grad():
        net[1].weight.mul_(1e-6)
        net[1].bias.copy_(torch.tensor([0.0, 0.0, 0.0, 9.0]))
    audit = bit_trojan(
        net, audit=tiny_images(20, seed=1), evaluation=tiny_images(20, seed=2), targets=(0,),
        places=("centre",), n_weights=(3,),
    )  # fmt: skip
    page = render_html(report_bits(audit))
    assert "no number of flips in the row of a class does" in page
