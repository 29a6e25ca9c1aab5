from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from nnmass.data import load_dataset, take
from nnmass.errors import (
    DataError,
    DeviceError,
    EngineError,
    MissingExtraError,
    SpecError,
    StoreError,
)
from nnmass.runs import StudyStore, TrialResult, read_study
from nnmass.studies import (
    JobLost,
    JobStarted,
    LocalEngine,
    RayEngine,
    ResultUnwritten,
    TrialEnded,
    check_study,
    jobs_of,
    make_engine,
    parse_study,
    resume_study,
    run_job,
    run_study,
)
from nnmass.studies._run_job import open_data
from nnmass.studies._study import EngineSettings
from nnmass.train import train


def plain(stored):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in stored.to_rows()]


@pytest.fixture
def few(study_text):
    return parse_study(study_text())


def test_the_table_is_what_training_gives(few, inline, tmp_path):
    stored = run_study(few, out=tmp_path, engine=inline())
    assert stored.counts == {"pending": 0, "running": 0, "done": 5, "failed": 0}
    data = take(load_dataset("digits"), n_train=60, n_test=50)
    for result in stored.results:
        expected = train(result.trial.spec, data, recipe=few.recipe, seed=result.trial.seed)
        loss = min(point["validation_loss"] for point in expected.curve)
        assert result.loss == pytest.approx(loss, rel=1e-4)
        assert result.accuracy == pytest.approx(expected.record.test_accuracy, abs=0.02)
        record = expected.record
        assert result.validation_accuracy == pytest.approx(record.validation_accuracy, abs=0.02)
        row = result.to_row()
        assert row["params"] == sum(p.numel() for p in expected.net.parameters())


def test_a_second_run_trains_nothing(few, inline, tmp_path):
    first = run_study(few, out=tmp_path, engine=inline())

    def never(_job, **_settings):
        raise AssertionError("trained again")

    again = run_study(few, out=tmp_path, engine=inline(never))
    assert again == first
    assert resume_study(tmp_path, engine=inline(never)) == first


def test_what_is_missing_is_trained_and_nothing_else(few, inline, tmp_path):
    whole = run_study(few, out=tmp_path / "whole", engine=inline())
    trained = []

    def counted(job, **settings):
        for result in run_job(job, **settings):
            trained.append(result.trial.id)
            yield result

    with StudyStore(tmp_path / "part") as store:
        store.plan(few.name, text=few.text, options={}, trials=few.trials())
        for result in (whole.results[0], whole.results[3]):
            store.record(result)
    part = resume_study(tmp_path / "part", engine=inline(counted))
    assert plain(part) == plain(whole)
    assert sorted(trained) == sorted(whole.results[k].trial.id for k in (1, 2, 4))


def test_jobs_do_not_depend_on_what_is_done(few):
    trials = few.trials()
    whole, rest = jobs_of(trials), jobs_of(trials, done={trials[0].id})
    assert [job.trials for job in whole] == [job.trials for job in rest]
    assert rest[0].wanted == whole[0].wanted - {trials[0].id}
    everything = {trial.id for trial in trials}
    assert jobs_of(trials, done=everything) == []


def test_ldi_is_that_of_the_network_as_built(study_text, inline, tmp_path):
    from nnmass import build, ldi
    from nnmass.probes import sample_images

    text = study_text() + "\n[measure]\nldi = true\nldi_images = 10\n"
    stored = run_study(parse_study(text), out=tmp_path, engine=inline())
    result = stored.results[1]
    data = take(load_dataset("digits"), n_train=60, n_test=50)
    images, _ = sample_images(data, 10, input_shape=(64,))
    expected = ldi(build(result.trial.spec, result.trial.seed), images)
    assert result.ldi_mean == pytest.approx(expected.mean, rel=1e-6)
    assert result.ldi_std == pytest.approx(expected.std, rel=1e-6)


def test_a_poisoned_trial_fails_alone(study_text, inline, tmp_path):
    text = study_text().replace("d={4,6}", "d={4,3}").replace("w=8", "w={8,300000}")
    stored = run_study(parse_study(text), out=tmp_path, engine=inline())
    failed = [result for result in stored.results if result.status == "failed"]
    assert {result.trial.facts["width"] for result in failed} == {300000}
    assert stored.counts["done"] == 5
    assert "allocate" in failed[0].reason
    assert failed[0].accuracy is None


def test_a_loss_that_is_no_number_is_a_reason(study_text, inline, tmp_path):
    text = study_text().replace("[recipe]", '[recipe]\nlr = 1e30\noptimiser = "sgd"')
    stored = run_study(parse_study(text), out=tmp_path, engine=inline())
    assert stored.counts["failed"] == 5
    assert all("became nan" in result.reason for result in stored.results)
    again = resume_study(tmp_path, engine=inline())
    assert again == stored
    calls = []
    resume_study(tmp_path, engine=inline(), retry_failed=True, on_event=calls.append)
    assert sum(isinstance(event, TrialEnded) for event in calls) == 5


