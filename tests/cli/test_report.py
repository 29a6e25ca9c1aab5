import json
import re

import pytest


@pytest.fixture(name="inspected")
def inspected_fixture(nnmass_cli, tmp_path):
    done = nnmass_cli("inspect", "dense-cnn(wm=1,d=6,t=10/20)", "--json")
    (tmp_path / "a.json").write_text(done.out)
    return nnmass_cli


def test_one_page_of_what_verbs_wrote(inspected, tmp_path):
    mass = inspected("mass", "dense-mlp(w=8,d=16,t=8)", "--json").out
    (tmp_path / "b.json").write_text(mass)
    design = inspected("design", "--like", "dense-mlp(w=8,d=16,t=8)", "--out", "designs", "--quiet")
    assert design.code == 0
    done = inspected("report", "a.json", "b.json", "designs", "--title", "Mine", "--light")
    assert (done.code, done.out) == (0, "")
    assert re.search(r"wrote report.html \([\d.]+ KiB\)", done.err)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<article") == 3
    assert "<title>Mine</title>" in page
    assert "page made by" in page


def test_the_document_of_a_report(inspected, tmp_path):
    done = inspected("report", "a.json", "-o", "pages/p.html", "--json")
    document = done.document
    assert document["schema"] == "nnmass.report/1"
    assert document["bytes"] == (tmp_path / "pages" / "p.html").stat().st_size
    assert [part["title"] for part in document["parts"]] == [
        "The skips of dense-cnn(wm=1,d=6,t=10/20)"
    ]
    assert inspected("report", "a.json", "--quiet", "--light").err == ""


def test_without_plotly_pictures_are_still(inspected, tmp_path, monkeypatch):
    monkeypatch.setattr("nnmass.cli.report.find_spec", lambda name: None)
    done = inspected("report", "a.json")
    assert "still pictures; pip install" in done.err
    assert (tmp_path / "report.html").stat().st_size < 300_000


@pytest.mark.parametrize(
    ("sources", "code", "told"),
    [
        (["gone.json"], 3, "there is no file or folder 'gone.json'"),
        (["."], 2, "the folder holds none of"),
        (["a.json", "b.json"], 3, "there is no file or folder 'b.json'"),
        (["a.json", "--out", "."], 2, "--out must be the name of a file"),
        (["a.json", "--out", "a.json/x.html"], 3, "a.json"),
        (["note.txt"], 2, "holds no JSON"),
    ],
)
def test_mistakes(inspected, tmp_path, sources, code, told):
    (tmp_path / "note.txt").write_text("not a result")
    done = inspected("report", *sources)
    assert done.code == code, done.err
    assert told in done.err
    assert not (tmp_path / "report.html").exists()
    assert json.loads((tmp_path / "a.json").read_text())["schema"] == "nnmass.inspect/1"
