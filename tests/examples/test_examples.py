"""The examples run, and say what they are there to show."""

import ast
import os
import re
import subprocess
import sys

import pytest

from nnmass.cli._build_facts import checkout_folder

FOLDER = checkout_folder() / "examples"
SECONDS = 240  # each takes under 30 on one slow core; the tests share theirs
NUMBER = r"[\d,.]+"

SAID = {
    "score_your_model": (
        rf"^NN-Mass {NUMBER}, density {NUMBER}, {NUMBER} params, {NUMBER} MACs",
        r"^cell 0: addition, .*\d+ of \d+ links, NN-Mass",
        r"^cell 1: concatenation, ",
        r"^  stem -> add: 16 channels$",
        r"^without the added skip: NN-Mass",
    ),
    "design_under_budget": (
        rf"^reference dense-cnn\(.*NN-Mass {NUMBER}, {NUMBER} params, {NUMBER} MACs",
        r"^candidate 3 dense-cnn\(",
        rf"^candidate 1 is proven optimal among {NUMBER} networks$",
        rf"^too small a budget: .*MACs of at least {NUMBER}",
        r"^front: NN-Mass",
        r"^after 2 epochs: test accuracy \d+\.\d%$",
        rf"^saved in designed/ and loaded again: {NUMBER} params$",
    ),
    "small_study": (
        r"^12 networks, 24 trainings$",
        r"^dense-mlp\(w=8,d=8,t=12,in=64\) .*accuracy \d+\.\d%$",
        r"^R2 over 12 networks",
        r"^  params +-?\d\.\d\d \[",
        r"^  ln macs +-?\d\.\d\d \[",
        r"^  ln mass +-?\d\.\d\d \[",
        r"^the model: ",
        r"^dense-mlp\(w=8,d=10,t=6,in=64\) is predicted to have \d+\.\d % \(",
    ),
    "sparse_and_dynamic": (
        rf"^dense: {NUMBER} params, {NUMBER} MACs, NN-Mass \d+, test accuracy \d+\.\d%$",
        r"^4 of 9 taps: .*test accuracy \d+\.\d%$",
        r"^1 of 9 taps: .*test accuracy \d+\.\d%$",
        r"^level full: .*test accuracy \d+\.\d%$",
        r"^level level-3: .*test accuracy \d+\.\d%$",
        r"^the smallest level, .*differ by \d\.\de-0[4-9] at most$",
    ),
    "audit_model": (
        r"^bits: the 8-bit model has clean accuracy \d+\.\d%$",
        r"^bits: class 3 takes at least \d+ flips in its row \(proven\); found: ",
        r"^bits: class 8 takes at least ",
        r"^mitigation: sha256 of the last layer: floor \d+, .*notices 100%$",
        r"^advice: ",
        r"^patches: .*right whatever stands in any 1x1 patch \(proven\)$",
    ),
}
QUICK = "score_your_model"


def run(name, folder):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / f"{name}.py")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    "name",
    [name if name == QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SAID],
)
def test_an_example_says_what_it_found(name, tmp_path):
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stderr
    for line in SAID[name]:
        assert re.search(line, done.stdout, re.MULTILINE), (line, done.stdout)
    written = {"score_your_model": "my_net.svg", "design_under_budget": "designed"}
    if name in written:
        assert (tmp_path / written[name]).exists()


@pytest.mark.parametrize("name", SAID)
def test_an_example_is_in_cells_and_says_how_long_it_takes(name):
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    head = ast.get_docstring(tree)
    assert re.search(r"Takes \d+ s on one slow core", head)
    assert f"python examples/{name}.py" in head
    assert len(re.findall(r"^# %% ", text, re.MULTILINE)) >= 3
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
