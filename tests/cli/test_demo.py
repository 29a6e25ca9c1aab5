import json

import pytest
from typer.testing import CliRunner

from nnmass.cli._app import app


@pytest.fixture(scope="module", name="demo")
def demo_fixture(tmp_path_factory):
    """One seed, one epoch: everything but the accuracy is as in the real one."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    arguments = ["demo", "--seeds", "1", "--epochs", "1", "--threads", "1", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        return CliRunner().invoke(app, arguments), out


def test_the_demo_in_small(demo):
    done, out = demo
    assert done.exit_code == 0
    assert "Designed before any training" in done.stderr
    assert "[3/3] control" in done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()[1:4]}
    assert set(rows) == {"reference", "designed", "control"}
    assert "±" not in done.stdout  # one seed has no spread
    document = json.loads((out / "demo.json").read_text())
    assert document["verdict"] == done.stdout.splitlines()[-1]
    reference, designed, control = document["networks"]
    assert designed["mass"] >= reference["mass"] > 10 * control["mass"]
    assert designed["params"] < reference["params"] / 2
    assert 0.9 < control["params"] / designed["params"] < 1.1
    page = (out / "report.html").read_text()
    assert document["verdict"].split(":")[0] in page


def test_the_demo_as_json(nnmass_cli, tmp_path, monkeypatch):
    """On a smaller reference than the demo's: what is printed is the same."""
    monkeypatch.setattr("nnmass.cli.demo.REFERENCE", "dense-cnn(wm=1,d=8,t=4/6/8,in=1,image=8)")
    done = nnmass_cli("demo", "--seeds", 1, "--epochs", 1, "--out", tmp_path / "d", "--json")
    assert done.err == ""
    assert done.document["schema"] == "nnmass.demo/1"
    assert len(done.document["networks"]) == 3


def test_wrong_use(nnmass_cli):
    done = nnmass_cli("demo", "--seeds", 0)
    assert done.code == 2
    assert "n_seeds must be at least 1, got 0" in done.err
