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
    assert document["schema"] == "nnmass.slim.sparse/1"
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
