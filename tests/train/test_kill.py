"""Trainings in a process of their own: killed at some moment, or writing to a full disk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from nnmass.train import train

CHILD = """
import json, sys, time, torch
torch.set_num_threads(1)
from nnmass.data import load_dataset, take
from nnmass.train import Recipe, train
spec, recipe, folder, pause = json.loads(sys.argv[1])
train(
    spec, take(load_dataset("digits"), n_train=150, n_test=40), recipe=Recipe(**recipe), seed=3,
    folder=folder, resume=True, on_step=lambda step: time.sleep(pause),
)
"""


def run_and_kill(spec, recipe, folder, *, until, delay):
    """Start a training, kill -9 it ``delay`` seconds after ``until()``."""
    arguments = json.dumps([spec, recipe.to_dict(), str(folder), 0.03])
    child = subprocess.Popen([sys.executable, "-c", CHILD, arguments])
    try:
        end = time.monotonic() + 120
        while not until():
            assert child.poll() is None, "the training ended before it was killed"
            assert time.monotonic() < end
            time.sleep(0.005)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
    finally:
        child.kill()
        child.wait(60)


def check_kills(t, small, tmp_path, name, delays):
    spec, recipe = t.case(name)
    whole = train(spec, small, recipe=recipe, seed=3, folder=tmp_path / "whole")
    folder = tmp_path / "killed"
    file = folder / "last.safetensors"
    for delay in delays:
        seen = file.stat().st_mtime_ns if file.exists() else 0

        def is_written(seen=seen):
            return file.exists() and file.stat().st_mtime_ns > seen

        run_and_kill(spec, recipe, folder, until=is_written, delay=delay)
        n_done = len((folder / "last.safetensors").read_bytes())
        assert n_done
    steps = []
    resumed = train(
        spec, small, recipe=recipe, seed=3, folder=folder, resume=True, on_step=steps.append
    )
    assert steps[0].epoch > 1
    t.assert_same(whole, resumed)
    assert (folder / "last.safetensors").stat().st_size > 0


@pytest.mark.parametrize(("name", "delay"), [("sgd", 0.0), ("bfloat16-adam-dropout", 0.05)])
def test_killed_and_resumed(t, small, tmp_path, name, delay):
    check_kills(t, small, tmp_path, name, [delay])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sgd", "adam", "plain-sgd", "dropout", "bfloat16-adam-dropout"])
def test_killed_twice_and_resumed(t, small, tmp_path, name):
    check_kills(t, small, tmp_path, name, [0.001, 0.02])


FULL_DISK = """
import json, resource, signal, sys, torch
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
torch.set_num_threads(1)
from nnmass.data import load_dataset, take
from nnmass.errors import StoreError
from nnmass.train import Recipe, train
spec, recipe, folder, limit = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    train(
        spec, take(load_dataset("digits"), n_train=150, n_test=40), recipe=Recipe(**recipe),
        seed=3, folder=folder, resume=True,
    )
except StoreError as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_keeps_the_last_resume_point(t, small, tmp_path, stop_at):
    spec, recipe = t.case("adam")
    whole = train(spec, small, recipe=recipe, seed=3)
    watch, stop = stop_at(3, 1)
    with pytest.raises(stop):
        train(spec, small, recipe=recipe, seed=3, folder=tmp_path, on_step=watch)
    file = tmp_path / "last.safetensors"
    before, size = file.read_bytes(), file.stat().st_size
    arguments = json.dumps([spec, recipe.to_dict(), str(tmp_path), size - 1])
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, arguments],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.startswith(f"StoreError cannot write {file} (")
    assert "File too large; what was there before is untouched. Free some space" in done.stdout
    assert file.read_bytes() == before
    assert not [f for f in tmp_path.rglob("*") if f.name.startswith(".")]
    resumed = train(spec, small, recipe=recipe, seed=3, folder=tmp_path, resume=True)
    t.assert_same(whole, resumed)
