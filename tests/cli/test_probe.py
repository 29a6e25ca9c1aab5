import csv
import io
import math
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import nnmass
import nnmass.probes
from nnmass.cli._probing import costs_of
from nnmass.errors import ProbeError
from nnmass.probes import CATALOGUE

SMALL = "dense-mlp(w=4,d={},t={},in=64)"
NETS = [SMALL.format(d, t) for d in (4, 6) for t in (0, 2, 4)]
QUICK = ("--data", "digits", "--n-images", 20, "--seeds", 2)

FACTORY = """
import torch
from torch import nn

def small():
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10))

def broken():
    model = small()
    with torch.no_grad():
        model[0].weight[0, 0, 0, 0] = float("nan")
    return model
"""


@pytest.fixture
def factory(tmp_path, monkeypatch):
    """Name of a module with factories, in the current folder."""
    (tmp_path / "probed_nets.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    return "probed_nets"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_one_network_layer_by_layer(nnmass_cli):
    done = nnmass_cli("probe", NETS[1], *QUICK)
    assert done.code == 0
    images, _ = nnmass.probes.sample_images(
        nnmass.data.load_dataset("digits"), 20, input_shape=(64,)
    )
    found = nnmass.ldi(NETS[1], images, seeds=2)
    for layer in found.layers:
        assert any(
            layer.path in line and f"{layer.mean:.4f}" in line for line in done.out.split("\n")
        )
    assert f"Mean singular value {found.mean:.4f}" in done.out
    assert f"{nnmass.parse(NETS[1]).mass:.2f}" in done.out


def test_the_document(nnmass_cli):
    document = nnmass_cli("probe", *NETS, *QUICK, "--json").document
    assert document["schema"] == "nnmass.probe/1"
    assert [entry["name"] for entry in document["networks"]] == NETS
    for entry in document["networks"]:
        spec = nnmass.parse(entry["name"])
        costs = (entry["mass"], entry["params"], entry["macs"])
        assert costs == pytest.approx((spec.mass, spec.params, spec.macs))
        assert entry["probes"]["ldi"]["seeds"] == [0, 1]
        assert len(entry["probes"]["ldi"]["layers"]) == spec.cells[0].depth
    means = [entry["probes"]["ldi"]["mean"] for entry in document["networks"]]
    for what in ("mass", "params", "macs"):
        x = [entry[what] for entry in document["networks"]]
        fit = document["fit"][what]
        assert fit["r_squared"] == pytest.approx(np.corrcoef(x, means)[0, 1] ** 2)
        assert fit["n"] == 6
    assert document["settings"]["pixels"] == "normalised"
    assert document["equal_mass_groups"][0]["networks"] == [NETS[0], NETS[3]]


@pytest.mark.parametrize("text", [*NETS, "dense-mlp(w=8,d=9,t=20,in=5,classes=3)"])
def test_closed_forms_stand_for_tracing(text):
    opened = nnmass.open_network(text)
    traced = nnmass.trace(opened.model, opened.input_shape)
    expected = {key: getattr(traced, key) for key in ("mass", "params", "macs", "depth")}
    assert costs_of(opened, opened.input_shape) == pytest.approx(expected, rel=1e-12)


def test_several_networks_beside_one_another(nnmass_cli, tmp_path):
    files = ("--csv", "t.csv", "--svg", "f.svg", "--html", "p.html")
    done = nnmass_cli("probe", *NETS, *QUICK, *files)
    assert done.code == 0
    assert "R2 of the mean singular value: mass" in done.out
    assert "equal mass" in done.out
    rows = rows_of((tmp_path / "t.csv").read_text())
    assert [row["name"] for row in rows] == NETS
    assert all(0.1 < float(row["mean_singular_value"]) < 2 for row in rows)
    assert all(float(row["interval_low"]) < float(row["mean_singular_value"]) for row in rows)
    for what in ("mass", "params"):
        ElementTree.parse(tmp_path / f"f-against-{what}.svg")
        assert f"wrote f-against-{what}.svg" in done.err
    page = (tmp_path / "p.html").read_text()
    assert page.count("<svg") == 2
    assert "digits, normalised pixels" in page
    assert "[6/6]" in done.err


def test_every_probe_of_one_network(nnmass_cli, tmp_path):
    probes = [x for name in ("ldi", "flow", "baselines", "latency", "theory")
              for x in ("--probe", name)]  # fmt: skip
    done = nnmass_cli("probe", NETS[1], *QUICK, *probes, "--html", "p.html", "--svg", "f.svg")
    assert done.code == 0
    for said in ("Layer Jacobians", "Gradient flow", "synflow", "images/s", "Marchenko-Pastur",
                 "scale cancels"):  # fmt: skip
        assert said in done.out
    page = (tmp_path / "p.html").read_text().replace("<wbr>", "")
    assert page.count("<svg") == 3
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        "f-ldi.svg",
        "f-flow.svg",
        "f-theory.svg",
    }
    assert "NASWOT needs rectifiers" in page


