from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
import sys

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnmass
from nnmass.errors import StoreError
from nnmass.runs import RunRecord, environment, read_record, write_curve, write_record

RECORD = RunRecord(
    spec="dense-mlp(w=8,d=16,t=1)",
    mass=1.5,
    params=7492,
    macs=7362,
    dataset="digits",
    sizes={"train": 10, "validation": 2, "test": 5},
    seed=3,
    recipe={"epochs": 2, "lr": 0.1, "optimiser": "sgd"},
    status="finished",
    epochs_done=2,
    best_epoch=1,
    validation_accuracy=0.5,
    test_accuracy=0.25,
    last_test_accuracy=1 / 3,
    train_seconds=12.5,
    environment={"python": "3", "name": "é"},
)


def test_round_trip(tmp_path):
    write_record(RECORD, tmp_path / "run")
    assert read_record(tmp_path / "run") == RECORD
    bare = dataclasses.replace(
        RECORD, best_epoch=None, validation_accuracy=None, test_accuracy=None,
        last_test_accuracy=None, environment={}, status="running",
    )  # fmt: skip
    write_record(bare, tmp_path / "run")
    assert read_record(tmp_path / "run") == bare


@given(
    st.floats(0, 1),
    st.floats(0, 1e9),
    st.integers(0, 2**80),
    st.text(max_size=9),
    st.integers(0, 99),
)
def test_every_number_comes_back(tmp_path_factory, accuracy, seconds, seed, text, epochs):
    folder = tmp_path_factory.mktemp("run")
    record = dataclasses.replace(
        RECORD, test_accuracy=accuracy, train_seconds=seconds, seed=seed,
        environment={text: text}, epochs_done=epochs,
    )  # fmt: skip
    write_record(record, folder)
    assert read_record(folder) == record


def test_the_file_is_json_with_a_schema(tmp_path):
    write_record(RECORD, tmp_path)
    values = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert values["schema"] == "nnmass.run/1"
    assert values["sizes"] == {"train": 10, "validation": 2, "test": 5}
    assert set(values) == {"schema", *(f.name for f in dataclasses.fields(RunRecord))}
    assert next(iter(values)) == "schema"


def test_no_record(tmp_path):
    assert read_record(tmp_path) is None
    assert read_record(tmp_path / "nowhere") is None
    (tmp_path / "run.json").mkdir()
    assert read_record(tmp_path) is None


def changed(**changes):
    values = {**RECORD.to_dict(), **changes}
    return json.dumps({k: v for k, v in values.items() if v != "left out"}).encode()


DAMAGED = {
    "empty": b"",
    "half": changed()[:200],
    "zeros": bytes(500),
    "not utf-8": b"\xff\xfe{}",
    "a list": b"[1, 2]",
    "a number": b"7",
    "null": b"null",
    "no schema": changed(schema="left out"),
    "another schema": changed(schema="nnmass.run/2"),
    "no spec": changed(spec="left out"),
    "no status": changed(status="left out"),
    "an unknown field": changed(colour="red"),
    "words": b"hello",
}


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_damaged_records(tmp_path, name):
    file = tmp_path / "run.json"
    file.write_bytes(DAMAGED[name])
    with pytest.raises(StoreError) as caught:
        read_record(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{file} is no run record of nnmass (")
    assert message.endswith("); move it away or choose another folder")
    assert file.read_bytes() == DAMAGED[name]


def test_curve(tmp_path):
    points = [{"epoch": 1, "loss": 0.1}, {"epoch": 2, "loss": 1 / 3}]
    write_curve(points, tmp_path)
    lines = (tmp_path / "curve.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == points
    write_curve([], tmp_path)
    assert (tmp_path / "curve.jsonl").read_bytes() == b""


def test_environment(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/nnmass", "train", "--seed", "1"])
    found = environment()
    assert found == {
        "nnmass": nnmass.__version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "command": "nnmass train --seed 1",
    }
    assert environment({"torch": "9"}) == {**found, "torch": "9"}
    assert all(isinstance(value, str) for value in found.values())


def test_the_room_needs_no_torch():
    code = "import sys, nnmass.runs as r; r.environment(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
