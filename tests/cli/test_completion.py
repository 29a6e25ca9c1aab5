import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from nnmass.cli import _completion, main
from nnmass.cli._app import app
from nnmass.data import DATASETS
from nnmass.probes import CATALOGUE
from nnmass.specs import FAMILIES
from nnmass.train import RECIPES


def offered(line):
    """What bash is offered for the last word of ``line``."""
    variables = {
        "_NNMASS_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = CliRunner().invoke(app, [], env=variables, prog_name="nnmass")
    return done.stdout.split()


def test_names_that_stand_twice():
    assert set(_completion.RECIPE_NAMES) == set(RECIPES)
    assert set(_completion.PROBE_NAMES) == set(CATALOGUE)


@pytest.mark.parametrize(
    ("line", "among"),
    [
        ("nnmass nets show ", set(FAMILIES)),
        ("nnmass datasets check cif", {"cifar10", "cifar100"}),
        ("nnmass train x --data ", set(DATASETS)),
        ("nnmass train x --recipe ", set(RECIPES)),
        ("nnmass train x --device c", {"cpu", "cuda"}),
        ("nnmass probes show s", {"snip", "synflow"}),
        ("nnmass probe x --probe l", {"ldi", "latency"}),
        ("nnmass probe x --data n", {"noise"}),
        ("nnmass design --family dense", {"dense-mlp", "dense-cnn", "densenet"}),
        ('nnmass mass "res', {"resnet(", "resnext("}),
        ('nnmass inspect "vgg(depth=16,', {"vgg(depth=16,bn="}),
        ("nnmass do", {"doctor"}),
    ],
)
def test_what_is_offered(line, among):
    assert among <= set(offered(line))


def test_what_is_not_offered():
    assert offered('nnmass mass "no-family(') == []
    assert not any("depth=16,depth" in word for word in offered('nnmass mass "vgg(depth=16,'))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_call_nnmass(monkeypatch, capsys, shell):
    monkeypatch.setattr(sys, "argv", ["nnmass", "--show-completion", shell])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    script = capsys.readouterr().out
    assert f"_NNMASS_COMPLETE=complete_{shell}" in script
    assert "nnmass" in script


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_installing(monkeypatch, capsys, tmp_path, shell):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["nnmass", "--install-completion", shell])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert f"{shell}: completion is in {tmp_path}" in capsys.readouterr().out
    files = [path for path in tmp_path.rglob("*nnmass*") if path.is_file()]
    assert "_NNMASS_COMPLETE" in files[0].read_text(encoding="utf-8")


def test_an_unknown_shell(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nnmass", "--show-completion", "fisch"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("nnmass --show-completion: unknown shell 'fisch'")
    assert "Did you mean 'fish'" in told


def test_completion_needs_no_torch():
    code = (
        "import sys; from nnmass.cli import _completion as c; c.complete_network(''); "
        "c.complete_data(''); c.complete_measurement(''); print('torch' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "False\n"