def test_every_probe_of_several_networks(nnmass_cli, tmp_path):
    probes = [x for name in ("flow", "baselines", "latency", "theory") for x in ("--probe", name)]
    done = nnmass_cli("probe", *NETS[:3], *QUICK, *probes, "--csv", "t.csv", "--html", "p.html")
    assert done.code == 0
    assert all(word in done.out for word in ("Jacobian norm", "median (ms)", "grad_norm"))
    rows = rows_of((tmp_path / "t.csv").read_text())
    assert all(float(row["proxy_params"]) == float(row["params"]) for row in rows)
    assert all(row["proxy_naswot"] == "" for row in rows)
    assert all(float(row["latency_median_ms"]) > 0 for row in rows)
    assert "entries of variance 1" in (tmp_path / "p.html").read_text()


def test_probing_is_the_same_every_time_and_leaves_generators_alone(nnmass_cli):
    state = torch.get_rng_state()
    first = nnmass_cli("probe", NETS[1], "--seeds", 2, "--n-images", 5, "--json").document
    again = nnmass_cli("probe", NETS[1], "--seeds", 2, "--n-images", 5, "--json").document
    means = [document["networks"][0]["probes"]["ldi"]["means"] for document in (first, again)]
    assert means[0] == means[1]
    assert len(set(means[0])) == 2
    assert torch.equal(state, torch.get_rng_state())


def test_a_saved_network_is_measured_with_its_weights(nnmass_cli, tmp_path):
    net = nnmass.build(nnmass.parse(NETS[1]), seed=11)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(2)
    nnmass.save(net, tmp_path / "kept")
    document = nnmass_cli("probe", "kept", *QUICK, "--json").document
    entry = document["networks"][0]
    assert entry["name"] == "kept"
    assert entry["probes"]["ldi"]["seeds"] == [None]
    images, _ = nnmass.probes.sample_images(
        nnmass.data.load_dataset("digits"), 20, input_shape=(64,)
    )
    assert entry["probes"]["ldi"]["mean"] == pytest.approx(nnmass.ldi(net, images).mean)


def test_a_factory_is_drawn_from_each_seed(nnmass_cli, factory):
    done = nnmass_cli("probe", f"{factory}:small", "--input", "1x8x8", *QUICK, "--json")
    means = done.document["networks"][0]["probes"]["ldi"]["means"]
    assert len(set(means)) == 2


def test_the_released_measurement_says_that_it_is_one(nnmass_cli):
    plain = "dense-mlp(w=8,d=6,t=0,in=64)"
    done = nnmass_cli("probe", plain, *QUICK, "--legacy")
    assert done.code == 0
    assert "as the released code measures it" in done.out
    assert "note: This is the measurement of the released code" in done.out


def test_one_network_that_fails_does_not_stop_the_others(nnmass_cli, factory, tmp_path):
    done = nnmass_cli(
        "probe", "nosuch", NETS[1], "vgg(depth=11)", f"{factory}:small", *QUICK,
        "--csv", "t.csv", "--json",
    )  # fmt: skip
    assert done.code == 3
    document = done.document
    assert [entry["name"] for entry in document["networks"]] == [NETS[1]]
    failures = {entry["name"]: entry["error"] for entry in document["failures"]}
    assert "unknown family" in failures["nosuch"]
    assert "1x8x8" in failures["vgg(depth=11)"]
    assert "--input" in failures[f"{factory}:small"]
    assert all(f"nnmass probe: {name}: " in done.err for name in failures)
    rows = rows_of((tmp_path / "t.csv").read_text())
    assert [bool(row["error"]) for row in rows] == [True, False, True, True]
    assert document["fit"] is None


def test_a_failed_layer_is_no_number(nnmass_cli, factory):
    done = nnmass_cli("probe", f"{factory}:broken", "--input", "1x8x8", *QUICK)
    assert done.code == 3
    assert "failed" in done.out
    assert "not finite" in done.out
    assert not {"nan", "inf"} & set(done.out.lower().split())
    document = nnmass_cli(
        "probe", f"{factory}:broken", NETS[1], "--input", "1x8x8", *QUICK, "--json"
    ).document
    assert document["networks"][0]["probes"]["ldi"]["mean"] is None


