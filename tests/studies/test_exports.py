import csv
import io
import json
import sys

import pytest

from nnmass.errors import MissingExtraError, SpecError, StoreError
from nnmass.runs import TRIAL_COLUMNS, StudyStore, TrialResult
from nnmass.studies import EXPORTS, export_study, export_text, parse_study, summarise


@pytest.fixture
def stored(study_text, tmp_path):
    study = parse_study(study_text(seeds=2))
    with StudyStore(tmp_path / "study") as store:
        store.plan(study.name, text="", options={}, trials=study.trials())
        for index, trial in enumerate(study.trials()[:4]):
            accuracy = 0.5 + index / 16
            store.record(
                TrialResult(
                    trial=trial, status="done", accuracy=accuracy, seconds=0.1, torch="2.13.0"
                )
            )
        bad = study.trials()[4]
        store.record(TrialResult(trial=bad, status="failed", reason='a "comma", and\na line'))
        return store.stored()


def test_csv(stored, tmp_path):
    export_study(stored, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text()
    assert text == export_text(stored, "csv")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == TRIAL_COLUMNS
    assert [row["spec"] for row in rows] == [r.trial.spec for r in stored.results]
    assert [float(row["accuracy"] or "nan") for row in rows[:4]] == [0.5, 0.5625, 0.625, 0.6875]
    assert float(rows[2]["mass"]) == stored.results[2].trial.facts["mass"]
    assert rows[4]["reason"] == 'a "comma", and\na line'
    assert (rows[5]["status"], rows[5]["accuracy"]) == ("pending", "")


def test_json(stored, tmp_path):
    export_study(stored, tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["schema"] == "nnmass.study-table/1"
    assert document["trials"] == stored.to_rows()


def test_summary(stored):
    first, second, third, *_ = summarise(stored.results)
    assert (first.accuracy, first.n_done) == (0.53125, 2)
    assert first.accuracy_std == pytest.approx(0.0625 / 2**0.5)
    assert second.accuracy == 0.65625
    assert (third.n_failed, third.n_left, third.accuracy) == (1, 1, None)


def test_formats_that_are_none(stored, tmp_path):
    with pytest.raises(SpecError, match=r"unknown format 'cvs'\. Did you mean 'csv'"):
        export_study(stored, tmp_path / "a", to="cvs")
    with pytest.raises(SpecError, match=r"tells no format\. Known: csv, json, parquet"):
        export_study(stored, tmp_path / "a")
    with pytest.raises(SpecError, match="parquet needs a file"):
        export_text(stored, "parquet")
    with pytest.raises(StoreError, match="cannot write"):
        export_study(stored, tmp_path / "study" / "study.sqlite" / "a.csv")


@pytest.mark.parametrize(
    ("to", "module"),
    [("parquet", "pyarrow"), ("mlflow", "mlflow.entities"), ("tensorboard", "tensorboard")],
)
def test_a_missing_package_names_its_extra(stored, tmp_path, monkeypatch, to, module):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install 'nnmass\[{to}\]'"):
        EXPORTS[to](stored, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_parquet_reads_back(stored, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    export_study(stored, tmp_path / "a.parquet")
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    for row, expected in zip(rows, stored.to_rows(), strict=True):
        for name in ("depth", "width", "link_cap"):
            expected[name] = None if expected[name] is None else str(expected[name])
        assert row == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mlflow_reads_back(stored, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    target = tmp_path / "a.db"
    for _ in range(2):  # the second time nothing is there twice
        export_study(stored, target)
    client = mlflow.tracking.MlflowClient(tracking_uri=f"sqlite:///{target}")
    where = client.get_experiment_by_name("kills").experiment_id
    runs = client.search_runs([where])
    found = {run.data.tags["nnmass.trial"]: run.data.metrics["accuracy"] for run in runs}
    done = [result for result in stored.results if result.status == "done"]
    assert found == {result.trial.id: result.accuracy for result in done}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_back(stored, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    export_study(stored, tmp_path / "tb", to="tensorboard")
    done = [result for result in stored.results if result.status == "done"]
    assert len(list((tmp_path / "tb").iterdir())) == len(done)
    events = EventAccumulator(str(tmp_path / "tb" / done[0].trial.id)).Reload()
    assert events.Scalars("accuracy")[0].value == pytest.approx(done[0].accuracy)
