import pytest

import nnmass

RESNET = "resnet(depth=18,stem=cifar)"


def test_the_report(nnmass_cli):
    done = nnmass_cli("slim", "sparse", RESNET, "--kss", 2)
    assert done.code == 0
    assert "params 11,173,962 -> 2,629,706" in done.out
    assert "NN-Mass 3392.00 -> 3392.00" in done.out or "3,392" in done.out
    assert "first convolution" in done.out


def test_the_document(nnmass_cli):
    document = nnmass_cli(
        "slim", "sparse", RESNET, "--kss", 1, "--dense-period", 16, "--value-bits", 8, "--json"
    ).document
    assert document["schema"] == "nnmass.slim-sparse/1"
    assert document["sparse"]["params"] == 2_019_402
    assert document["sparse"]["macs"] == 99_292_160
    assert document["sparse"]["mass"] == document["dense"]["mass"] == 3392
    bits = document["storage_bits"]
    assert bits["compact"] < bits["csr"] < bits["dense"]
    assert len(document["layers"]) == 21


def test_what_was_saved_is_opened_again(nnmass_cli, tmp_path):
    spec = "dense-cnn(wm=1,d=5,t=4/4/4)"
    done = nnmass_cli("slim", "sparse", spec, "--out", "slim", "--keep-dense", "cells.0.*")
    assert done.code == 0
    opened = nnmass.open_network(str(tmp_path / "slim"))
    assert f"-> {sum(p.numel() for p in opened.model.parameters()):,}, MACs" in done.out
    document = nnmass_cli("inspect", "slim", "--json").document
    assert document["networks"][0]["mass"] == nnmass.parse(spec).mass


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kss", "5"], "no rectangular window"),
        (["--keep-dense", "nothing"], "keep_dense names 'nothing'"),
    ],
)
def test_wrong_use(nnmass_cli, arguments, words):
    done = nnmass_cli("slim", "sparse", RESNET, *arguments)
    assert done.code == 2
    assert done.err.startswith("nnmass slim sparse: ")
    assert words in " ".join(done.err.split())


def test_the_sparse_network_is_trained_and_goes_on_from_the_weights_of_a_saved_one(
    nnmass_cli, tmp_path
):
    spec = "resnet(depth=8,classes=10,stem=cifar,in=1,image=8)"
    quick = ("--data", "digits", "--epochs", 1, "--n-train", 100, "--n-test", 50, "--device", "cpu")
    document = nnmass_cli("slim", "sparse", spec, *quick, "--out", "a", "--json").document
    assert document["settings"]["weights"] == "fresh"
    assert 0 <= document["record"]["test_accuracy"] <= 1
    assert document["record"]["spec"].endswith("sparse(kss=4,assign=in,seed=0)")
    assert document["record"]["params"] == document["sparse"]["params"]
    weights = nnmass.slim.load(tmp_path / "a").state_dict()
    best, _ = nnmass.nets.read_tensors(
        tmp_path / "a" / "run" / "best" / "model.safetensors", schema="nnmass.weights/1"
    )
    assert all(weights[key].equal(value) for key, value in best.items())

    nnmass.save(nnmass.build(spec, 1), tmp_path / "dense")
    kept = nnmass_cli("slim", "sparse", "dense", "--kss", 2, "--out", "b", "--json").document
    assert kept["settings"]["weights"] == "kept"
    layer = nnmass.slim.load(tmp_path / "b").blocks[0].conv1
    dense = nnmass.load(tmp_path / "dense").blocks[0].conv1
    assert layer.to_dense().equal(dense.weight * layer.mask())


def test_a_resumed_training_needs_a_folder(nnmass_cli):
    done = nnmass_cli("slim", "sparse", RESNET, "--resume")
    assert done.code == 2
    assert "--resume needs --out" in done.err
