import json
import os
import signal
import subprocess
import sys
import time

import pytest

import nnmass
from nnmass.data import load_dataset

NET = "dense-cnn(wm=1,d=4,t=8/8,in=1,image=8)"
QUICK = ("--epochs", 2, "--n-train", 200, "--n-test", 50, "--threads", 1, "--device", "cpu")


def test_a_run_from_start_to_end(nnmass_cli, tmp_path):
    out = tmp_path / "run"
    document = nnmass_cli("train", NET, *QUICK, "--out", out, "--json").document
    assert document["schema"] == "nnmass.train/1"
    record = document["record"]
    assert record["status"] == "finished"
    assert record["sizes"] == {"train": 180, "validation": 20, "test": 50}
    assert len(document["curve"]) == 2
    assert json.loads((out / "run.json").read_text()) == record
    lines = (out / "curve.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == document["curve"]
    net = nnmass.load(out / "best")
    assert str(net.spec) == record["spec"] == NET


def test_progress_on_stderr_and_the_table_on_stdout(nnmass_cli):
    done = nnmass_cli("train", NET, *QUICK)
    assert "epoch 1/2, validation" in done.err
    assert "epoch 2/2, validation" in done.err
    assert done.out.splitlines()[0].split()[:2] == ["network", "NN-Mass"]
    assert NET in done.out
    assert nnmass_cli("train", NET, *QUICK, "--quiet").err == ""


def test_resume_of_a_finished_run_changes_nothing(nnmass_cli, tmp_path):
    out = tmp_path / "run"
    first = nnmass_cli("train", NET, *QUICK, "--out", out, "--json")
    assert nnmass_cli("train", NET, *QUICK, "--out", out, "--resume", "--json").out == first.out
    again = nnmass_cli("train", NET, *QUICK, "--out", out)
    assert again.code == 2
    assert "holds a finished run" in again.err
    assert "--resume" in again.err


def test_a_designed_spec_file_is_trained(nnmass_cli, tmp_path):
    out = tmp_path / "designs"
    nnmass_cli("design", "--like", NET.replace("d=4", "d=6"), "--match", "cells", "--out", out)
    done = nnmass_cli("train", out / "candidate-01.json", *QUICK, "--json")
    assert done.document["record"]["spec"].startswith("dense-cnn(wm=1,d=3,")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["dense-cnn(wm=1,d=4,t=8)"], 2, ["takes inputs of 3x32x32", "add in=1,image=8"]),
        (["dense-cnn(wm=1,d=4,t=8,in=1,image=8,classes=7)"], 2, ["7 classes", "classes=10"]),
        ([NET, "--data", "digit"], 2, ["'digit'", "digits"]),
        ([NET, "--data", "mnist"], 3, ["mnist", "--data-dir", "NNMASS_DATA"]),
        ([NET, "--data", "mnist", "--data-dir", "nowhere"], 3, ["nowhere"]),
        ([NET, "--recipe", "sdg"], 2, ["unknown recipe 'sdg'", "'sgd'"]),
        ([NET, "--set", "lr"], 2, ["KEY=VALUE", "'lr'"]),
        ([NET, "--set", "lr=fast"], 2, ["lr must be a number, got 'fast'"]),
        ([NET, "--set", "lrr=1"], 2, ["unknown key 'lrr'", "'lr'"]),
        ([NET, "--set", "lr=0", "--set", "momentum=2"], 2, ["lr must", "momentum must"]),
        ([NET, "--epochs", 0], 2, ["epochs must be a whole number of at least 1, got 0"]),
        ([NET, "--seed", -1], 2, ["seed must be at least 0, got -1"]),
        ([NET, "--threads", 0], 2, ["--threads must be at least 1, got 0"]),
        ([NET, "--n-train", 5000], 2, ["5000"]),
        ([NET, "--device", "gpu"], 3, ["'gpu'", "cpu, cuda"]),
        ([NET, "--device", "cuda:77"], 3, ["cuda:77", "--device cpu"]),
        ([NET, "--resume"], 2, ["--resume needs --out"]),
    ],
)
def test_wrong_use_and_cannot(nnmass_cli, arguments, code, words):
    done = nnmass_cli("train", *arguments)
    assert done.code == code
    assert done.out == ""
    assert all(word in done.err for word in words), done.err


def test_a_checkpoint_of_another_spec_or_recipe(nnmass_cli, tmp_path):
    out = tmp_path / "run"
    nnmass_cli("train", NET, *QUICK, "--out", out, "--quiet")
    other = NET.replace("8/8", "8/9")
    done = nnmass_cli("train", other, *QUICK, "--out", out, "--resume")
    assert done.code == 2
    assert NET in done.err
    assert other in done.err
    done = nnmass_cli("train", NET, *QUICK, "--set", "lr=0.05", "--out", out, "--resume")
    assert done.code == 2
    assert "0.05" in done.err


def test_a_truncated_data_file(nnmass_cli, tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b")
    done = nnmass_cli("train", "dense-mlp(w=8,d=4,t=1)", "--data", "mnist", "--data-dir", tmp_path)
    assert done.code == 3
    assert "train-images-idx3-ubyte.gz" in done.err
    assert "9,912,422" in done.err


def test_the_data_folder_from_the_environment(nnmass_cli, tmp_path, monkeypatch):
    monkeypatch.setenv("NNMASS_DATA", str(tmp_path / "from-the-environment"))
    done = nnmass_cli("train", "dense-mlp(w=8,d=4,t=1)", "--data", "mnist")
    assert "from-the-environment" in done.err


def test_interrupted_and_resumed_in_a_real_process(tmp_path):
    """Ctrl-C in the middle: a word on how to go on, exit 130, and the same result afterwards."""
    command = [sys.executable, "-m", "nnmass", "train", NET, "--epochs", "12", "--threads", "1",
               "--device", "cpu", "--json", "--out"]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    out = tmp_path / "run"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job behind & ignores it
    try:
        process = subprocess.Popen(
            [*command, str(out)], stderr=subprocess.PIPE, text=True, env=environment
        )
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 120
    while not (out / "last.safetensors").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in err

    def finished(folder, *more):
        done = subprocess.run(
            [*command, str(folder), *more], capture_output=True, text=True, check=True, timeout=300
        )
        return json.loads(done.stdout)

    resumed, whole = finished(out, "--resume"), finished(tmp_path / "whole")
    assert resumed["curve"] == whole["curve"]
    for name in ("test_accuracy", "last_test_accuracy", "best_epoch"):
        assert resumed["record"][name] == whole["record"][name]
    one, other = nnmass.load(out / "best"), nnmass.load(tmp_path / "whole" / "best")
    assert all((a == b).all() for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_digits_are_really_learnt(nnmass_cli):
    """A sanity check on real data: far above the tenth that guessing gives."""
    done = nnmass_cli("train", "dense-mlp(w=32,d=4,t=16,in=64)", "--recipe", "adam", "--set",
                      "epochs=12", "--json", "--threads", 1)  # fmt: skip
    assert done.document["record"]["test_accuracy"] > 0.9
    assert load_dataset("digits").test_images.shape == (399, 1, 8, 8)
