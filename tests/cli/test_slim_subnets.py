"""`nnmass slim subnets`: choosing, training, timing, files."""

import json

import pytest

from nnmass.slim import SubnetTable, load

NET = "resnet(depth=18,classes=10,stem=cifar,in=1,image=8)"
SMALL = "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)"
QUICK = ("--epochs", 1, "--n-train", 100, "--n-test", 50, "--threads", 1, "--device", "cpu")


def test_levels_are_chosen_and_priced(nnmass_cli):
    done = nnmass_cli("slim", "subnets", "resnet(depth=18)", "--json")
    assert done.code == 0
    document = done.document
    assert document["schema"] == "nnmass.slim-subnets/1"
    assert [row["macs"] for row in document["subnets"]] == [
        1_814_073_344,
        1_042_639_872,
        483_149_824,
        135_603_200,
    ]
    assert [row["mass"] for row in document["subnets"]] == [3392, 2544, 1696, 848]
    assert document["subnets"][2]["macs_share"] == pytest.approx(483_149_824 / 1_814_073_344)
    assert {row["accuracy"] for row in document["subnets"]} == {None}
    assert document["record"] is document["latency"] is None
    assert document["notes"][0].startswith("head: all 1000 channels stay")


def test_levels_are_trained_together_and_timed(nnmass_cli, tmp_path):
    out = tmp_path / "levels"
    arguments = ("slim", "subnets", SMALL, "--widths", "1,.5", "--method", "norm", "--data")
    arguments += ("digits", *QUICK, "--latency", "--divisor", 4, "--out", out)
    document = nnmass_cli(*arguments, "--json").document
    assert len(document["subnets"]) == 2
    assert all(0 <= row["accuracy"] <= 1 for row in document["subnets"])
    assert all(0 < row["median_ms"] <= row["p95_ms"] for row in document["subnets"])
    assert document["record"]["objective"]["rule"] == "sandwich"
    names = ["background", "latency.json", "levels", "levels.json", "model.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == [*names, "slim.json"]
    assert document["background"]["spec"] == SMALL.replace(",classes=10,stem=cifar", "")
    family = load(out)
    assert [row["macs"] for row in document["subnets"]] == [s.macs for s in family.subnets]
    assert SubnetTable.load(out / "latency.json", threads=1).to_dict() == document["latency"]
    levels = json.loads((out / "levels.json").read_text())
    assert levels["levels"] == document["chosen"]["levels"]
    text = nnmass_cli(*arguments, "--resume", "--quiet")
    assert text.out.splitlines()[0].split()[:3] == ["level", "test", "MACs"]
    assert text.code == 0


def test_greedy_levels_are_judged_by_images(nnmass_cli):
    done = nnmass_cli(
        "slim", "subnets", SMALL, "--method", "greedy", "--widths", ".5", "--divisor", 8,
        "--data", "digits", *QUICK, "--json",
    )  # fmt: skip
    assert done.document["chosen"]["n_costs"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--widths", "1,half"), "--widths must be numbers with commas between them"),
        (("--widths", "1,.5", "--levels", 3), "--levels 3 and --widths 1,.5 do not agree"),
        (("--levels", 1), "--levels must be at least 2, got 1"),
        (("--method", "nom"), "got 'nom'. Did you mean 'norm' or 'uniform'?"),
        (("--method", "greedy"), "judges by images: give --data"),
        (("--importance", "L2"), "importance must be one of l1, l2"),
        (("--divisor", 0), "divisor must be at least 1, got 0"),
        (("--divisor", 1024), "levels 0 and 1 keep the same channels"),
        (("--resume",), "--resume goes on with a training: it needs --out and --data"),
        (("--input", "8"), "could not be run on an input of 8"),
        (("--data", "digits", "--rule", "sandwhich", *QUICK), "rule must be sandwich, all, single"),
    ],
)
def test_messages(nnmass_cli, arguments, words):
    done = nnmass_cli("slim", "subnets", NET, *arguments)
    assert done.code == 2
    assert words in " ".join(done.err.split())


def test_help_ends_with_two_examples(nnmass_cli):
    text = nnmass_cli("slim", "subnets", "--help").out
    assert text.split("Examples:")[1].count("nnmass slim subnets ") == 2
