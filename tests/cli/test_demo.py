import json


def test_the_demo_in_small(nnmass_cli, tmp_path):
    """One seed, one epoch: everything but the accuracy is as in the real one."""
    out = tmp_path / "demo"
    done = nnmass_cli("demo", "--seeds", 1, "--epochs", 1, "--out", out, "--threads", 1)
    assert done.code == 0
    assert "Designed before any training" in done.err
    assert "[3/3] control" in done.err
    rows = {line.split()[0]: line for line in done.out.splitlines()[1:4]}
    assert set(rows) == {"reference", "designed", "control"}
    assert "±" not in done.out  # one seed has no spread
    document = json.loads((out / "demo.json").read_text())
    assert document["verdict"] == done.out.splitlines()[-1]
    reference, designed, control = document["networks"]
    assert designed["mass"] >= reference["mass"] > 10 * control["mass"]
    assert designed["params"] < reference["params"] / 2
    assert 0.9 < control["params"] / designed["params"] < 1.1
    page = (out / "report.html").read_text()
    assert document["verdict"].split(":")[0] in page
    assert "<script" not in page


def test_the_demo_as_json(nnmass_cli, tmp_path):
    done = nnmass_cli("demo", "--seeds", 1, "--epochs", 1, "--out", tmp_path / "d", "--json")
    assert done.err == ""
    assert done.document["schema"] == "nnmass.demo/1"
    assert len(done.document["networks"]) == 3


def test_wrong_use(nnmass_cli):
    done = nnmass_cli("demo", "--seeds", 0)
    assert done.code == 2
    assert "n_seeds must be at least 1, got 0" in done.err
