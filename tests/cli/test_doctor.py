import re
import tomllib
from pathlib import Path

import pytest
import torch

from nnmass.cli import _doctor_packages
from nnmass.cli._build_facts import checkout_folder
from nnmass.cli._doctor_checks import judged
from nnmass.cli._doctor_import import Import, import_apart
from nnmass.cli._doctor_output import _unused_gpu_lines
from nnmass.cli._doctor_packages import PACKAGES, PURPOSES, Package
from nnmass.cli._doctor_survey import module_file, survey_packages, survey_pins
from nnmass.cli._doctor_torch import torch_facts

KEYS = {
    *("schema", "works", "nnmass", "python", "platform", "torch", "devices", "device"),
    *("has_nvidia_driver", "packages", "data", "browser", "pins"),
}
NOT_LOOKED_AT = {"all", "dev"}


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Writes modules that are found like installed ones."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(**texts):
        for name, text in texts.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def doctor(nnmass_cli, monkeypatch):
    """`nnmass doctor` that knows other packages."""

    def run(packages, *arguments):
        monkeypatch.setattr(_doctor_packages, "PACKAGES", tuple(packages))
        return nnmass_cli("doctor", *arguments)

    return run


def fake(name, extra="ray", minimum="1.0"):
    return Package(name, minimum, name, extra)


def by_name(done):
    return {entry["name"]: entry for entry in done.document["packages"]}


