import subprocess
import sys

import pytest

from nnmass import __version__
from nnmass.cli import main
from nnmass.cli._build_facts import Commit, checkout_folder, commit_of, version_text


def git(folder, *arguments):
    names = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *names, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    package = tmp_path / "src" / "nnmass"
    package.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_the_entry_point_prints_what_the_option_prints(monkeypatch, capsys, nnmass_cli):
    monkeypatch.setattr(sys, "argv", ["nnmass", "--version"])
    main()
    told = capsys.readouterr().out
    assert told == nnmass_cli("--version").out == f"{version_text()}\n"
    first, second = told.splitlines()
    assert first.startswith(f"nnmass {__version__}")
    assert second.startswith(f"Python {sys.version.split()[0]}, torch ")


def test_the_version_imports_no_torch():
    code = (
        "import sys; from nnmass.cli._build_facts import version_text; version_text(); "
        "print([name for name in ('torch', 'numpy', 'typer') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_a_commit_and_what_was_changed_since(checkout):
    clean = commit_of(checkout)
    assert len(clean.name) >= 7
    assert not clean.is_dirty
    (checkout / "new.txt").write_text("not tracked", encoding="utf-8")
    assert commit_of(checkout) == clean
    (checkout / "pyproject.toml").write_text("[project]\n\n", encoding="utf-8")
    assert commit_of(checkout) == Commit(clean.name, is_dirty=True)


def test_a_checkout_is_known_by_its_layout(checkout):
    assert checkout_folder(checkout / "src" / "nnmass") == checkout
    inside = checkout / ".venv" / "site-packages" / "nnmass"
    inside.mkdir(parents=True)
    assert checkout_folder(inside) is None


def test_no_commit_without_a_repository(tmp_path):
    assert commit_of(tmp_path / "nothing") is None


def test_no_commit_without_git(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit_of(checkout) is None