def test_a_killed_worker_is_replaced_and_its_job_done_again(few, inline, tmp_path):
    expected = run_study(few, out=tmp_path / "expected", engine=inline())
    events = []

    def watch(event):
        events.append(event)
        if isinstance(event, JobStarted) and len(events) == 2:
            os.kill(int(event.worker), signal.SIGKILL)

    engine = LocalEngine(workers=1, threads=1)
    stored = run_study(few, out=tmp_path / "out", engine=engine, on_event=watch)
    assert plain(stored) == plain(expected)
    lost = [event for event in events if isinstance(event, JobLost)]
    assert [event.reason for event in lost] == [
        "its worker process died of SIGKILL (killed from outside, or out of memory)"
    ]


class Losing:
    """An engine that loses every job that has a trial of this depth."""

    name, n_workers = "losing", 50

    def __init__(self, inner, depth):
        self.inner, self.depth, self.n_losses = inner, depth, 0

    def check(self):
        pass

    def run(self, next_job, context):
        def checked():
            while (job := next_job()) is not None:
                if all(trial.facts["depth"] != self.depth for trial in job.trials):
                    return job
                self.n_losses += 1
                lost.append(JobLost(job=job, reason="gone"))
                return None
            return None

        lost = []
        while True:
            yield from self.inner.run(checked, context)
            if not lost:
                return
            yield lost.pop()


def test_a_job_that_kills_its_workers_is_given_up_trial_by_trial(few, inline, tmp_path):
    engine = Losing(inline(), depth=6)
    stored = run_study(few, out=tmp_path, engine=engine)
    failed = [result for result in stored.results if result.status == "failed"]
    assert [result.trial.facts["depth"] for result in failed] == [6, 6]
    assert {result.reason for result in failed} == {"gone, twice"}
    assert stored.counts["done"] == 3
    assert engine.n_losses == 4  # twice as it was, then each alone


def test_workers_that_never_live_are_an_error_and_no_result(few, inline, tmp_path):
    engine = Losing(inline(), depth=4)
    engine.n_workers = 1
    engine.run = lambda next_job, _context: (
        JobLost(job=job, reason="no torch") for job in iter(next_job, None)
    )
    with pytest.raises(EngineError, match=r"4 workers died before .* so: no torch"):
        run_study(few, out=tmp_path, engine=engine)
    assert not read_study(tmp_path).is_finished


def test_a_full_disk_loses_nothing(few, inline, tmp_path, monkeypatch):
    whole = run_study(few, out=tmp_path / "whole", engine=inline())
    n_calls = 0
    write = StudyStore._write

    def full_for_a_while(self, statements):
        nonlocal n_calls
        if any("SET status = ?" in statement for statement, _ in statements):
            n_calls += 1
            if n_calls <= 3:
                raise StoreError("disk is full")
        write(self, statements)

    monkeypatch.setattr(StudyStore, "_write", full_for_a_while)
    events = []
    stored = run_study(few, out=tmp_path / "out", engine=inline(), on_event=events.append)
    assert plain(stored) == plain(whole)
    waiting = [event.n_unwritten for event in events if isinstance(event, ResultUnwritten)]
    assert waiting == [1, 2, 3]


def test_a_disk_that_stays_full_ends_in_an_error(few, inline, tmp_path, monkeypatch):
    from nnmass.studies import _run_study

    def full(self):
        if self._unwritten:
            raise StoreError("disk is full")

    monkeypatch.setattr(StudyStore, "flush", full)
    monkeypatch.setattr(_run_study, "_FLUSH_PAUSE_S", 0.0)
    with pytest.raises(StoreError, match="disk is full: 5 results could not be written"):
        run_study(few, out=tmp_path, engine=inline())
    monkeypatch.undo()
    assert resume_study(tmp_path, engine=inline()).counts["done"] == 5


