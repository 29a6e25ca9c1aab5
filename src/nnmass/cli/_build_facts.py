"""Which nnmass this is, on what: told without importing torch, numpy or typer."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nnmass._version import __version__

_PACKAGE = Path(__file__).resolve().parents[1]
_GIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit of a checkout.

    Attributes:
        name: Its abbreviated hash.
        is_dirty: Tracked files differ from it.

    Example:
        >>> print(Commit("237ccdb", is_dirty=True))
        commit 237ccdb, dirty
    """

    name: str
    is_dirty: bool

    def __str__(self) -> str:
        return f"commit {self.name}, dirty" if self.is_dirty else f"commit {self.name}"


def package_folder() -> Path:
    """The folder of the package nnmass that runs."""
    return _PACKAGE


def checkout_folder(package: Path = _PACKAGE) -> Path | None:
    """The checkout that ``package`` runs from; None if it was installed by copy.

    The layout is asked for, so that a package in a virtual environment inside the checkout of
    something else does not count.
    """
    root = package.parents[1]
    is_checkout = (
        package.parent.name == "src"
        and (root / "pyproject.toml").is_file()
        and (root / ".git").exists()  # a file, in a worktree
    )
    return root if is_checkout else None


def commit_of(checkout: Path) -> Commit | None:
    """The commit that is checked out; None where git is missing or refuses."""
    command = ["git", "-C", str(checkout), "--no-optional-locks", "describe"]
    options = ["--always", "--dirty", "--exclude=*", "--abbrev=7"]
    try:
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=_GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    name, dash, _ = done.stdout.strip().partition("-")
    return Commit(name, is_dirty=bool(dash)) if name else None


def installed_version(distribution: str) -> str | None:
    """The version that is installed, by its metadata; None if there is none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def version_text() -> str:
    """What `nnmass --version` prints: version and commit; Python, torch and platform."""
    checkout = checkout_folder()
    commit = commit_of(checkout) if checkout else None
    torch = installed_version("torch")
    facts = (
        f"Python {platform.python_version()}",
        f"torch {torch}" if torch else "torch is not installed",
        platform.platform(),
    )
    return f"nnmass {__version__}{f' ({commit})' if commit else ''}\n{', '.join(facts)}"
