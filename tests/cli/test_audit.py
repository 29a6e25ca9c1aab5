import json

import pytest

import nnmass
from nnmass.audit import load_smoothed, read_votes

RESNET = "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)"
QUICK = ("--data", "digits", "--n-train", 300, "--n-test", 40, "--device", "cpu")
TRAIN = ("--bands", "column:2", "--train", "--epochs", 2, "--set", "lr=0.05")


def words(text):
    return " ".join(text.split())


def test_a_network_is_trained_certified_and_proven_again(nnmass_cli, tmp_path):
    done = nnmass_cli(
        "audit", "patch", RESNET, *QUICK, *TRAIN, "--patch", 1, "--patch", "2x1",
        "--out", "voting", "--attack", 4,
    )  # fmt: skip
    assert done.code == 0
    assert "keep their right class whatever stands in any 1x1 patch" in words(done.out)
    assert "An attack by 1x1 patches" in words(done.out)
    net = load_smoothed(tmp_path / "voting")
    assert str(net.ablation) == "column:2"
    table = read_votes(tmp_path / "voting" / "votes.safetensors")
    assert table.probabilities.shape == (40, 8, 10)
    page = (tmp_path / "voting" / "patch.html").read_text("utf-8")
    assert "data:image/png;base64," in page
    assert (tmp_path / "voting" / "curve.svg").read_text("utf-8").startswith("<svg")

    again = nnmass_cli("audit", "recheck", "voting")
    assert again.code == 0
    assert again.out == "160 of 160 certificates hold\n"

    path = tmp_path / "voting" / "certificates.json"
    document = json.loads(path.read_text("utf-8"))
    document["certificates"][3]["is_certified"] ^= True
    path.write_text(json.dumps(document), encoding="utf-8")
    forged = nnmass_cli("audit", "recheck", "voting", "--json")
    assert forged.code == 1
    assert len(forged.document["faults"]) == 1
    path.write_text("{}", encoding="utf-8")
    assert nnmass_cli("audit", "recheck", "voting").code == 2

    document = nnmass_cli(
        "audit", "patch", "voting", *QUICK, "--threshold", 0.2, "--threshold", "top-one",
        "--patch", 1, "--json",
    ).document  # fmt: skip
    assert document["schema"] == "nnmass.audit-patch/1"
    assert document["chosen_threshold"] in (0.2, "top-one")
    assert document["n_images"] == 20  # the other half chose
    assert [row["threshold"] for row in document["rows"]] == [0.2, "top-one"]
    assert {curve["rule"] for curve in document["curves"]} == {"location", "count"}
    strict = nnmass_cli("audit", "patch", "voting", *QUICK, "--patch", 4, "--require", 50)
    assert strict.code == 1
    assert "not met" in strict.err
    assert nnmass_cli("audit", "patch", "voting", *QUICK, "--train").code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([RESNET], 2, "was not trained to vote on bands"),
        ([RESNET, "--patch", "0"], 2, "add --train"),
        ([RESNET, "--patch", "a"], 2, "--patch must be PIXELS or HEIGHTxWIDTH"),
        ([RESNET, "--threshold", "half"], 2, "--threshold must be a number"),
        ([RESNET, "--train", "--bands", "colum:2"], 2, "Did you mean 'column'"),
        ([RESNET, "--train", "--bands", "column:9"], 2, "size must be at most 8"),
        ([RESNET, "--train", "--bands", "column:2", "--patch", "9"], 2, "is larger than"),
        ([RESNET, "--train", "--threshold", "0"], 2, "threshold must lie in (0, 1]"),
        ([RESNET, "--train", "--tolerance", "2"], 2, "tolerance must be a number in [0, 1)"),
        ([RESNET, "--train", "--attack", "-1"], 2, "--attack must be at least 0"),
        ([RESNET, "--resume"], 2, "--resume needs --out"),
        (["dense-mlp(w=8,d=5,t=2,in=64,classes=10)", "--train", "--bands", "column:2"], 2,
         "are read by flatten"),
    ],
)  # fmt: skip
def test_wrong_use_of_patch(nnmass_cli, arguments, code, text):
    done = nnmass_cli("audit", "patch", *arguments, *QUICK)
    assert done.code == code
    assert done.err.startswith("nnmass audit patch: ")  # nothing was trained before
    assert text in words(done.err)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    data = nnmass.data.take(nnmass.data.load_dataset("digits"), n_train=600, n_test=50)
    recipe = nnmass.train.Recipe(epochs=4, lr=0.05)
    folder = tmp_path_factory.mktemp("saved")
    nnmass.save(nnmass.train.train(RESNET, data, recipe=recipe).net, folder)
    return folder


def test_bits_of_a_saved_network(nnmass_cli, saved, tmp_path):
    before = (saved / "model.safetensors").read_bytes()
    quick = ("--data", "digits", "--n-test", 100, "--target", 1, "--place", "centre",
             "--weights", 5, "--device", "cpu", "--tolerance", 30, "--sticker", 4)  # fmt: skip
    done = nnmass_cli("audit", "bits", saved, *quick, "--html", "bits.html")
    assert done.code == 0
    assert "sha256 of the last layer" in words(done.out)
    assert (saved / "model.safetensors").read_bytes() == before
    page = (tmp_path / "bits.html").read_text("utf-8")
    assert "What flipped bits can do" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bits.html"]

    document = nnmass_cli(
        "audit", "bits", saved, *quick, "--no-mitigations", "--floating-scale", "--json",
        "--require", 10_000,
    )  # fmt: skip
    assert document.code == 1
    document = json.loads(document.out)
    assert document["schema"] == "nnmass.audit-bits/1"
    assert document["mitigations"] == []
    (case,) = document["cases"]
    assert case["emulated"]
    assert case["upper"] is None or case["floor"] <= document["upper"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([RESNET], "is not trained"),
        (["SAVED", "--target", 10], "classes in 0 .. 9, got 10"),
        (["SAVED", "--place", "corner"], "place must be bottom-right"),
        (["SAVED", "--sticker", 9], "does not fit into images of 8x8"),
        (["SAVED", "--goal", 0], "goal must be a number in (0, 1]"),
        (["SAVED", "--data", "segments(20)"], "has no images"),
    ],
)
def test_wrong_use_of_bits(nnmass_cli, saved, arguments, text):
    arguments = [saved if word == "SAVED" else word for word in arguments]
    done = nnmass_cli("audit", "bits", "--device", "cpu", *arguments)
    assert done.code == 2
    assert text in words(done.err)