def test_an_interrupted_run_keeps_what_is_finished(few, inline, tmp_path):
    def stop(event):
        if isinstance(event, TrialEnded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(few, out=tmp_path, engine=inline(), on_event=stop)
    assert read_study(tmp_path).counts == {"pending": 4, "running": 0, "done": 1, "failed": 0}


def test_everything_is_checked_before_the_folder_is_made(few, inline, tmp_path):
    out = tmp_path / "out"
    bad = [
        (dataclasses.replace(few, data=("mnist",)), inline(), DataError, "no data folder is given"),
        (dataclasses.replace(few, data=("digit",)), inline(), SpecError, "Did you mean 'digits'"),
        (dataclasses.replace(few, train_images=10**6), inline(), SpecError, "n_train must be at"),
        (
            dataclasses.replace(few, specs=("dense-mlp(w=8,d=4,t=0)",)),
            inline(),
            SpecError,
            "add in=64 to the spec",
        ),
        (
            dataclasses.replace(few, engine=EngineSettings(device="tpu")),
            LocalEngine(workers=1),
            DeviceError,
            "got 'tpu'",
        ),
    ]
    for study, engine, error, words in bad:
        with pytest.raises(error, match=words):
            run_study(study, out=out, engine=engine)
    assert not out.exists()


def test_many_networks_that_do_not_fit_are_told_at_once(few):
    specs = tuple(f"dense-mlp(w=8,d=4,t={t})" for t in range(8))
    with pytest.raises(SpecError, match=r"8 of 8 networks do not fit digits") as caught:
        check_study(dataclasses.replace(few, specs=specs))
    assert ".. and 3 more" in str(caught.value)


def test_changes_of_images_that_do_not_fit_are_told_before_anything_starts(few):
    recipe = dataclasses.replace(few.recipe, augment="crop:9+flip")
    with pytest.raises(SpecError, match=r"crop must be less than the side .* digits, 8 pixels"):
        check_study(dataclasses.replace(few, recipe=recipe))


def test_a_folder_of_images_is_decoded_once_for_the_check_and_all_workers(tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    for part in ("train", "val"):
        for name, colour in (("a", "red"), ("b", "blue")):
            (tmp_path / "photos" / part / name).mkdir(parents=True)
            for index in range(3):
                file = tmp_path / "photos" / part / name / f"{index}.png"
                image.new("RGB", (9, 9), colour).save(file)
    monkeypatch.setenv("NNMASS_CACHE", str(tmp_path / "cache"))
    name = f"folder({tmp_path / 'photos'},size=8)"
    data = open_data(name, None, None, None)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    open_data.cache_clear()  # as in another process
    monkeypatch.setattr("nnmass.data._cache.decode_blocks", None)
    again = open_data(name, None, None, None)
    assert again.train_images.tolist() == data.train_images.tolist()


def test_ray_is_knocked_at_before_anything_starts(few, tmp_path, monkeypatch):
    from nnmass.studies import _ray_engine

    with pytest.raises(SpecError, match="workers must be at least 1, got 0"):
        RayEngine(workers=0)
    monkeypatch.setattr(_ray_engine.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(
        MissingExtraError, match=r"ray, which is not installed: pip install 'nnmass\["
    ):
        run_study(few, out=tmp_path / "out", engine=RayEngine())
    monkeypatch.setattr(_ray_engine.importlib.util, "find_spec", lambda _name: object())
    for address, words in [
        ("127.0.0.1:1", "nothing answers at the Ray address '127.0.0.1:1'"),
        ("ray://127.0.0.1:1", "nothing answers"),
        ("127.0.0.1:99999", "nothing answers"),
        ("somewhere", "Ray address must be HOST:PORT"),
        ("", "Ray address must be HOST:PORT"),
    ]:
        with pytest.raises(EngineError, match=words):
            run_study(few, out=tmp_path / "out", engine=RayEngine(address))
    assert not (tmp_path / "out").exists()


def test_engines_by_name():
    assert make_engine(EngineSettings(workers=3)).n_workers == 3
    assert make_engine(EngineSettings(device="cuda")).n_workers == 1
    with pytest.raises(SpecError, match="engine must be local or ray, got 'dask'"):
        make_engine(EngineSettings(name="dask"))
    with pytest.raises(SpecError, match="address 'x:1' is for the engine ray"):
        make_engine(EngineSettings(address="x:1"))


def test_cores_are_shared_out():
    from nnmass.studies._engine import cores_here

    assert LocalEngine(workers=1).threads == cores_here()
    assert LocalEngine(workers=cores_here()).threads == 1
    assert LocalEngine(workers=10 * cores_here()).threads == 1
    with pytest.raises(SpecError, match="threads must be at least 1"):
        LocalEngine(threads=0)


def test_two_runs_on_one_store(few, inline, tmp_path):
    with StudyStore(tmp_path), pytest.raises(StoreError, match="is being written by process"):
        run_study(few, out=tmp_path, engine=inline())
    assert run_study(few, out=tmp_path, engine=inline()).is_finished


def test_another_study_in_the_folder(few, inline, tmp_path):
    run_study(few, out=tmp_path, engine=inline())
    with pytest.raises(StoreError, match="holds another study, 'kills' with 5 trials"):
        run_study(dataclasses.replace(few, seeds=(7,)), out=tmp_path, engine=inline())


def test_a_trial_result_of_the_store_is_that_of_the_run(few, inline, tmp_path):
    events = []
    stored = run_study(few, out=tmp_path, engine=inline(), on_event=events.append)
    told = {
        event.result.trial.id: event.result for event in events if isinstance(event, TrialEnded)
    }
    assert told == {result.trial.id: result for result in stored.results}
    assert all(isinstance(result, TrialResult) for result in told.values())
    with sqlite3.connect(Path(tmp_path) / "study.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (5,)
    connection.close()
