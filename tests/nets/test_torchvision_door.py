"""The way to torchvision and timm: plain, beside a torch without CUDA, and without them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from nnmass.errors import MissingExtraError
from nnmass.nets import _torchvision
from nnmass.nets._torchvision import import_timm, import_torchvision, with_torchvision

needs_zoo = pytest.mark.skipif(
    not (find_spec("timm") and find_spec("torchvision")),
    reason="the extra is missing: nnmass[zoo]",
)

# Packages that take torchvision's place, one after the other, in a process of their own.
PACKAGES = {
    "unfit": "raise RuntimeError('something else is wrong')",
    "plain": "whole = True",
    # What the real one does beside a torch without CUDA: its first modules load, then this.
    "broken": """
from torchvision import part
import torch
torch.library.register_fake("torchvision::nms")(lambda dets, scores, iou_threshold: dets)
whole = torch.ops.torchvision.qnms is not None
""",
}
SCRIPT = """
import logging, sys
from nnmass.nets import _torchvision as door

logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
for name in ("unfit", "plain", "broken"):
    sys.path.insert(0, name)
    for module in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[module]
    try:
        package = door.import_torchvision()
        print(name, package.whole, len(door._schemas), package is door.import_torchvision())
    except RuntimeError as error:
        print(name, error)
print("again", door.with_torchvision(lambda: __import__("torchvision")) is package)
"""


def test_the_three_ways_an_import_goes(tmp_path):
    for name, init in PACKAGES.items():
        (tmp_path / name / "torchvision").mkdir(parents=True)
        (tmp_path / name / "torchvision" / "__init__.py").write_text(init)
        (tmp_path / name / "torchvision" / "part.py").touch()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == ["unfit something else is wrong", "plain True 0 True"], done.stderr
    assert lines[2].startswith("only the Python half of torchvision loads beside this torch: ")
    assert "torchvision::nms" in lines[2]
    assert lines[3:] == ["broken True 1 True", "again True"]
    assert not done.stderr


def test_an_action_is_repeated_for_that_one_reason(monkeypatch):
    calls = []

    def action():
        calls.append("action")
        if "import" not in calls:
            raise RuntimeError("operator torchvision::nms does not exist")
        return 7

    monkeypatch.setattr(_torchvision, "import_torchvision", lambda: calls.append("import"))
    assert with_torchvision(action) == 7
    assert calls == ["action", "import", "action"]

    def other():
        calls.append("other")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        with_torchvision(other)
    assert calls.count("other") == 1


@pytest.mark.parametrize(
    ("call", "missing", "purpose"),
    [
        (import_timm, "timm", "a timm network"),
        (import_torchvision, "torchvision", "a torchvision network"),
    ],
)
def test_a_missing_package_says_what_to_install(call, missing, purpose, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError) as caught:
        call()
    told = f"{purpose} needs {missing}, which is not installed: pip install 'nnmass[zoo]'"
    assert str(caught.value).startswith(told)


@needs_zoo
def test_timm_without_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(MissingExtraError, match="a timm network needs torchvision, which is not"):
        import_timm()


def test_a_package_of_an_unfit_version_is_no_missing_package(monkeypatch):
    def fail(_name):
        raise ModuleNotFoundError("No module named 'torch.gone'", name="torch.gone")

    with monkeypatch.context() as patch:
        patch.setattr(_torchvision.importlib, "import_module", fail)
        with pytest.raises(ModuleNotFoundError, match=r"torch\.gone") as caught:
            import_torchvision()
    assert not isinstance(caught.value, MissingExtraError)


@needs_zoo
def test_the_real_packages():
    torchvision, timm = import_torchvision(), import_timm()
    assert torchvision is sys.modules["torchvision"] is import_torchvision()
    assert timm is sys.modules["timm"] is import_timm()
    assert "resnet50" in torchvision.models.list_models()
    assert timm.is_model("resnet50")
