"""Runs of studies that are killed at any moment, and go on to the table of an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnmass.runs import read_study

CHILD = Path(__file__).with_name("_study_child.py")


def start(file, out, engine, *address):
    return subprocess.Popen([sys.executable, str(CHILD), str(file), str(out), engine, *address])


def events(out, name):
    log = Path(out) / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:  # a kill in the middle of a line
            continue
    return [event for event in found if event["event"] == name]


def wait_for(condition, child, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if child.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def children_of(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill_and_wait(child):
    child.send_signal(signal.SIGKILL)
    child.wait(60)


def table(out):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_study(out).to_rows()]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes as Linux shows them")
def test_killed_in_the_middle(study_text, undisturbed, tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(study_text(trials="many"))
    out = tmp_path / "out"
    child = start(file, out, "local")
    assert wait_for(lambda: len(events(out, "finished")) >= 2, child)
    workers = children_of(child.pid)
    kill_and_wait(child)
    assert workers
    end = time.monotonic() + 10
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < end, "a worker outlived its study"
        time.sleep(0.01)
    counts = read_study(out).counts
    assert counts["done"] >= 2
    assert counts["pending"] + counts["running"] > 0
    expected = undisturbed(file)  # also resumes in this process, and without workers
    undisturbed(file, out)
    assert table(out) == table(expected)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_killed_twenty_times(engine, study_text, undisturbed, tmp_path):
    if engine == "ray":
        pytest.importorskip("ray")
    file = tmp_path / "study.toml"
    file.write_text(study_text(trials="long"))
    out = tmp_path / "out"
    chance = random.Random(0)
    n_kills, done = 0, []
    for _ in range(20):
        n_runs = len(events(out, "run"))
        child = start(file, out, engine)
        wait_for(lambda n_runs=n_runs: len(events(out, "run")) > n_runs, child)
        if chance.random() < 0.5:  # in the middle of trainings, not of the start of processes
            n_finished = len(events(out, "finished")) + chance.randrange(1, 4)
            wait_for(lambda n=n_finished: len(events(out, "finished")) >= n, child)
            time.sleep(chance.uniform(0, 0.5))
        else:
            time.sleep(chance.uniform(0, 6))
        n_kills += child.poll() is None
        kill_and_wait(child)
        done.append(read_study(out).counts["done"])
    print(f"{engine}: {n_kills} kills of 20 hit a running study; done after each: {done}")  # noqa: T201 - shown with -s
    assert done == sorted(done)
    assert done[-1] > 0
    assert n_kills >= 10
    child = start(file, out, engine)
    assert child.wait(600) == 0
    assert read_study(out).is_finished
    assert table(out) == table(undisturbed(file))


@pytest.mark.slow
def test_a_ray_cluster_of_two_nodes_loses_a_worker_and_a_node(study_text, undisturbed, tmp_path):
    pytest.importorskip("ray")
    file = tmp_path / "study.toml"
    file.write_text(study_text(trials="long"))
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", CLUSTER, str(file), str(out)],
        capture_output=True, text=True, timeout=900, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    print(*[line for line in done.stdout.splitlines() if " s: " in line], sep="\n")  # noqa: T201 - shown with -s
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(events(out, "lost")) >= 2
    stored = read_study(out)
    assert stored.is_finished
    assert not stored.counts["failed"]
    assert table(out) == table(undisturbed(file))


CLUSTER = """
import os, signal, subprocess, sys, threading, time
import ray
from ray.cluster_utils import Cluster
from nnmass.runs import read_study
from nnmass.studies import JobLost, JobStarted, RayEngine, run_study

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
second = cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
file, out = sys.argv[1:]
begin, state = time.monotonic(), {"started": 0}

def workers():
    raylets = [node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()]
    parents = ",".join(map(str, raylets))
    found = subprocess.run(["pgrep", "-P", parents, "ray::_work"], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]

def watch(event):
    if isinstance(event, JobLost):
        print(f"{time.monotonic() - begin:.1f} s: lost {len(event.job.wanted)}: {event.reason}")
    if not isinstance(event, JobStarted):
        return
    state["started"] += 1
    if state["started"] == 7:
        time.sleep(0.3)  # into its training
        os.kill(workers()[0], signal.SIGKILL)
        print(f"{time.monotonic() - begin:.1f} s: killed a worker")
    if state["started"] == 11:
        time.sleep(0.3)
        cluster.remove_node(second, allow_graceful=False)
        print(f"{time.monotonic() - begin:.1f} s: killed the second node")

stored = run_study(file, out=out, engine=RayEngine(cluster.address), on_event=watch)
print(f"{time.monotonic() - begin:.1f} s: {stored.counts}")
cluster.shutdown()
"""
