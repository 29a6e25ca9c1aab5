import dataclasses
import hashlib

import pytest

import nnmass.data._registry as registry
from nnmass.data import DATASETS, DataFile, Origin


@pytest.fixture
def small_set(tmp_path, monkeypatch):
    """One file at a file: address; fetching and finding look at nothing but its bytes."""
    content = b"content of a file"
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "one.gz").write_bytes(content)
    info = dataclasses.replace(
        DATASETS["mnist"],
        files=(DataFile("one.gz", len(content), hashlib.md5(content).hexdigest()),),
        origin=Origin(url=(tmp_path / "net").as_uri(), folder="mnist"),
    )
    monkeypatch.setattr(registry, "DATASETS", {"mnist": info})
    return tmp_path


def test_get(nnmass_cli, small_set):
    done = nnmass_cli("datasets", "get", "mnist", "--data-dir", "data")
    assert done.code == 0
    assert done.out == "mnist: 1 files in data/mnist, md5 sums right\n"
    assert "one.gz: 17 of 17 bytes" in done.err
    again = nnmass_cli("datasets", "get", "mnist", "--data-dir", "data", "--json")
    assert (again.code, again.err) == (0, "")
    assert again.document["files"] == ["data/mnist/one.gz"]


def test_get_that_fails(nnmass_cli, small_set):
    done = nnmass_cli("datasets", "get", "mnist")
    assert (done.code, done.out) == (2, "")
    assert "give --data-dir DIR or set NNMASS_DATA" in done.err
    done = nnmass_cli("datasets", "get", "mnist", "--data-dir", "d", "--url", "file:///nowhere")
    assert done.code == 3
    assert "cannot fetch file:///nowhere/one.gz" in done.err
    assert nnmass_cli("datasets", "get", "mnst", "--data-dir", "d").code == 2
    done = nnmass_cli("datasets", "get", "segments(20)", "--data-dir", "d")
    assert done.code == 2
    assert "is not fetched. It is made on use" in done.err


def test_check(nnmass_cli):
    done = nnmass_cli("datasets", "check", "digits")
    assert (done.code, done.out) == (0, "digits: good; 1,398 train and 399 test are whole\n")
    document = nnmass_cli("datasets", "check", "segments(4)", "--json").document
    assert document["schema"] == "nnmass.datasets-check/1"
    assert document["train_counts"] == [6000, 6000]


def test_check_that_finds_faults(nnmass_cli, small_set):
    nnmass_cli("datasets", "get", "mnist", "--data-dir", "data")
    (small_set / "data" / "mnist" / "one.gz").write_bytes(b"other")
    done = nnmass_cli("datasets", "check", "mnist", "--data-dir", "data")
    assert done.code == 1
    assert "one.gz has 5 bytes and the md5 sum" in done.out
    assert done.out.endswith("mnist: 1 faults\n")
    assert nnmass_cli("datasets", "check", "mnist").code == 3


def test_show(nnmass_cli):
    done = nnmass_cli("datasets", "show", "cifar100")
    assert done.code == 0
    assert "100 classes: apple," in done.out
    assert "datasets get cifar100" in done.out
    document = nnmass_cli("datasets", "show", "circles(4)", "--json").document
    assert (document["shape"], document["is_found"], document["files"]) == ([2], True, [])
    done = nnmass_cli("datasets", "show", "circles(1)")
    assert done.code == 2
    assert done.err.startswith("nnmass datasets show: data set 'circles(1)': the number of rings")


def test_points_are_trained_on_and_probed(nnmass_cli):
    net = "dense-mlp(w=4,d=4,t=2,in=2,classes=2)"
    options = ("--n-train", "200", "--epochs", "1", "--json")
    done = nnmass_cli("train", net, "--data", "segments(4)", *options)
    assert done.code == 0
    assert done.document["record"]["dataset"] == "segments(4)"
    assert nnmass_cli("probe", net, "--data", "circles(4)", "--json").code == 0


def test_a_bad_name_or_augmentation_stops_before_anything_starts(nnmass_cli):
    net = "dense-mlp(w=4,d=4,t=2,in=2,classes=2)"
    for options, said in (
        (("--data", "segments(4,rang=2)"), "unknown key 'rang'. Did you mean 'range'?"),
        (("--data", "segments(4)", "--set", "augment=flip"), "augment flip is for images"),
        (("--data", "segments(4)", "--set", "augment=crop"), "crop must be crop:PIXELS"),
    ):
        done = nnmass_cli("train", net, *options)
        assert (done.code, done.out) == (2, "")
        assert said in done.err
