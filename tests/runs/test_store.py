import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from nnmass.errors import StoreError
from nnmass.runs import STORE_FILE, StudyStore, Trial, TrialResult, read_study


def trials(n=3):
    return [Trial(spec=f"dense-mlp(w=8,d=4,t={t})", seed=0, recipe={}, data="x") for t in range(n)]


def planned(folder, n=3, name="s"):
    store = StudyStore(folder)
    try:
        store.plan(name, text="[study]\n", options={"quick": False}, trials=trials(n))
    except BaseException:
        store.close()
        raise
    return store


def done(trial, accuracy=0.5):
    return TrialResult(trial=trial, status="done", accuracy=accuracy)


def test_results_come_back_in_the_order_of_the_plan(tmp_path):
    with planned(tmp_path) as store:
        store.start(trials()[1:])
        assert store.record(done(trials()[2], 0.9))
        store.record(TrialResult(trial=trials()[1], status="failed", reason="why"))
        seen = read_study(tmp_path)  # while it is being written
    assert [r.status for r in seen.results] == ["pending", "failed", "done"]
    assert [r.trial for r in seen.results] == trials()
    assert (seen.results[1].reason, seen.results[2].accuracy) == ("why", 0.9)
    assert (seen.name, seen.text, seen.counts["done"]) == ("s", "[study]\n", 1)
    assert (tmp_path / "study.toml").read_text() == "[study]\n"
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in log] == ["started", "finished", "finished"]


def test_a_result_is_written_once(tmp_path):
    with planned(tmp_path) as store:
        store.record(done(trials()[0], 0.9))
        store.record(done(trials()[0], 0.1))
        assert store.results()[0].accuracy == 0.9


def test_planning_again_keeps_results_and_frees_what_ran(tmp_path):
    store = planned(tmp_path)
    store.start(trials())
    store.record(done(trials()[0]))
    store._connection.close()  # as a kill leaves it: nothing is put in order
    store._log.close()
    store._lock.close()
    assert read_study(tmp_path).counts["running"] == 2
    with planned(tmp_path) as again:
        assert [r.status for r in again.results()] == ["done", "pending", "pending"]


def test_failed_trials_can_be_tried_again(tmp_path):
    with planned(tmp_path) as store:
        store.record(TrialResult(trial=trials()[1], status="failed", reason="why"))
        assert store.retry_failed() == 1
        assert (store.results()[1].status, store.results()[1].reason) == ("pending", "")


def test_another_study_is_refused(tmp_path):
    planned(tmp_path).close()
    with pytest.raises(StoreError, match=r"holds another study, 's' with 3 trials; 'other' has 4"):
        planned(tmp_path, n=4, name="other")


HOLDER = """
import sys, time
from nnmass.runs import StudyStore
store = StudyStore(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def holder(folder, seconds):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "held\n"
    return child


def test_one_writer_and_a_dead_one_holds_nothing(tmp_path):
    child = holder(tmp_path, 60)
    try:
        with pytest.raises(StoreError, match=rf"being written by process {child.pid} on .* since"):
            StudyStore(tmp_path)
        timer = threading.Timer(0.3, child.send_signal, [signal.SIGKILL])
        timer.start()
        planned_at = time.monotonic()
        StudyStore(tmp_path, wait_s=30).close()  # waits until the holder is dead
        assert time.monotonic() - planned_at < 25
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_newer_schema_is_refused_by_readers_and_writers(tmp_path):
    planned(tmp_path).close()
    with sqlite3.connect(tmp_path / STORE_FILE) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    words = r"has schema 7, written by a newer nnmass; this one reads up to 1. Update nnmass"
    for call in (StudyStore, read_study):
        with pytest.raises(StoreError, match=words):
            call(tmp_path)
    with pytest.raises(StoreError, match=words):  # and the refusal gave the folder back
        StudyStore(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_what_is_no_store(tmp_path, content):
    (tmp_path / STORE_FILE).write_bytes(content)
    with pytest.raises(StoreError, match=r"is no store of a study|holds no study yet|damaged"):
        read_study(tmp_path)


def test_a_database_of_others_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / STORE_FILE) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = (tmp_path / STORE_FILE).read_bytes()
    for call in (StudyStore, read_study):
        with pytest.raises(StoreError, match="a SQLite file, but no store of a study"):
            call(tmp_path)
    assert (tmp_path / STORE_FILE).read_bytes() == before


def test_no_study_at_all(tmp_path):
    with pytest.raises(StoreError, match=r"no study in .*: it has no study.sqlite"):
        read_study(tmp_path / "nowhere")


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the folder"):
        StudyStore(tmp_path / "file")


class FullDisk:
    """A connection that writes nothing while ``is_full``."""

    def __init__(self, connection):
        self.connection, self.is_full = connection, False

    def executemany(self, statement, rows):
        if self.is_full:
            raise sqlite3.OperationalError("database or disk is full")
        return self.connection.executemany(statement, rows)

    def __getattr__(self, name):
        return getattr(self.connection, name)


def test_what_a_full_disk_did_not_take_is_written_with_the_next(tmp_path):
    with planned(tmp_path) as store:
        store._connection = disk = FullDisk(store._connection)
        disk.is_full = True
        assert not store.record(done(trials()[0]))
        assert not store.record(done(trials()[1]))
        with pytest.raises(
            StoreError, match=r"cannot write .*disk is full; what is in it is whole"
        ):
            store.flush()
        assert (store.n_unwritten, read_study(tmp_path).counts["done"]) == (2, 0)
        disk.is_full = False
        assert store.record(done(trials()[2]))
        assert (store.n_unwritten, read_study(tmp_path).counts["done"]) == (0, 3)


REALLY_FULL = """
import resource, signal, sys
from nnmass.runs import StudyStore, Trial, TrialResult
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
trials = [Trial(spec=f"s{k}", seed=0, recipe={}, data="x") for k in range(200)]
with StudyStore(sys.argv[1]) as store:
    store.plan("s", text="", options={}, trials=trials)
    taken = []
    size = (store.folder / "study.sqlite-wal").stat().st_size + 60_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    for trial in trials:
        result = TrialResult(trial=trial, status="done", accuracy=0.5, reason="x" * 200)
        taken.append(store.record(result))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.flush()
    print(sum(taken), store.n_unwritten)
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="limits as Linux has them")
def test_a_disk_that_really_takes_no_more(tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", REALLY_FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    n_taken, n_unwritten = map(int, found.stdout.split())
    assert 0 < n_taken < 200
    assert n_unwritten == 0
    assert read_study(tmp_path).counts["done"] == 200


def test_a_torn_line_of_the_log_spoils_no_other(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"time": "2026')
    with planned(tmp_path) as store:
        store.log("run")
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[1])["event"] == "run"


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path, monkeypatch):
    with planned(tmp_path) as store:
        store.record(done(trials()[0]))
    real = sqlite3.connect

    class NoIndex:
        """What SQLite says where it cannot make the index of its log."""

        def execute(self, _statement):
            raise sqlite3.OperationalError("unable to open database file")

        def close(self):
            pass

    def read_only(address, **settings):
        return real(address, **settings) if "immutable" in address else NoIndex()

    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert read_study(tmp_path).counts["done"] == 1
