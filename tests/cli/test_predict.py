import json
import math

import pytest
import typer
from typer.testing import CliRunner

from nnmass.cli._errors import reporting
from nnmass.cli._study_fit import FIT_EPILOG, study_fit
from nnmass.specs import parse


@pytest.fixture
def table(tmp_path):
    lines = ["spec,seed,test_accuracy,dataset"]
    for depth in (8, 12, 16):
        for cap in (1, 4, 10):
            spec = f"dense-mlp(w=8,d={depth},t={cap})"
            accuracy = 0.93 + 0.005 * math.log(parse(spec).mass) + 0.0001 * (cap % 3)
            lines += [f'"{spec}",{seed},{accuracy + 0.001 * seed:.4f},mnist' for seed in range(2)]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def fit_cli(monkeypatch):
    app = typer.Typer()
    app.command("fit", epilog=FIT_EPILOG)(reporting(study_fit))
    app.command("other")(lambda: None)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, ["fit", *map(str, words)])


def test_fit_then_predict_and_design(nnmass_cli, fit_cli, table, tmp_path):
    file = tmp_path / "fit.json"
    done = fit_cli(table, "--out", file, "--resamples", 100, "--terms", "ln mass")
    assert done.exit_code == 0, done.output
    assert "18 single trainings" in done.stdout
    assert done.stdout.index("params") < done.stdout.index("mass")
    assert json.loads(file.read_text())["schema"] == "nnmass.fit/1"
    known, far = "dense-mlp(w=8,d=12,t=4)", "dense-mlp(w=8,d=60,t=4)"
    document = nnmass_cli("predict", known, far, "--fit", file, "--json").document
    first, second = document["predictions"]
    assert first["low"] <= first["accuracy"] <= first["high"]
    assert (first["extrapolates"], second["extrapolates"]) == (False, True)
    assert first["params"] == parse(known).params
    text = nnmass_cli("predict", known, far, "--fit", file)
    assert "depth 60 is outside 8 .. 16" in text.out
    found = nnmass_cli("design", "--like", known, "--fit", file, "--top", 1, "--json").document
    assert found["candidates"][0]["accuracy"]["accuracy"] == pytest.approx(first["accuracy"], 0.01)


def test_fit_json(fit_cli, table):
    document = json.loads(fit_cli(table, "--json", "--resamples", 100).stdout)
    assert document["schema"] == "nnmass.study-fit/1"
    assert document["configurations"][0]["name"] == "params"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--terms", "masss"], 2, "Did you mean 'mass'"),
        (["--outcome", "accurcy"], 2, "no column 'accurcy'"),
        (["--resamples", "3"], 2, "n_resamples must be at least 100"),
        (["--level", "2"], 2, "level must lie between 0 and 1"),
        (["--top", "0"], 2, "top must be at least 1"),
    ],
)
def test_wrong_fits(fit_cli, table, words, code, message):
    done = fit_cli(table, *words)
    assert done.exit_code == code
    assert message in done.stderr


def test_wrong_predictions(nnmass_cli, fit_cli, table, tmp_path):
    assert fit_cli(tmp_path / "none.csv").exit_code == 3
    done = nnmass_cli("predict", "resnet(depth=18)", "--fit", table)
    assert done.code == 2
    assert "is no fit" in done.err
    assert nnmass_cli("predict", "resnett").code == 2


def test_imagenet(nnmass_cli):
    done = nnmass_cli("predict", "resnet(depth=18)", "nonsense")
    assert done.code == 3
    assert "predicted top-1 on ImageNet-1k" in done.out
    assert "11.69 M" in done.out
