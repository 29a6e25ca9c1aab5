import json
from pathlib import Path

import pytest

import nnmass

LIKE = "dense-cnn(wm=1,d=12,t=20/30)"


def test_json_agrees_with_python(nnmass_cli):
    document = nnmass_cli("design", "--like", LIKE, "--json").document
    front = nnmass.design(like=LIKE)
    assert document["schema"] == "nnmass.design/1"
    assert [c["spec"] for c in document["candidates"]] == [str(c.spec) for c in front]
    assert document["reference"]["params"] == nnmass.parse(LIKE).params
    assert document["is_optimal"] is True


def test_the_table_and_the_claim(nnmass_cli):
    done = nnmass_cli("design", "--like", LIKE, "--depth", "6:8", "--top", 2)
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["ref", "1", "2"]
    assert "6..8" in lines[-1]
    assert lines[-1].endswith("proven.")


def test_a_starved_cell_is_told(nnmass_cli):
    done = nnmass_cli("design", "--like", LIKE)
    assert "note: " in done.err
    assert "--match cells" in done.err
    assert nnmass_cli("design", "--like", LIKE, "--match", "cells").err == ""


def test_specs_are_written_and_read_back(nnmass_cli, tmp_path):
    out = tmp_path / "designs"
    document = nnmass_cli(
        "design", "--like", LIKE, "--match", "cells", "--out", out, "--json"
    ).document
    assert len(document["files"]) == len(document["candidates"]) > 3
    for file, candidate in zip(document["files"], document["candidates"], strict=True):
        assert nnmass_cli("mass", file, "--json").document["spec"] == candidate["spec"]
        assert json.loads(Path(file).read_text())["schema"] == "nnmass.spec/1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--like", LIKE, "--mass", 1e6], ["1e+06", "width * depth", "--depth"]),
        (["--like", LIKE, "--mass", -1], ["mass must be a number of at least 0, got -1"]),
        (["--like", LIKE, "--depth", "6-8"], ["LOW:HIGH", "'6-8'"]),
        (["--like", LIKE, "--depth", "8:6"], ["the highest depth must be at least 8, got 6"]),
        (["--like", LIKE, "--depth", "2:6"], ["the lowest depth must be at least 3, got 2"]),
        (["--like", LIKE, "--objective", "size"], ["'params' or 'macs'", "'size'"]),
        (["--like", LIKE, "--match", "cell"], ["'network' or 'cells'", "'cell'"]),
        (["--like", LIKE, "--top", 0], ["top must be at least 1, got 0"]),
        (["--like", "resnet(depth=18)"], ["resnet", "dense-cnn"]),
        (["--like", "dense-cnn(wm=1)"], ["d is missing", "t is missing"]),
    ],
)
def test_wrong_use(nnmass_cli, arguments, words):
    done = nnmass_cli("design", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert all(word in done.err for word in words), done.err


def test_a_full_disk_or_a_file_in_the_way(nnmass_cli, tmp_path):
    (tmp_path / "taken").write_text("")
    done = nnmass_cli("design", "--like", LIKE, "--out", tmp_path / "taken")
    assert done.code == 3
    assert "cannot write" in done.err