def test_the_packages_are_those_of_pyproject():
    project = tomllib.loads((checkout_folder() / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {(None, text) for text in project["dependencies"]}
    for extra, texts in project["optional-dependencies"].items():
        if extra not in NOT_LOOKED_AT:
            others = [text for text in texts if not text.startswith("nnmass[")]
            wanted |= {(extra, re.sub(r"\[.*?\]", "", text)) for text in others}
    assert {(entry.extra, f"{entry.name}>={entry.minimum}") for entry in PACKAGES} == wanted
    assert set(PURPOSES) == {entry.extra for entry in PACKAGES} - {None}


def test_a_broken_a_missing_and_a_working_extra(doctor, modules):
    modules(
        fake_ray='raise RuntimeError("no wheel for this\\nand more")', fake_plot="__version__ = '2'"
    )
    packages = [fake("numpy", None), fake("fake_ray"), fake("fake_none"), fake("fake_plot")]
    done = doctor(packages, "--json")
    assert done.code == 0
    document, entries = done.document, by_name(done)
    assert document["schema"] == "nnmass.doctor/1"
    assert document["works"]
    broken, missing, good = entries["fake_ray"], entries["fake_none"], entries["fake_plot"]
    assert (broken["status"], broken["error"]) == ("broken", "RuntimeError: no wheel for this")
    assert broken["file"].endswith("fake_ray.py")
    assert "--force-reinstall --no-deps fake_ray" in broken["mend"]
    assert missing["status"] == "missing"
    assert missing["mend"] == 'pip install --constraint constraints.txt ".[ray]"'
    assert (good["status"], good["version"], good["mend"]) == ("ok", "2", None)
    assert good["seconds"] >= 0


def test_the_text_says_what_to_do(doctor, modules):
    modules(fake_ray='raise RuntimeError("no wheel")')
    text = doctor([fake("numpy", None), fake("fake_ray"), fake("fake_none", "onnx")]).out
    assert re.search(r"^fake_ray +ray .* broken ", text, re.MULTILINE)
    assert "fake_ray.py): RuntimeError: no wheel\n  pip install" in text
    assert "missing, needed for ONNX files only:\n  pip install --constraint" in text
    assert text.endswith("nnmass works.\n")


@pytest.mark.parametrize("text", ["raise ImportError('half of it')", None])
def test_a_hard_dependency_that_does_not_work(doctor, modules, text):
    modules(**({"fake_core": text} if text else {}))
    done = doctor([fake("fake_core", None)])
    status = "broken" if text else "missing"
    assert done.code == 3
    assert done.out.endswith(f"nnmass does not work: fake_core is {status}.\n")
    assert doctor([fake("fake_core", None)], "--json").document["works"] is False


def test_the_document(doctor, tmp_path):
    done = doctor([fake("numpy", None)], "--json", "--data-dir", tmp_path)
    document = done.document
    assert set(document) == KEYS
    assert set(document["nnmass"]) == {"version", "folder", "checkout", "commit", "is_dirty"}
    assert document["devices"][0]["name"] == "cpu"
    data = document["data"]
    assert (data["folder"], data["exists"]) == (str(tmp_path), True)
    found = {entry["name"]: entry["is_found"] for entry in data["datasets"]}
    assert found["digits"]
    assert not found["mnist"]


def test_torch_and_its_device(doctor):
    document = doctor(
        [entry for entry in PACKAGES if entry.name == "torch"], "--json", "--seconds", 120
    ).document
    assert document["torch"]["version"] == document["packages"][0]["version"]
    assert document["torch"]["threads"] >= 1
    assert document["device"].startswith(("cpu", "cuda"))


@pytest.mark.slow
def test_all_packages(nnmass_cli):
    done = nnmass_cli("doctor", "--json", "--seconds", 240)
    assert done.code == 0
    entries = by_name(done)
    assert set(entries) == {package.name for package in PACKAGES}
    hard = {name for name, entry in entries.items() if entry["extra"] is None}
    assert all(entries[name]["status"] == "ok" for name in hard)
    assert "late" not in {entry["status"] for entry in entries.values()}


class Gpu:
    name, total_memory = "GPU of a test", 80 * 2**30


def test_cuda_devices(monkeypatch):
    def properties(index):
        if index:
            raise RuntimeError("CUDA error: out of memory\nmore")
        return Gpu

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    facts = torch_facts()
    assert facts["device"] == "cuda"
    good, ill = facts["cuda_devices"]
    assert good == {"name": "cuda:0", "title": Gpu.name, "memory_bytes": Gpu.total_memory}
    assert ill["title"] == "cannot be used: CUDA error: out of memory"


@pytest.mark.parametrize(
    ("cuda", "line"), [(None, "but this torch is a CPU build"), ("12.8", "CUDA 12.8 finds no GPU")]
)
def test_a_gpu_that_is_not_used(cuda, line):
    document = {"torch": {"cuda": cuda}, "devices": [{"name": "cpu"}], "has_nvidia_driver": True}
    assert line in _unused_gpu_lines(document)[0]
    assert _unused_gpu_lines(document | {"has_nvidia_driver": False}) == []


def test_a_crash_is_told_and_what_comes_behind_it_goes_on(modules):
    modules(fake_abort="import os\nos.abort()", fake_good="print('@nnmass')")
    crashed, good = import_apart([["fake_abort"], ["fake_good"]], timeout_s=60)
    assert crashed.error.startswith("the process that imports it ended by SIGABRT")
    assert good.error is None


def test_a_module_that_ends_the_process_is_broken(modules):
    modules(fake_exit="import sys\nsys.exit('licence expired')")
    assert import_apart([["fake_exit"]], timeout_s=60)[0].error == "SystemExit: licence expired"


def test_what_takes_too_long_is_late_not_broken(modules):
    modules(fake_slow="import time\ntime.sleep(60)")
    found = survey_packages([fake("fake_slow")], seconds=0.5, is_checkout=True).found[0]
    assert found.status == "late"
    assert found.mend == "nnmass doctor --seconds 60"
    assert found.error == "was not imported within 1 s"


def test_an_old_version_is_broken():
    package = fake("fake", minimum="2.6")
    found = judged(
        package, installed="2.5.1", file="f.py", outcome=Import(seconds=0.1), is_checkout=False
    )
    assert found.status == "broken"
    assert found.error == "2.5.1 is installed, nnmass needs 2.6 or newer"
    assert found.mend == 'pip install --upgrade "fake>=2.6"'


def test_a_record_without_a_module_is_broken():
    found = judged(fake("fake"), installed="2.0", file=None, outcome=None, is_checkout=True)
    assert found.status == "broken"
    assert "there is no module 'fake'" in found.error


def test_a_part_that_is_missing_is_installed_with_the_extra():
    outcome = Import(error="ModuleNotFoundError: No module named 'pandas'", seconds=0.1)
    found = judged(fake("fake"), installed="2.0", file="f.py", outcome=outcome, is_checkout=False)
    assert found.mend == 'pip install "nnmass[ray]"'


def test_a_bare_folder_is_no_module(tmp_path, monkeypatch):
    (tmp_path / "fake_folder").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert module_file("fake_folder") is None
    assert module_file("numpy").endswith("__init__.py")


def test_pins_that_differ(tmp_path):
    (tmp_path / "constraints.txt").write_text("# pins\npytest==0.1\nnothing==1\n", "utf-8")
    (pin,) = survey_pins(tmp_path)
    assert (pin["name"], pin["pinned"], pin["installed"]) == ("pytest", "0.1", pytest.__version__)
    assert survey_pins(None) is None
    assert survey_pins(Path("nowhere")) is None


def test_seconds_must_be_positive(nnmass_cli):
    done = nnmass_cli("doctor", "--seconds", "0")
    assert done.code == 2
    assert "--seconds must be a finite number above 0, got 0" in done.err