def test_one_probe_that_fails_leaves_the_others(nnmass_cli, monkeypatch):
    def broken(*args, **kwargs):
        raise ProbeError("no such thing")

    monkeypatch.setattr(nnmass.probes, "latency", broken, raising=False)
    done = nnmass_cli("probe", NETS[0], *QUICK, "--probe", "latency", "--probe", "ldi", "--json")
    assert done.code == 3
    entry = done.document["networks"][0]
    assert entry["failures"] == {"latency": "no such thing"}
    assert entry["probes"]["ldi"]["mean"] > 0
    assert "latency: no such thing" in done.err


def test_interrupted_it_keeps_what_is_done(nnmass_cli, monkeypatch, tmp_path):
    real, calls = nnmass.probes.ldi, []

    def sometimes(network, *args, **kwargs):
        calls.append(network)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(network, *args, **kwargs)

    monkeypatch.setattr(nnmass.probes, "ldi", sometimes, raising=False)
    done = nnmass_cli("probe", *NETS, *QUICK, "--csv", "t.csv", "--html", "p.html")
    assert done.code == 130
    assert [row["name"] for row in rows_of((tmp_path / "t.csv").read_text())] == NETS[:2]
    assert "interrupted: 2 of 6" in done.err
    assert NETS[0] in done.out
    assert (tmp_path / "p.html").exists()


def test_the_csv_grows_network_by_network(nnmass_cli, monkeypatch, tmp_path):
    real, sizes = nnmass.probes.ldi, []

    def seen(*args, **kwargs):
        file = tmp_path / "t.csv"
        sizes.append(len(rows_of(file.read_text())) if file.exists() else 0)
        return real(*args, **kwargs)

    monkeypatch.setattr(nnmass.probes, "ldi", seen, raising=False)
    nnmass_cli("probe", *NETS[:3], *QUICK, "--csv", "t.csv")
    assert sizes == [0, 1, 2]


def test_quiet_is_quiet(nnmass_cli):
    assert nnmass_cli("probe", *NETS[:2], *QUICK, "--quiet").err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--probe", "ldy"], 2, "Did you mean 'ldi'"),
        (["--n-images", "0"], 2, "--n-images must be at least 1"),
        (["--data", "digits", "--n-images", "99999"], 2, "--n-images must be at most"),
        (["--data", "mnits"], 2, "Did you mean 'mnist'"),
        (["--data", "mnist"], 3, "mnist"),
        (["--seeds", "0"], 2, "--seeds must be at least 1"),
        (["--tolerance", "2"], 2, "--tolerance must be in (0, 1)"),
        (["--tolerance", "nan"], 2, "--tolerance must be in (0, 1)"),
        (["--legacy", "--probe", "flow"], 2, "--legacy is a way to measure ldi"),
        (["--steps", "2"], 2, "--steps is of flow"),
        (["--steps", "-1", "--probe", "flow"], 2, "--steps must be at least 0"),
        (["--pixels", "unit"], 2, "noise is standard normal"),
        (["--device", "abacus"], 3, "device must be"),
        (["--input", "3xx"], 2, "--input must be the sizes"),
        (["--input", "32"], 2, "32"),
        (["--threads", "0"], 2, "--threads"),
        (["--html", "."], 2, "--html must be the name of a file"),
        (["--html", "a", "--svg", "a"], 2, "same file"),
    ],
)
def test_wrong_use(nnmass_cli, arguments, code, said):
    done = nnmass_cli("probe", NETS[0], *arguments)
    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err


def test_no_network(nnmass_cli):
    assert nnmass_cli("probe").code == 2


def test_probes_ls(nnmass_cli):
    document = nnmass_cli("probes", "ls", "--json").document
    assert [entry["name"] for entry in document["probes"]] == list(CATALOGUE)
    text = nnmass_cli("probes", "ls").out
    assert all(name in text for name in CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_probes_show(nnmass_cli, name):
    document = nnmass_cli("probes", "show", name, "--json").document
    assert document["definition"]
    text = nnmass_cli("probes", "show", name).out
    assert document["source"] in text
    assert f"--probe {document['probe']}" in text
    assert "batch norms: " in text


def test_probes_show_of_an_unknown_name(nnmass_cli):
    done = nnmass_cli("probes", "show", "snipp")
    assert done.code == 2
    assert done.err.startswith("nnmass probes show: unknown probe 'snipp'. Did you mean 'snip'")


def test_numbers_are_finite_in_the_document(nnmass_cli):
    def numbers(value):
        if isinstance(value, dict):
            for entry in value.values():
                yield from numbers(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from numbers(entry)
        elif isinstance(value, float):
            yield value

    document = nnmass_cli("probe", *NETS[:3], *QUICK, "--probe", "baselines", "--json").document
    assert all(map(math.isfinite, numbers(document)))
