import json
import os
import signal
import subprocess
import sys
import time

import pytest

from nnmass.studies import JobEnded, JobStarted, TrialEnded, run_job

STUDY = """
[study]
name = "small"
title = "Small networks"
data = "digits"
seeds = 2
recipe = "adam"
train_images = 60
test_images = 50

[recipe]
epochs = 1

[[networks]]
spec = "dense-mlp(w=8,d=4,t={0,4},in=64)"

[quick]
seeds = 1
"""


class Inline:
    name, n_workers = "inline", 1

    def check(self):
        pass

    def run(self, next_job, context):
        while (job := next_job()) is not None:
            yield JobStarted(job=job, worker="here")
            for result in run_job(job):
                yield TrialEnded(result=result)
            yield JobEnded(job=job)


@pytest.fixture
def study(nnmass_cli, monkeypatch, tmp_path):
    """The command line in a folder with a study, without worker processes."""
    monkeypatch.setattr("nnmass.studies.make_engine", lambda _settings: Inline(), raising=False)
    (tmp_path / "small.toml").write_text(STUDY)
    return lambda *arguments: nnmass_cli("study", *arguments)


def test_run_show_ls_export(study, tmp_path):
    done = study("run", "small.toml")
    assert done.code == 0
    assert "dense-mlp(w=8,d=4,t=4,in=64)" in done.out
    assert "small: 4 done" in done.out
    lines = done.err.splitlines()
    assert lines[0] == "small: 4 trials; 1 worker; store in small"
    assert lines[1].startswith("[1/4] dense-mlp(w=8,d=4,t=0,in=64) seed 0: test ")
    assert lines[1].endswith(" left")
    assert study("show", "small").out == done.out
    document = study("show", "small", "--json").document
    assert document["schema"] == "nnmass.study/1"
    assert (document["n_done"], len(document["trials"]), len(document["networks"])) == (4, 4, 2)
    assert study("ls", "--json").document["studies"][0]["n_done"] == 4
    assert "small" in study("ls").out
    assert study("export", "small").out.startswith("spec,family,seed,mass,")
    assert study("export", "small", "t.csv").err == "4 trials of small in t.csv\n"
    assert (tmp_path / "t.csv").read_text() == study("export", "small").out
    again = study("run", "small.toml", "--quiet")
    assert (again.out, again.err) == (done.out, "")
    assert study("resume", "small", "--json").document == document


def test_quick_has_a_folder_of_its_own(study, tmp_path):
    document = study("run", "small.toml", "--quick", "--json").document
    assert (document["folder"], document["n_trials"]) == ("small-quick", 2)
    assert not (tmp_path / "small").exists()


def test_check(study, tmp_path):
    done = study("check", "small.toml")
    assert "2 networks x 2 seeds on digits = 4 trials in 1 jobs" in done.out
    document = study("check", "small.toml", "--quick", "--json").document
    assert (document["n_trials"], document["recipe"]["epochs"]) == (2, 1)
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "none.toml"], 3, "nnmass study run: cannot read the study file none.toml"),
        (["show", "none"], 3, "nnmass study show: no study in none"),
        (["resume", "none"], 3, "nnmass study resume: no study in none"),
        (["ls", "none"], 2, "nnmass study ls: none does not exist"),
        (["export", "none", "--to", "csv"], 3, "no study in none"),
        (["check", "bad.toml"], 2, "bad.toml has 2 faults"),
        (["check", "missing.toml"], 3, "mnist: no data folder is given"),
    ],
)
def test_bad_input(study, tmp_path, arguments, code, words):
    bad = STUDY.replace("seeds = 2", "seed = 2").replace("epochs = 1", "epochs = 1.5")
    (tmp_path / "bad.toml").write_text(bad)
    (tmp_path / "missing.toml").write_text(STUDY.replace('"digits"', '"mnist"'))
    done = study(*arguments)
    assert (done.code, done.out) == (code, "")
    assert words in done.err


def test_engines_that_cannot_be(nnmass_cli, tmp_path):
    (tmp_path / "small.toml").write_text(STUDY)
    done = nnmass_cli("study", "run", "small.toml", "--engine", "dask")
    assert (done.code, "engine must be local or ray, got 'dask'" in done.err) == (2, True)
    done = nnmass_cli("study", "run", "small.toml", "--address", "x:1")
    assert (done.code, "add --engine ray" in done.err) == (2, True)
    done = nnmass_cli("study", "run", "small.toml", "--workers", "0")
    assert (done.code, "workers must be at least 1, got 0" in done.err) == (2, True)
    done = nnmass_cli("study", "run", "small.toml", "--threads", "0")
    assert (done.code, "threads must be at least 1, got 0" in done.err) == (2, True)
    assert not (tmp_path / "small").exists()


def test_all_failed_is_no_success(study, tmp_path):
    text = STUDY.replace("epochs = 1", 'epochs = 1\noptimiser = "sgd"\nlr = 1e30')
    (tmp_path / "nan.toml").write_text(text)
    done = study("run", "nan.toml", "--out", "nan")
    assert done.code == 3
    assert "failed: dense-mlp(w=8,d=4,t=0,in=64) seed 0" in done.err
    assert "--retry-failed" in done.err


@pytest.mark.slow
def test_ctrl_c(tmp_path):
    (tmp_path / "small.toml").write_text(STUDY.replace("epochs = 1", "epochs = 500"))
    child = subprocess.Popen(
        [sys.executable, "-m", "nnmass", "study", "run", "small.toml", "--workers", "1"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=child_env(),
    )  # fmt: skip
    log = tmp_path / "small" / "log.jsonl"
    end = time.monotonic() + 120
    while not (log.exists() and '"finished"' in log.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert out == ""
    assert "what is finished is in small: `nnmass study resume small` goes on" in err
    shown = subprocess.run(
        [sys.executable, "-m", "nnmass", "study", "show", "small", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=child_env(),
    )  # fmt: skip
    document = json.loads(shown.stdout)
    assert document["n_done"] >= 1
    assert document["n_running"] == 0


def child_env():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
